"""rnngraph's spelling for a name that one of its objects does not have: DL4J's, torch's, Keras's, or a slip. Imports nothing heavy.

- :class:`Spelled` is the base of objects that tell it where an attribute is asked for;
- :func:`spelled` makes a function tell it where a keyword is given.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from rnngraph.names import nearest, squeezed

P = ParamSpec("P")
R = TypeVar("R")

FOREIGN: Mapping[str, str] = {
    # DL4J; what differs in case, underscores or a leading "get" alone needs no entry
    "addlisteners": "set_listeners",
    "alignmentmode": "alignment",
    "asarraysdataset": "batch_by",
    "aslist": "batch_by",
    "availablecheckpoints": "checkpoints",
    "batch": "batch_size",
    "bestexpectedscore": "target",
    "columnnames": "labels",
    "computegradientandscore": "gradient",
    "configuration": "config",
    "confusionmatrix": "confusion",
    "epochcount": "epoch",
    "feedforward": "output",
    "getconfiguration": "config",
    "featuresmaskarray": "features_mask",
    "featuresreader": "features",
    "getconfusionmatrix": "confusion",
    "getepochcount": "epoch",
    "getfeaturesmaskarray": "features_mask",
    "getiterationcount": "iteration",
    "getlabelsmaskarray": "labels_mask",
    "getlayerwiseconfigurations": "config",
    "getmodelparams": "parameters",
    "frequency": "every",
    "getnumrowcounter": "num_examples",
    "getrange": "rows",
    "invocationtype": "unit",
    "iterationcount": "iteration",
    "keeplastandevery": "keep_every",
    "labelsmaskarray": "labels_mask",
    "labelsreader": "labels",
    "layerwiseconfigurations": "config",
    "loadlastcheckpointcg": "resume",
    "loadlastcheckpointmln": "resume",
    "maxepochswithnoimprovement": "patience",
    "maxtime": "max_minutes",
    "minibatchsize": "batch_size",
    "numepochs": "epochs",
    "numpossiblelabels": "n_classes",
    "params": "parameters",
    "paramtable": "parameters",
    "preprocess": "transform",
    "printiterations": "every",
    "reader": "features",
    "rnnactivateusingstoredstate": "rnn_time_step",
    "saveevery": "every_minutes",
    "saveeverynepochs": "every_n_epochs",
    "saveeveryniterations": "every_n_iterations",
    "setparams": "set_parameters",
    "setparamtable": "set_parameters",
    "splittestandtrain": "split",
    # torch, Keras and scikit-learn
    "callbacks": "listeners",
    "forward": "output",
    "inversetransform": "revert",
    "loadstatedict": "set_parameters",
    "mask": "features_mask",
    "maxtokeep": "keep_last",
    "mindelta": "min_improvement",
    "predict": "output",
    "resetstates": "rnn_clear_previous_state",
    "restorebestweights": "restore_best",
    "savetopk": "keep_last",
    "statedict": "parameters",
    "validationdata": "validation",
    "verbose": "progress",
    "x": "features",
    "y": "labels",
}
"""Other systems' names, squeezed, and ours."""

_VERTICES = "config.vertices holds the layers and vertices of a graph by name"
_COLUMNS = "len(labels) is their number"
_METRICS = "metrics() gives the main numbers by name"
_LAYERS = f"config.layers holds the layers; {_VERTICES}"
OF_GRAPHS: Mapping[str, str] = {
    "addinputs": "write ComputationGraphConfiguration(inputs=['a', 'b'], ...)",
    "addlayer": "write ComputationGraphConfiguration(vertices={'name': (layer, 'input'), ...}, ...)",
    "addvertex": "write ComputationGraphConfiguration(vertices={'name': (vertex, 'a', 'b'), ...}, ...)",
    "graphbuilder": "there are no builders; write ComputationGraphConfiguration(inputs=[...], vertices={...}, outputs=[...])",
    "setinputtypes": "write ComputationGraphConfiguration(input_types={'input': InputType.recurrent(12), ...}, ...)",
    "setoutputs": "write ComputationGraphConfiguration(outputs=['a', 'b'], ...)",
}
"""What DL4J's builder of graphs has, and where it stands here."""
_LOOP = "write `for one in it:`, which begins with the first one each time"
OF_ITERABLES: Mapping[str, str] = {
    "alignmentmode": "alignment is text: 'equal_length', 'align_start' or 'align_end'",
    "hasnext": _LOOP,
    "next": _LOOP,
    "nextsequence": _LOOP,
    "reset": "iterating begins with the first one each time, so there is nothing to reset",
    "sequencerecord": _LOOP,
}
"""What DL4J's iterators and readers have."""
SENTENCES: Mapping[str, str] = {
    "builder": "there are no builders; its settings are keyword arguments",
    "deleteexisting": "what another run wrote stays; give an empty folder",
    "getlayer": _LAYERS,
    "getlayers": _LAYERS,
    "getnumclasses": _COLUMNS,
    "getvalue": _METRICS,
    "getvertex": _VERTICES,
    "getvertices": _VERTICES,
    "loadcheckpointcg": "ComputationGraph.load(path) loads one of checkpoints(folder)",
    "loadcheckpointmln": "MultiLayerNetwork.load(path) loads one of checkpoints(folder)",
    "numcolumns": _COLUMNS,
    "numlabels": _COLUMNS,
    "numparams": "parameters() gives all by name, and summary() their number",
    "outputsingle": "write output(features), and [0] of a graph's, which is a list",
    "scoreformetric": _METRICS,
    "setlabelnames": "write labels=[...] where the evaluation is made",
    **OF_GRAPHS,
}
"""Names for which rnngraph has no single one."""


def advice(name: str, own: Iterable[str], otherwise: str) -> str:
    """What to write instead of ``name``, where there are the names ``own``; ``otherwise`` where none comes near."""
    names = list(own)
    ours, key = {squeezed(n): n for n in names}, squeezed(name)
    candidates = (key, key.removeprefix("get"), squeezed(FOREIGN.get(key, "")))
    found = next((ours[c] for c in candidates if c in ours), None)
    if found is not None:
        return f"write {found}"
    near = nearest(name, names)
    return SENTENCES.get(key) or (f"did you mean {' or '.join(near)}?" if near else otherwise)


def no_attribute(owner: type, name: str, own: Iterable[str]) -> AttributeError:
    """The error for an attribute that ``owner`` and its objects, which have ``own``, do not have."""
    public = [n for n in own if not n.startswith("_")]
    told = OF_ITERABLES.get(squeezed(name)) if hasattr(owner, "__iter__") else None
    told = told or advice(name, public, f"dir({owner.__name__}) lists its names")
    return AttributeError(f"{owner.__name__} has no attribute {name!r}; {told}", name=name)


class SpelledType(type):
    """The class of :class:`Spelled` classes, so that ``StateSnapshot.fromBytes`` is told too."""

    if not TYPE_CHECKING:  # hidden from the type checker, to which a class with __getattr__ has every name

        def __getattr__(cls, name: str) -> Any:
            """Called for names that do not exist only."""
            if name.startswith("_"):
                raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}", name=name, obj=cls)
            raise no_attribute(cls, name, dir(cls))


class Spelled(metaclass=SpelledType):
    """Base of objects that answer a name that they do not have with rnngraph's spelling of it (``rnnTimeStep``: write rnn_time_step)."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Called for names that do not exist only."""
            if name.startswith("_"):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            raise no_attribute(type(self), name, dir(self))


def spelled(function: Callable[P, R]) -> Callable[P, R]:
    """The method ``function``, which answers a keyword that it does not have with a TypeError that gives rnngraph's spelling of it."""
    parameters = list(inspect.signature(function).parameters)
    own = [name for name in parameters if name not in ("self", "cls")]
    method = function.__name__ if parameters[:1] == ["self"] else None
    listed = f"its arguments are {', '.join(own)}"

    @wraps(function)
    def told(*args: P.args, **keywords: P.kwargs) -> R:
        for name in keywords:
            if name not in own:
                label = function.__qualname__ if method is None else f"{type(args[0]).__name__}.{method}"  # which may be inherited
                label = label.removesuffix(".__init__")
                raise TypeError(f"{label} has no argument {name!r}; {advice(name, own, listed)}")
        return function(*args, **keywords)

    return told
