"""``configuration.json`` of a MultiLayerNetwork, as DL4J 1.0.0-M2.1 writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rnngraph.conf import Layer, MultiLayerConfiguration, TruncatedBPTT, WeightLayer
from rnngraph.conf.layers import WrapperLayer, innermost
from rnngraph.conf.layers.windowed import Windows
from rnngraph.dl4j.configuration import DATA_TYPES
from rnngraph.dl4j.layouts import keys
from rnngraph.dl4j.writing.layers import Place, layer_json
from rnngraph.dl4j.writing.preprocessors import preprocessor_json, preprocessors, with_format
from rnngraph.dl4j.writing.problems import NotInDL4JError
from rnngraph.dl4j.writing.text import Json, printed

TYPES = {ours: theirs for theirs, ours in DATA_TYPES.items()}
LENGTH = 20
"""What DL4J notes for truncated BPTT where there is none."""


def configuration_json(config: MultiLayerConfiguration, iteration: int = 0, epoch: int = 0) -> str:
    """The text of the file.

    NotInDL4JError, which names layer and element, for what DL4J lacks.
    """
    found = preprocessors(config)
    layers = [with_format(layer_json(layer, _place(config, k)), found.get(k)) for k, layer in enumerate(config.layers)]
    document = {
        "confs": [conf_json(config, layer, variables(config.layers[k])) for k, layer in enumerate(layers)],
        "inputPreProcessors": {str(index): preprocessor_json(one) for index, one in found.items()},
        **network_json(config, iteration, epoch),
    }
    return printed(dict(sorted(document.items())))


def conf_json(config: Any, layer: Json | None, variables: Sequence[str]) -> Json:
    """What stands around a layer, or in a graph around all."""
    return {
        "cacheMode": "NONE",
        "dataType": TYPES[config.data_type],
        "epochCount": 0,  # DL4J counts at the top alone
        "iterationCount": 0,
        "layer": layer,
        "maxNumLineSearchIterations": 5,
        "miniBatch": config.mini_batch,
        "minimize": True,
        "optimizationAlgo": "STOCHASTIC_GRADIENT_DESCENT",
        "seed": config.seed - 2**64 if config.seed >= 2**63 else config.seed,  # Java's is signed
        "stepFunction": None,
        "variables": list(variables),
    }


def network_json(config: Any, iteration: int, epoch: int) -> Json:
    """What stands at the top of networks of both kinds."""
    truncated = isinstance(config.backprop, TruncatedBPTT)
    length = config.backprop.length if truncated else LENGTH
    if truncated and config.backprop.backward_length not in (None, length):
        raise NotInDL4JError(
            f"backprop=TruncatedBPTT(length={length}, backward_length={config.backprop.backward_length})",
            "backward length",
            f"its gradients go back whole segments whatever it is set to: config.replaced(backprop=TruncatedBPTT({length})) does too",
        )
    return {
        "backpropType": "TruncatedBPTT" if truncated else "Standard",
        "cacheMode": "NONE",
        "dataType": TYPES[config.data_type],
        "epochCount": epoch,
        "inferenceWorkspaceMode": "ENABLED",
        "iterationCount": iteration,
        "tbpttBackLength": length,
        "tbpttFwdLength": length,
        "trainingWorkspaceMode": "ENABLED",
        "validateOutputLayerConfig": True,  # which DL4J looks at while a configuration is built, not when it is read
    }


def _place(config: MultiLayerConfiguration, index: int) -> Place:
    """Where layer ``index`` stands. The network's settings are those of the first layer that has all, since those have an effect."""
    layers = [innermost(layer) for layer in config.layers]
    first: Any = next((layer for layer in layers if isinstance(layer, WeightLayer)), config)
    return Place(
        where=f"layers[{index}] ({config.layers[index].title})",
        name=config.layers[index].name or f"layer{index}",
        data_type=TYPES[config.data_type],
        activation=first.activation or "sigmoid",
        updater=first.updater,
        weight_init=first.weight_init,
        vectors=config.stages[index].takes.tag() == "feed_forward",
    )


def variables(layer: Layer) -> Sequence[str]:
    """The keys that DL4J notes of a layer's parameters: none of a wrapper's but Bidirectional, and of a convolution the weights first."""
    if isinstance(layer, WrapperLayer) and layer.tag() != "Bidirectional":
        return ()
    return sorted(keys(layer)) if isinstance(layer, Windows) else keys(layer)
