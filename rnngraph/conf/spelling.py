"""rnngraph's spelling for a field name that it does not have: DL4J's, torch's, Keras's, another class's, or a slip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnngraph.names import nearest, squeezed
from rnngraph.spelling import OF_GRAPHS

FOREIGN: Mapping[str, str] = {
    # DL4J's builders and JSON
    "activationfn": "activation",
    "activationfunction": "activation",
    "backproptype": "backprop",
    "gateactivationfn": "gate_activation",
    "gateactivationfunction": "gate_activation",
    "idropout": "dropout",
    "inputheight": "height",
    "inputwidth": "width",
    "inputpreprocessor": "preprocessors",
    "inputpreprocessors": "preprocessors",
    "iupdater": "updater",
    "kernel": "kernel_size",
    "layername": "name",
    "lossfn": "loss",
    "lossfunction": "loss",
    "numchannels": "channels",
    "setinputtype": "input_type",
    "maskingvalue": "mask_value",
    "setmaskvalue": "mask_value",
    "rnnlayer": "layer",
    "timeserieslength": "timesteps",
    "underlying": "layer",
    "validateoutputlayerconfig": "validate_output_layer",
    "weightinitfn": "weight_init",
    "weightinitfnrecurrent": "weight_init_recurrent",
    # torch and Keras
    "bias": "has_bias",
    "eps": "epsilon",
    "filters": "n_out",
    "hiddensize": "n_out",
    "infeatures": "n_in",
    "inputsize": "n_in",
    "kernelinitializer": "weight_init",
    "linearbeforereset": "reset_after",
    "lr": "learning_rate",
    "mergemode": "mode",
    "inchannels": "n_in",
    "optimizer": "updater",
    "outchannels": "n_out",
    "outfeatures": "n_out",
    "poolsize": "kernel_size",
    "recurrentactivation": "gate_activation",
    "recurrentinitializer": "weight_init_recurrent",
    "strides": "stride",
    "units": "n_out",
    "usebias": "has_bias",
}
"""Other systems' names, squeezed, and ours."""

SENTENCES: Mapping[str, str] = {
    "tbpttlength": "write backprop=TruncatedBPTT(length=...)",
    "tbpttfwdlength": "write backprop=TruncatedBPTT(length=...)",
    "tbpttforwardlength": "write backprop=TruncatedBPTT(length=...)",
    "tbpttbacklength": "write backprop=TruncatedBPTT(length=..., backward_length=...)",
    "tbpttbackwardlength": "write backprop=TruncatedBPTT(length=..., backward_length=...)",
    **OF_GRAPHS,
}
"""Names that are no field here but part of another setting."""


def unknown_field(name: str, owner: str, fields: Mapping[str, Sequence[str]]) -> str:
    """What to write instead of field ``name`` of class ``owner``; ``fields`` has the field names of every class."""
    said = f"{owner} has no field {name!r}"
    key = squeezed(name)
    ours = {squeezed(f): f for names in fields.values() for f in names}.get(key, FOREIGN.get(key))
    if key in SENTENCES:
        return f"{said}; {SENTENCES[key]}"
    if ours in fields[owner]:
        return f"{said}; write {ours}"
    holders = sorted(cls for cls, names in fields.items() if ours in names)
    if holders:
        return f"{said}; {ours} is a field of {', '.join(holders)}"
    near = nearest(name, fields[owner])
    if near:
        return f"{said}; did you mean {' or '.join(near)}?"
    return f"{said}; its fields are {', '.join(fields[owner])}"
