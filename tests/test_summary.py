"""The table of a graph's layers and vertices; those of networks in a row are in test_network."""

from __future__ import annotations

import rnngraph as rg


def test_a_graph_tells_names_inputs_and_why_it_does_not_stream() -> None:
    vertices = {
        "words": (rg.EmbeddingSequenceLayer(n_in=11, n_out=5), "ids"),
        "both": (rg.MergeVertex(), "words", "more"),
        "back": (rg.Bidirectional(rg.LSTM(n_out=4)), "both"),
        "steps": (rg.DenseLayer(n_out=3), "back"),
        "out": (rg.RnnOutputLayer(n_out=2), "steps"),
    }
    types = {"ids": rg.InputType.recurrent(11), "more": rg.InputType.recurrent(2)}
    graph = rg.ComputationGraphConfiguration(seed=1, inputs=["ids", "more"], vertices=vertices, outputs="out", input_types=types)
    assert rg.ComputationGraph(graph).summary().splitlines() == [
        "name   type                          takes                 gives      parameters  streams",
        "-----------------------------------------------------------------------------------------",
        "words  EmbeddingSequenceLayer        [N, T] ids < 11       [N, 5, T]          55  yes",
        "both   MergeVertex                   [N, 5, T], [N, 2, T]  [N, 7, T]           0  yes",
        "back   Bidirectional(LSTM)           [N, 7, T]             [N, 8, T]         384  no",
        "       RnnToFeedForwardPreProcessor  [N, 8, T]             [N, 8, T]",
        "steps  DenseLayer                    [N, 8, T]             [N, 3, T]          27  yes",
        "       FeedForwardToRnnPreProcessor  [N, 3, T]             [N, 3, T]",
        "out    RnnOutputLayer                [N, 3, T]             [N, 2, T]           8  yes",
        "-----------------------------------------------------------------------------------------",
        "474 parameters, float32",
        "does not stream: vertex 'back' (Bidirectional): it (lstm(act=tanh, gate=sigmoid)) runs backwards in time: "
        "its first output needs the last step of the sequence",
    ]
