"""The table of a graph; that of a network of layers in a row is tested with the network."""

from __future__ import annotations

import rnngraph as rg

GRAPH = """\
name            type                         from                   gives       parameters  streams
---------------------------------------------------------------------------------------------------
question        input                                               [N, 5, T]
answer          input                                               [N, 4, T]
number          input                                               [N, 1] ids < 9
encoder         LSTM                         question               [N, 8, T]          448  yes
embedded        EmbeddingLayer               number                 [N, 3]              27  yes
last            LastTimeStepVertex           encoder                [N, 8]               0  yes
known           MergeVertex                  last, embedded         [N, 11]              0  yes
repeated        DuplicateToTimeSeriesVertex  known                  [N, 11, T]           0  no
decoder-merge   MergeVertex                  answer, repeated       [N, 15, T]           0  yes
decoder         LSTM                         decoder-merge          [N, 6, T]          528  yes
symbols*        RnnOutputLayer               decoder                [N, 3, T]           21  yes
*               output
---------------------------------------------------------------------------------------------------
1,024 parameters, float32
does not stream: vertex 'repeated' (DuplicateToTimeSeriesVertex): it repeats at each step what is known when a sequence has ended"""


def test_the_table_of_a_graph() -> None:
    config = rg.ComputationGraphConfiguration(
        inputs=["question", "answer", "number"],
        vertices={
            "encoder": (rg.LSTM(n_in=5, n_out=8), "question"),
            "embedded": (rg.EmbeddingLayer(n_in=9, n_out=3), "number"),
            "last": (rg.LastTimeStepVertex("question"), "encoder"),
            "known": (rg.MergeVertex(), "last", "embedded"),
            "repeated": (rg.DuplicateToTimeSeriesVertex("answer"), "known"),
            "decoder": (rg.LSTM(n_in=15, n_out=6), "answer", "repeated"),
            "symbols": (rg.RnnOutputLayer(n_out=3), "decoder"),
        },
        outputs=["symbols"],
    )
    assert [line.split() for line in rg.ComputationGraph(config).summary().splitlines() if not line.startswith("-")] == [
        line.split() for line in GRAPH.splitlines() if not line.startswith("-")
    ]
