"""Whose a parameter is. Parameters are named by layer, in layers that run both ways by direction, and key: ``0.W``, ``3.forward.W``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnngraph.conf.layers import GravesBidirectionalLSTM, GravesLSTM, innermost

if TYPE_CHECKING:
    from rnngraph.conf.network import MultiLayerConfiguration
    from rnngraph.conf.updaters import Updater


def index_of(parameter: str) -> int:
    """The layer's number: 3 of ``3.forward.W``."""
    return int(parameter.partition(".")[0])


def key_of(parameter: str) -> str:
    """What it is in its layer: ``W`` of ``3.forward.W``."""
    return parameter.rpartition(".")[2]


def owner(config: MultiLayerConfiguration, parameter: str) -> Any:
    """The layer that has it; inside wrappers, the innermost one."""
    return innermost(config.layers[index_of(parameter)])


def updater_of(config: MultiLayerConfiguration, parameter: str) -> Updater:
    """The updater that moves it."""
    found: Updater = owner(config, parameter).updater_of(key_of(parameter))
    return found


def array_of(config: MultiLayerConfiguration, parameter: str) -> str:
    """The parameter whose array has it in DL4J: peepholes are columns of the recurrent weights there, all others stand alone."""
    peepholes = key_of(parameter) == "P" and isinstance(owner(config, parameter), (GravesLSTM, GravesBidirectionalLSTM))
    return f"{parameter[:-1]}R" if peepholes else parameter


def label(config: MultiLayerConfiguration, parameter: str) -> str:
    """Its layer in messages."""
    index = index_of(parameter)
    return f"layers[{index}] ({config.layers[index].tag()})"
