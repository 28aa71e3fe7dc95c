"""ComputationGraphConfiguration: how it is written, what is filled in, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

import rnngraph as rg
from rnngraph.conf import ComputationGraphConfiguration

R, F = rg.InputType.recurrent, rg.InputType.feed_forward


def lstm(n_in: int | None = None, n_out: int = 4) -> Any:
    return rg.LSTM(n_in=n_in, n_out=n_out) if n_in else rg.LSTM(n_out=n_out)


def series(n_in: int | None = None) -> Any:
    return rg.RnnOutputLayer(n_in=n_in, n_out=2) if n_in else rg.RnnOutputLayer(n_out=2)


def translator(**fields: Any) -> ComputationGraphConfiguration:
    vertices = {
        "y": (series(), "decoder"),
        "decoder": (lstm(), "target", "each"),
        "each": (rg.DuplicateToTimeSeriesVertex("target"), "thought"),
        "thought": (rg.LastTimeStepVertex("source"), "encoder"),
        "encoder": (lstm(), "source"),
    }
    given: dict[str, Any] = {"inputs": ["source", "target"], "vertices": vertices, "outputs": "y", "seed": 3, "updater": rg.Adam(1e-3)}
    return ComputationGraphConfiguration(**{**given, "input_types": {"source": R(5), "target": R(3)}, **fields})


def test_what_stands_there_afterwards() -> None:
    config = translator(l2=1e-4, mask_mode="ignore")
    assert config.layer_names == ("encoder", "thought", "each", "decoder-merge", "decoder", "y")
    merge, decoder = config.vertices["decoder-merge"], config.vertices["decoder"]
    layer: Any = decoder.layer
    assert (merge.vertex, merge.inputs, decoder.inputs) == (rg.MergeVertex(mask_mode="ignore"), ("target", "each"), ("decoder-merge",))
    assert [config.vertices[name].layer.n_in for name in ("encoder", "decoder", "y")] == [5, 7, 4]
    assert (layer.l2, layer.mask_mode, layer.updater) == (1e-4, "ignore", rg.Adam(1e-3))
    assert config.outputs == ("y",)
    assert {name: flow.size for name, flow in config.flows.items()} == {
        "encoder": 4, "thought": 4, "each": 4, "decoder-merge": 7, "decoder": 4, "y": 2
    }  # fmt: skip
    assert {name for name, flow in config.flows.items() if not flow.has_time} == {"thought"}
    assert [(e.name, e.mask_name) for e in config.entries] == [("source", "features_mask_source"), ("target", "features_mask_target")]
    assert [(h.name, h.index, h.labels_name, h.labels_mask_name) for h in config.heads] == [("y", 5, "labels_y", "labels_mask_y")]
    assert config.clocks == {"source": "source", "target": "target"}
    assert config.layer_label(4) == "vertex 'decoder' (LSTM)"


def test_ways_to_write_a_vertex() -> None:
    ways: list[Any] = [
        (lstm(3), "in"),
        [lstm(3), "in"],
        (lstm(3), ["in"]),
        rg.GraphNode(layer=lstm(3), inputs="in"),
        rg.GraphNode(layer=lstm(3), inputs=["in"]),
        {"layer": {"type": "LSTM", "n_in": 3, "n_out": 4}, "inputs": ["in"]},
        {"layer": lstm(3), "inputs": "in"},
    ]
    made = [ComputationGraphConfiguration(inputs="in", vertices={"rnn": way, "y": (series(), "rnn")}, outputs=["y"]) for way in ways]
    assert all(one == made[0] and hash(one) == hash(made[0]) for one in made)
    for way in ((rg.MergeVertex(), ["a", "b"]), (rg.MergeVertex(), ("a", "b")), (rg.MergeVertex(), "a", "b")):
        config = ComputationGraphConfiguration(
            inputs=["a", "b"], vertices={"m": way, "y": (series(), "m")}, outputs="y", input_types={"a": R(2), "b": R(3)}
        )
        assert config.vertices["m"].inputs == ("a", "b")


EVERY_VERTEX: Any = {
    "both": (rg.StackVertex(), "a", "b"),
    "shared": (lstm(3), "both"),
    "one": (rg.UnstackVertex(0, 2), "shared"),
    "two": (rg.UnstackVertex(1, 2), "shared"),
    "sum": (rg.ElementWiseVertex("average"), "one", "two"),
    "some": (rg.SubsetVertex(1, 2), "sum"),
    "more": (rg.ShiftVertex(0.5), "some"),
    "times": (rg.ScaleVertex(-2.0), "more"),
    "unit": (rg.L2NormalizeVertex(epsilon=1e-6), "times"),
    "back": (rg.ReverseTimeSeriesVertex(), "unit"),
    "backa": (rg.ReverseTimeSeriesVertex("a"), "unit"),
    "last": (rg.LastTimeStepVertex("a"), "back"),
    "each": (rg.DuplicateToTimeSeriesVertex("b"), "last"),
    "flat": (rg.PreprocessorVertex(rg.RnnToFeedForwardPreProcessor()), "each"),
    "z": (rg.OutputLayer(n_out=2), "last"),
    "y": (series(), "backa"),
    "w": (series(), "each"),
    "v": rg.GraphNode(layer=rg.DenseLayer(n_out=2), inputs="flat", preprocessor=None),
}


@pytest.mark.parametrize("way", ["json", "yaml"])
def test_text_and_back(way: str) -> None:
    for config in (
        translator(backprop=rg.StandardBackprop(), constraints=rg.MaxNormConstraint(1.0)),
        ComputationGraphConfiguration(inputs=["a", "b"], vertices=EVERY_VERTEX, outputs=["z", "y", "w", "v"], mask_mode="ignore"),
    ):
        text = getattr(config, f"to_{way}")()
        again = getattr(ComputationGraphConfiguration, f"from_{way}")(text)
        assert again == config
        assert hash(again) == hash(config)
        assert getattr(again, f"to_{way}")() == text
        assert list(again.vertices) == list(config.vertices)


def test_the_schema_has_nodes() -> None:
    schema = ComputationGraphConfiguration.json_schema()
    assert {"GraphNode", "MergeVertex", "LSTM"} <= schema["$defs"].keys()
    assert schema["$defs"]["GraphNode"]["required"] == ["inputs"]
    assert schema["properties"]["vertices"]["additionalProperties"] == {"$ref": "#/$defs/GraphNode"}
    assert {"inputs", "vertices", "outputs"} <= set(schema["required"])


def test_nothing_changes_afterwards() -> None:
    config = translator()
    with pytest.raises((rg.ConfigurationError, TypeError, AttributeError)):
        config.outputs = ("encoder",)
    with pytest.raises((rg.ConfigurationError, TypeError, AttributeError)):
        config.vertices["y"].inputs = ("encoder",)


def test_replaced() -> None:
    config = translator()
    assert config.replaced(seed=9) == translator(seed=9)
    assert config.replaced(seed=9) != config
    message = "l2=0.5: the layers have inherited l2 already and would not change; give vertices={...} too, or make a new configuration"
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        config.replaced(l2=0.5)
    vertices = {"y": (series(3), "in")}
    layer: Any = config.replaced(l2=0.5, inputs="in", vertices=vertices, input_types=None).vertices["y"].layer
    assert layer.l2 == 0.5


def test_preprocessors_are_put_in_where_they_are_needed() -> None:
    config = ComputationGraphConfiguration(
        inputs=["video", "flat"],
        vertices={
            "conv": (rg.ConvolutionLayer(2, 2, n_out=3), "video"),
            "rnn": (lstm(), "conv"),
            "image": (rg.ConvolutionLayer(2, 2, n_out=3), "flat"),
            "dense": (rg.DenseLayer(n_out=3), "image"),
            "each": (rg.DuplicateToTimeSeriesVertex("video"), "dense"),
            "y": (series(), "rnn", "each"),
        },
        outputs="y",
        input_types={"video": rg.InputType.convolutional(4, 5, 2), "flat": rg.InputType.convolutional_flat(4, 4, 1)},
    )
    video, flat = (entry.flow for entry in config.entries)
    assert (video.has_time, flat.has_time) == (True, False)  # what is repeated at each step needs no time itself
    kinds = {name: type(node.preprocessor).__name__ for name, node in config.vertices.items() if node.preprocessor is not None}
    assert kinds["rnn"] == "CnnToRnnPreProcessor"
    assert kinds["dense"] == "CnnToFeedForwardPreProcessor"
    assert config.vertices["rnn"].layer.n_in == 3 * 4 * 3
    assert config.vertices["image"].layer.n_in == 1
    assert config.vertices["y"].layer.n_in == 4 + 3


def test_images_are_merged_by_channels() -> None:
    sizes = {"a": rg.InputType.convolutional(4, 4, 2), "b": rg.InputType.convolutional(4, 4, 3)}
    vertices = {"conv": (rg.ConvolutionLayer(2, 2, n_out=3), "a", "b"), "y": (rg.OutputLayer(n_out=2), "conv")}
    config = ComputationGraphConfiguration(inputs=["a", "b"], vertices=vertices, outputs="y", input_types=sizes)
    assert config.vertices["conv"].layer.n_in == 5


def test_which_inputs_have_to_be_equally_long() -> None:
    def clocks(vertices: Any, outputs: Any = "y") -> dict[str, str]:
        types = {"a": R(3), "b": R(3), "c": F(3)}
        names = [name for name in types if any(name in v[1:] or name in vars(v[0]).values() for v in vertices.values())]
        given = {name: types[name] for name in names}
        return ComputationGraphConfiguration(inputs=names, vertices=vertices, outputs=outputs, input_types=given).clocks

    assert clocks({"y": (series(), "a", "b")}) == {"a": "a", "b": "a"}
    assert clocks({"y": (series(), "b"), "z": (series(), "a")}, ["y", "z"]) == {"a": "a", "b": "b"}
    each = {"each": (rg.DuplicateToTimeSeriesVertex("b"), "c")}
    assert clocks({**each, "y": (series(), "each"), "z": (series(), "a")}, ["y", "z"]) == {"a": "a", "b": "b"}
    assert clocks({**each, "y": (series(), "each", "a")}) == {"a": "a", "b": "a"}
    last = {"last": (rg.LastTimeStepVertex("b"), "a"), "y": (rg.OutputLayer(n_out=2), "last"), "z": (series(), "b")}
    assert clocks(last, ["y", "z"]) == {"a": "a", "b": "a"}  # the mask of b is laid over a
    stack = {"s": (rg.StackVertex(), "a", "b"), "u": (rg.UnstackVertex(0, 2), "s"), "v": (rg.UnstackVertex(1, 2), "s")}
    assert clocks({**stack, "y": (series(), "u"), "z": (series(), "v")}, ["y", "z"]) == {"a": "a", "b": "b"}
    assert clocks({**stack, "y": (series(), "u", "v")}) == {"a": "a", "b": "a"}


def test_what_truncated_bptt_trains() -> None:
    vertices = {"rnn": (lstm(3), "in"), "y": (series(), "rnn")}
    config = ComputationGraphConfiguration(inputs="in", vertices=vertices, outputs="y", backprop=rg.TruncatedBPTT(4))
    assert config.backprop == rg.TruncatedBPTT(4)


KEY = "ComputationGraphConfiguration: vertices="
SERIES2, BOTH = {"in": R(2)}, {"a": R(2), "b": R(2)}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "cycle through a merge": (
        {"vertices": {"a": (lstm(3), "in", "b"), "b": (lstm(), "a"), "y": (series(), "b")}},
        "vertices 'a-merge' -> 'a' -> 'b' -> 'a-merge': each needs what the other gives; leave out one of these connections",
    ),
    "labels of an output": (
        {"vertices": {"labels_y": (lstm(3), "in"), "y": (series(), "labels_y")}},
        "the name 'labels_y' is one that the network's graph makes up for an input of its own; choose another",
    ),
    "a state": (
        {"vertices": {"state_00_h": (lstm(3), "in"), "y": (series(), "state_00_h")}},
        "the name 'state_00_h' is one that the network's graph makes up for an input of its own; choose another",
    ),
    "loss": (
        {"vertices": {"loss": (series(3), "in")}, "outputs": "loss"},
        "the name 'loss' is one that the network's graph makes up for an input of its own; choose another",
    ),
    "zero": (
        {"vertices": {"y\0": (series(3), "in")}, "outputs": "y\0"},
        "the name 'y\\x00' holds characters that cannot be printed; choose another",
    ),
    "dotted": (
        {"vertices": {"a.b": (lstm(3), "in"), "a": (lstm(), "a.b"), "y": (series(), "a")}},
        "the names 'a' and 'a.b': parameters of the first may be named as the second; rename one",
    ),
    "dotted input": (
        {"inputs": "a.W", "vertices": {"a": (lstm(3), "a.W"), "y": (series(), "a")}},
        "the names 'a' and 'a.W': parameters of the first may be named as the second; rename one",
    ),
    "unread input": (
        {"inputs": ["in", "other"], "vertices": {"y": (series(3), "in")}},
        "input 'other': nothing reads it; leave it out, or name it among the inputs of a vertex",
    ),
    "unread vertex": (
        {"vertices": {"y": (series(3), "in"), "z": (lstm(3), "in")}},
        "vertex 'z' (LSTM): nothing reads it, and it is no output; leave it out, or name it in outputs",
    ),
    "loss that is no output": (
        {"vertices": {"h": (series(3), "in"), "y": (series(), "h")}},
        "vertex 'h' (RnnOutputLayer): compares with labels, but is no output of the network; name it in outputs",
    ),
    "merge taken": (
        {"inputs": ["a", "b"], "vertices": {"y": (series(), "a", "b"), "y-merge": (series(), "a")}, "input_types": BOTH},
        "vertex 'y' (RnnOutputLayer): the merge of its inputs is called 'y-merge', which is taken",
    ),
    "n_in": (
        {"vertices": {"l": (lstm(3), "in"), "y": (series(), "l")}, "input_types": SERIES2},
        "vertex 'l' (LSTM): n_in=3, but 'in' gives 2 values; leave n_in out, or make the two equal",
    ),
    "vectors": (
        {"vertices": {"d": (rg.DenseLayer(n_out=2), "in"), "l": (lstm(), "d"), "y": (series(), "l")}, "input_types": {"in": F(2)}},
        "vertex 'l' (LSTM): takes a time series, but 'd' gives one vector per example; put a DuplicateToTimeSeriesVertex in front of it, "
        "or give the network's input as a time series by input_types",
    ),
    "twice": ({"vertices": {"y": (series(3), "in")}, "outputs": ["y", "y"]}, "outputs=['y', 'y']: each is named once"),
    "output": ({"vertices": {"y": (series(3), "in")}, "outputs": "yy"}, "outputs: there is no vertex 'yy'; did you mean 'y'?"),
    "output is an input": ({"vertices": {"y": (series(3), "in")}, "outputs": "in"}, "outputs: there is no vertex 'in'; there are y"),
    "type": (
        {"vertices": {"y": (series(3), "in")}, "input_types": {"im": R(3)}},
        "input_types: there is no input 'im'; there are in",
    ),
    "misfit": (
        {"vertices": {"y": (rg.RnnOutputLayer(n_in=3, n_out=2, activation="tanh", loss="mcxent"), "in")}},
        "vertex 'y' (RnnOutputLayer): loss='mcxent' expects outputs between 0 and 1, which activation='tanh' does not give; "
        "use activation='softmax', or loss='mse'; validate_output_layer=False turns this check off",
    ),
    "last step in segments": (
        {
            "vertices": {"s": (rg.LastTimeStepVertex("in"), "in"), "y": (rg.OutputLayer(n_out=2), "s")},
            "input_types": SERIES2,
            "backprop": rg.TruncatedBPTT(4),
        },
        "vertex 's' (LastTimeStepVertex): backprop=TruncatedBPTT(length=4) cannot train it: it gives one vector for the whole sequence, "
        "of which a segment's loss sees a part; use backprop=StandardBackprop()",
    ),
    "backwards in segments": (
        {
            "vertices": {"s": (rg.ReverseTimeSeriesVertex(), "in"), "y": (series(), "s")},
            "input_types": SERIES2,
            "backprop": rg.TruncatedBPTT(4),
        },
        "vertex 's' (ReverseTimeSeriesVertex): backprop=TruncatedBPTT(length=4) cannot train it: it turns time around and needs the whole "
        "sequence; use backprop=StandardBackprop()",
    ),
    "no list": (
        {"inputs": 3, "vertices": {"y": (series(3), "in")}},
        "ComputationGraphConfiguration: inputs=3: expected names, as in ['a', 'b']",
    ),
    "names": (
        {"inputs": [""], "vertices": {"y": (series(3), "in")}},
        "ComputationGraphConfiguration: inputs=['']: expected names, as in ['a', 'b']",
    ),
    "no vertices": ({"vertices": {}}, f"{KEY}{{}}: expected layers and vertices by name, as {{'encoder': (LSTM(n_out=8), 'in')}}"),
    "input types in a list": (
        {"vertices": {"y": (series(3), "in")}, "input_types": R(3)},
        "ComputationGraphConfiguration: input_types=RecurrentInput(...): expected types by the name of the input, "
        "as {'in': InputType.recurrent(12)}",
    ),
    "no input type": (
        {"vertices": {"y": (series(3), "in")}, "input_types": {"in": 3}},
        "ComputationGraphConfiguration: input_types.in=3: expected an input type (recurrent, feed_forward, convolutional, "
        "convolutional_flat)",
    ),
    "a name for a node": (
        {"vertices": {"y": "in"}},
        f"{KEY}{{'y': 'in'}}: 'y' is 'in'; expected a layer or vertex and the names of its inputs, as (LSTM(n_out=8), 'in')",
    ),
    "a node without inputs": (
        {"vertices": {"y": (rg.MergeVertex(),)}},
        f"{KEY}{{'y': (MergeVertex(mask_mode=None),)}}: 'y' has no input; name what comes in, as in (MergeVertex(...), 'in')",
    ),
    "a node with an empty list": (
        {"vertices": {"y": (rg.MergeVertex(), [])}},
        f"{KEY}{{'y': (MergeVertex(mask_mode=None), [])}}: 'y' has no input; name what comes in, as in (MergeVertex(...), 'in')",
    ),
    "a class": (
        {"vertices": {"y": (rg.LSTM, "in")}},
        f"{KEY}{{'y': ({rg.LSTM!r}, 'in')}}: 'y' has the class LSTM; make one, as in (LSTM(...), 'in')",
    ),
    "a list of names and a name": (
        {"vertices": {"y": (series(3), ["in"], "in")}},
        "vertices: GraphNode: inputs=(['in'], 'in'): expected names, as in ['a', 'b']",
    ),
    "a number for a name": (
        {"vertices": {3: "in"}},
        f"{KEY}{{3: 'in'}}: the key 3 is no name; expected strings, as in {{'encoder': (LSTM(n_out=8), 'in')}}",
    ),
    "inputs of a node": ({"vertices": {"y": (series(3), 3)}}, "vertices: GraphNode: inputs=(3,): expected names, as in ['a', 'b']"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_refused(kind: str) -> None:
    fields, message = BAD[kind]
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        ComputationGraphConfiguration(**{"inputs": "in", "outputs": "y", **fields})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"inputs": "a"}, "GraphNode: expected a layer or a vertex, and not both: give layer=... or vertex=..."),
        (
            {"layer": series(), "vertex": rg.MergeVertex(), "inputs": "a"},
            "GraphNode: expected a layer or a vertex, and not both: give layer=... or vertex=...",
        ),
        (
            {"layer": series()},
            "GraphNode: inputs is missing; give inputs=... (what comes in: inputs of the network, layers and vertices, by name)",
        ),
        (
            {"vertex": rg.MergeVertex(), "inputs": "a", "preprocessor": rg.FeedForwardToRnnPreProcessor()},
            "GraphNode: preprocessor=FeedForwardToRnnPreProcessor(...) stands in front of layers; use PreprocessorVertex",
        ),
    ],
)
def test_nodes_that_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(rg.ConfigurationError, match=f"^{re.escape(message)}$"):
        rg.GraphNode(**fields)
