"""Whose a parameter is. It is named by layer or vertex, in layers that run both ways by direction, and key: ``0.W``, ``3.forward.W``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnngraph.conf.layers import GravesBidirectionalLSTM, GravesLSTM, innermost

if TYPE_CHECKING:
    from rnngraph.conf.settings import NetworkConfiguration
    from rnngraph.conf.updaters import Updater


def index_of(config: NetworkConfiguration, parameter: str) -> int:
    """The layer's number: 3 of ``3.forward.W``, in a graph that of the vertex whose name it begins with."""
    return next(k for k, name in enumerate(config.layer_names) if parameter.startswith(f"{name}."))


def key_of(parameter: str) -> str:
    """What it is in its layer: ``W`` of ``3.forward.W``."""
    return parameter.rpartition(".")[2]


def owner(config: NetworkConfiguration, parameter: str) -> Any:
    """The layer that has it; inside wrappers, the innermost one."""
    return innermost(config.layers[index_of(config, parameter)])


def updater_of(config: NetworkConfiguration, parameter: str) -> Updater:
    """The updater that moves it."""
    found: Updater = owner(config, parameter).updater_of(key_of(parameter))
    return found


def array_of(config: NetworkConfiguration, parameter: str) -> str:
    """The parameter whose array has it in DL4J: peepholes are columns of the recurrent weights there, all others stand alone."""
    peepholes = key_of(parameter) == "P" and isinstance(owner(config, parameter), (GravesLSTM, GravesBidirectionalLSTM))
    return f"{parameter[:-1]}R" if peepholes else parameter


def label(config: NetworkConfiguration, parameter: str) -> str:
    """Its layer in messages."""
    return config.layer_label(index_of(config, parameter))
