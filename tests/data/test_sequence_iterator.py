"""Minibatches from readers: DL4J's own, every mistake, and when what is read."""

from __future__ import annotations

import gc
import json
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnngraph as rg

Iterator = rg.SequenceRecordReaderDataSetIterator
NAMES = ("features", "labels", "features_mask", "labels_mask")


def files(folder: Path, kind: str, *contents: str, **arguments: Any) -> rg.CSVSequenceRecordReader:
    """A reader of files <kind>_0.csv, <kind>_1.csv, .. with these contents, ";" for the end of a line."""
    for number, content in enumerate(contents):
        (folder / f"{kind}_{number}.csv").write_text(content.replace(";", "\n") + "\n")
    return rg.CSVSequenceRecordReader(**arguments).initialize(rg.NumberedFileInputSplit(folder / f"{kind}_%d.csv", 0, len(contents) - 1))


def memory(*tables: Any) -> rg.CollectionSequenceRecordReader:
    return rg.CollectionSequenceRecordReader(tables)


def same(a: rg.DataSet, b: rg.DataSet) -> None:
    for name in NAMES:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), name)  # None equals None


# DL4J's minibatches

CASES: dict[str, dict[str, Any]] = {
    "csv_header_semicolon": {"skip_lines": 1, "delimiter": ";", "label_index": 0},
    "csv_header_two_lines_tab": {"skip_lines": 2, "delimiter": "\t", "label_index": 0},
    "csv_many_to_one_align_end": {"alignment": "ALIGN_END"},
    "csv_many_to_one_align_start": {"alignment": "ALIGN_START"},
    "csv_one_reader_first_column": {"label_index": 0},
    "csv_one_reader_last_column": {"label_index": -1},
    "csv_one_reader_middle_column": {"label_index": 2},
    "csv_one_reader_regression": {"label_index": 2, "n_classes": -1, "regression": True},
    "csv_one_reader_regression_two_columns": {"label_index": 2, "n_classes": 2, "regression": True},
    **{
        f"csv_two_readers_{alignment}_{kind}": {"alignment": alignment, "regression": kind == "regression"}
        for alignment in ("align_end", "align_start", "equal_length")
        for kind in ("classification", "regression")
    },
}


@pytest.mark.parametrize("case", CASES)
def test_minibatches_are_dl4j_s(goldens: Path, case: str) -> None:
    """Seven files of each reader, minibatches of 3, four classes."""
    if case not in json.loads((goldens / "index.json").read_text()):
        pytest.skip("the whole collection of goldens is not beside the clone")
    arguments = dict(CASES[case])
    form = {name: arguments.pop(name) for name in ("skip_lines", "delimiter") if name in arguments}
    readers: list[Any] = [
        rg.CSVSequenceRecordReader(**form).initialize(rg.NumberedFileInputSplit(goldens / case / "data" / f"{kind}_%d.csv", 0, 6))
        for kind in (["sequence"] if "label_index" in arguments else ["features", "labels"])
    ]
    classes = {} if arguments.get("regression") else {"n_classes": 4}
    iterator = Iterator(*readers, **{"batch_size": 3, **classes, **arguments})
    with np.load(goldens / case / "arrays.npz") as file:
        arrays = dict(file)
    assert len(iterator) == arrays["batches"] == 3
    for _ in range(2):  # starts anew
        for k, batch in enumerate(iterator):
            for name in NAMES:
                ours, theirs = getattr(batch, name), arrays.get(f"{name}_{k}")
                assert (ours is None) == (theirs is None), f"{name}_{k}"
                if ours is not None:
                    np.testing.assert_array_equal(ours, theirs, f"{name}_{k}")
        assert k == 2


@pytest.mark.parametrize(("kind", "steps"), [("shorter", 1), ("longer", 5)])
def test_what_dl4j_refuses_under_equal_length(goldens: Path, kind: str, steps: int) -> None:
    folder = goldens / "csv_equal_length_violation" / "data"
    if not folder.is_dir():
        pytest.skip("the whole collection of goldens is not beside the clone")
    reader = rg.CSVSequenceRecordReader().initialize(rg.NumberedFileInputSplit(folder / f"{kind}_%d.csv", 0, 1))
    message = f"{folder}/{kind}_1.csv has {steps} steps, {folder}/{kind}_0.csv has 3; "
    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}alignment='equal_length' expects"):
        list(Iterator(reader, None, 2, 2, alignment="equal_length", label_index=0))


# Forms

STEPS = [np.arange(6.0).reshape(3, 2), np.array([[7.0, 8.0]])]


def test_many_to_one_one_to_many() -> None:
    (data,) = Iterator(memory(*STEPS), memory([1], [0]), 2, 2)
    np.testing.assert_array_equal(data.features, [[[0, 2, 4], [1, 3, 5]], [[7, 0, 0], [8, 0, 0]]])
    np.testing.assert_array_equal(data.labels, [[[0, 0, 0], [0, 0, 1]], [[1, 0, 0], [0, 0, 0]]])
    np.testing.assert_array_equal(data.features_mask, [[1, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(data.labels_mask, [[0, 0, 1], [1, 0, 0]])
    (data,) = Iterator(memory([[5.0]], [[6.0]]), memory([0, 1, 1], [1, 0, 0]), 2, 2, alignment="align_start")
    np.testing.assert_array_equal(data.features, [[[5, 0, 0]], [[6, 0, 0]]])
    np.testing.assert_array_equal(data.features_mask, [[1, 0, 0], [1, 0, 0]])
    assert data.labels_mask is None


def test_one_label_for_the_whole_sequence() -> None:
    (data,) = Iterator(memory(*STEPS), memory([1], [2]), 2, 3, per_sequence=True)
    np.testing.assert_array_equal(data.labels, [[0, 1, 0], [0, 0, 1]])
    np.testing.assert_array_equal(data.features_mask, [[1, 1, 1], [1, 0, 0]])
    assert data.labels_mask is None
    one_reader = memory(*([np.hstack([table, np.full((len(table), 1), k)]) for k, table in enumerate(STEPS)]))
    (data,) = Iterator(one_reader, None, 2, 3, label_index=-1, per_sequence=True)
    np.testing.assert_array_equal(data.labels, [[1, 0, 0], [0, 1, 0]])
    (data,) = Iterator(one_reader, None, 2, regression=True, label_index=-1, per_sequence=True)
    np.testing.assert_array_equal(data.labels, [[0], [1]])
    with pytest.raises(rg.InputError, match=r"^sequences\[0\], step 0, column 1 is 1, at the last step it is 5; per_sequence=True expects"):
        list(Iterator(memory(*STEPS), None, 2, regression=True, label_index=-1, per_sequence=True))


def test_columns_of_labels() -> None:
    table = np.arange(10.0).reshape(2, 5)
    (data,) = Iterator(memory(table), None, 1, 2, regression=True, label_index=-1)
    np.testing.assert_array_equal(data.features[0].T, table[:, :3])
    np.testing.assert_array_equal(data.labels[0].T, table[:, 3:])
    (data,) = Iterator(memory(table), memory([[9.0, 1.0], [9.0, 0.0]]), 1, 2, label_index=1)
    np.testing.assert_array_equal(data.labels, [[[0, 1], [1, 0]]])
    (data,) = Iterator(memory(table), memory(table[:, :2]), 1, regression=True)
    np.testing.assert_array_equal(data.labels[0].T, table[:, :2])


# Values that are not finite

GAPS = [np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, -np.inf]]), np.array([[2.0, 4.0], [9.0, 9.0], [8.0, 8.0]])]


def test_gaps_become_zeros_on_request() -> None:
    (data,) = Iterator(memory(*GAPS), memory([0, 1, 1], [1, 0, 0]), 2, 2, nan="zero")
    np.testing.assert_array_equal(data.features[0], [[1, 0, 3], [5, 6, 0]])
    assert data.features_mask is data.labels_mask is None


def test_gaps_mask_their_steps_on_request() -> None:
    (data,) = Iterator(memory(*GAPS), memory([0, 1, 1], [1, 0, np.nan]), 2, 2, nan="mask")
    np.testing.assert_array_equal(data.features[0], [[1, 0, 3], [5, 6, 0]])
    np.testing.assert_array_equal(data.features_mask, [[1, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(data.labels_mask, [[1, 0, 0], [1, 1, 0]])
    np.testing.assert_array_equal(data.labels[1], [[0, 1, 0], [1, 0, 0]])
    (data,) = Iterator(memory(*GAPS), memory([1], [np.inf]), 2, 2, nan="mask")  # the only label belongs to the whole sequence
    np.testing.assert_array_equal(data.features_mask, [[1, 0, 0], [1, 1, 1]])
    np.testing.assert_array_equal(data.labels_mask, [[0, 0, 1], [0, 0, 0]])
    (data,) = Iterator(memory(*GAPS), memory([[1.5]], [[np.nan]]), 2, regression=True, nan="mask", per_sequence=True)
    np.testing.assert_array_equal(data.labels, [[1.5], [0]])
    np.testing.assert_array_equal(data.labels_mask, [[1], [0]])
    nothing, one = [[np.nan, np.nan]] * 2, memory([1], [0])  # no step is left of it, so no label tells of one
    for per_sequence in (False, True):
        (data,) = Iterator(memory(GAPS[1], nothing), one, 2, 2, nan="mask", per_sequence=per_sequence)
        np.testing.assert_array_equal(data.features_mask, [[1, 1, 1], [0, 0, 0]])
        np.testing.assert_array_equal(data.labels_mask, [[1], [0]] if per_sequence else [[0, 0, 1], [0, 0, 0]])
    (whole,) = Iterator(memory(GAPS[1]), memory([0, 1, 1]), 2, 2, nan="mask")
    assert whole.features_mask is whole.labels_mask is None


def test_gaps_are_named(tmp_path: Path) -> None:
    message = "{}, line {}, column {} is {}; expected a finite number: nan='zero' takes 0 in its place, nan='mask' leaves the step out"
    for k, (content, line, column, value) in enumerate([("1,2;3,nan", 2, 2, "nan"), ("1,-inf;3,4", 1, 2, "-inf")]):
        reader = files(tmp_path, f"f{k}", "1,1;1,1", content)
        told = message.format(tmp_path / f"f{k}_1.csv", line, column, value)
        with pytest.raises(rg.InputError, match=f"^{re.escape(told)}$"):
            list(Iterator(reader, files(tmp_path, "l", "0;1", "0;1"), 2, 2))
    reader = files(tmp_path, "m", "0,1,1;2,9,9", "1,1,1;0,inf,1", skip_lines=0)
    with pytest.raises(rg.InputError, match=r"m_1\.csv, line 2, column 2 is inf; expected a finite number"):
        list(Iterator(reader, None, 2, regression=True, label_index=1))
    with pytest.raises(
        rg.InputError, match=r"l_1\.csv, line 2, column 1 is nan, which is no class; expected 0 to 1: nan='mask' leaves such a step out$"
    ):
        list(Iterator(files(tmp_path, "f", "1;2", "1;2"), files(tmp_path, "l", "0;1", "0;nan"), 2, 2, nan="zero", label_index=0))


# Mistakes

Make = Callable[[Path], object]
ONE, TWO = [[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]]
MISTAKES: list[tuple[Make, str]] = [
    (lambda at: Iterator(files(at, "f", "1;2"), files(at, "l", "0;2"), 1, 2),
     "{at}/l_0.csv, line 2, column 1 is class 2; expected 0 to 1, because n_classes is 2: classes count from 0"),
    (lambda at: Iterator(files(at, "f", "t;1,0;2,-1", skip_lines=1), None, 1, 2, label_index=-1),
     "{at}/f_0.csv, line 3, column 2 is class -1; expected 0 to 1, because n_classes is 2: classes count from 0"),
    (lambda at: Iterator(memory(ONE, TWO), memory([0], [0, 0.5]), 2, 2),
     "sequences[1], step 1, column 0 is 0.5, which is no class; expected 0 to 1, because n_classes is 2: classes count from 0"),
    (lambda at: Iterator(memory(ONE, TWO), memory([0], [0]), 2, 2, alignment="equal_length"),
     "sequences[1] has 2 steps, sequences[0] has 1; alignment='equal_length' expects features and labels of one length: "
     "'align_end' and 'align_start' pad and mask"),
    (lambda at: Iterator(files(at, "f", "1;2"), files(at, "l", "0"), 2, 2, alignment="EQUAL_LENGTH"),
     "labels: {at}/l_0.csv has 1 steps, features: {at}/f_0.csv has 2; alignment='equal_length' expects features and labels of one length: "
     "'align_end' and 'align_start' pad and mask"),
    (lambda at: Iterator(memory(ONE), memory([0, 1, 1]), 2, 2, alignment="equal_length"),
     "labels: sequences[0] has 3 steps, features: sequences[0] has 1; alignment='equal_length' expects features and labels of one length: "
     "'align_end' and 'align_start' pad and mask"),
    *((lambda at, size=size: Iterator(files(at, "f", "1,2", "1,2,3"), files(at, "l", "0", "1"), size, 2),
       "{at}/f_1.csv has 3 columns, {at}/f_0.csv has 2; expected as many") for size in (1, 2)),
    (lambda at: Iterator(memory(ONE), memory(ONE), 1, 2),
     "sequences[0] has 2 columns; expected one, the class: label_index says which column it is, regression=True that all are labels"),
    (lambda at: Iterator(memory(ONE), memory(ONE), 1, 3, True),
     "n_classes is 3, but sequences[0] has 2 columns; with regression=True it may be left out"),
    (lambda at: Iterator(memory(ONE), None, 1, 2, label_index=2), "label_index is 2, but sequences[0] has 2 columns, counted from 0"),
    (lambda at: Iterator(memory([[0.0]]), None, 1, 2, label_index=0),
     "sequences[0] has 1 columns, all of them labels (label_index=0); expected features too"),
    (lambda at: Iterator(memory(ONE), None, 1, 2, True, label_index=0),
     "sequences[0] has 2 columns, all of them labels (label_index=0); expected features too"),
    (lambda at: Iterator(memory([[1.0, 2.0, 3.0]]), None, 1, 3, True, label_index=1),
     "n_classes is 3, but from column label_index=1 to the last sequences[0] has 2 of its 3 columns; with regression those are the labels: "
     "they stand last, and n_classes is their number"),
    (lambda at: Iterator(memory(ONE, TWO), memory([0]), 1, 2),
     "the features have 2 sequences, the labels 1; expected as many, in the same order"),
    (lambda at: Iterator(memory(ONE), None, 1, 2),
     "one reader and no label_index; give the column of the labels, counted from 0, -1 for the last, or a second reader for them. "
     "Features alone are no DataSet: iterate over the reader, as net.output takes them"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1),
     "n_classes is None; expected the number of classes, or regression=True where labels are numbers"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 0), "n_classes is 0; expected the number of classes, at least 1"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2, label_index=-2),
     "label_index is -2; expected a column, counted from 0, or -1 for the last"),
    (lambda at: Iterator(memory(ONE), memory([0])), "batch_size is None; expected a number of sequences of at least 1"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2, "yes"),  # type: ignore[arg-type]
     "regression is 'yes'; expected True (labels are numbers) or False (classes)"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2, shuffle=1), "shuffle is 1; expected True or False"),  # type: ignore[arg-type]
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2, seed=-1), "seed is -1; expected an integer of at least 0"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2, nan="skip"),
     "nan is 'skip'; expected 'error', 'zero' (0 in its place) or 'mask' (the step does not count)"),
    (lambda at: Iterator(memory(ONE), 1, 2, 0),  # type: ignore[arg-type]
     "labels is 1; expected a reader, such as CSVSequenceRecordReader; one reader with a column of labels: "
     "(reader, batch_size=32, n_classes=4, label_index=-1)"),
    (lambda at: Iterator([ONE], memory([0]), 1, 2),  # type: ignore[arg-type]
     "features is [[[1.0, 2.0]]]; expected a reader, such as CSVSequenceRecordReader; CollectionSequenceRecordReader(list_of_arrays) reads "
     "what is in memory, sequences_to_dataset makes one DataSet of it"),
    (lambda at: Iterator(rg.CSVSequenceRecordReader(), memory([0]), 1, 2),
     'the reader has no files yet; call initialize(NumberedFileInputSplit("f_%d.csv", 0, 99)) first'),
    (lambda at: memory(), "sequences is empty; expected at least one array [T, columns]"),
    (lambda at: memory(ONE, []), "sequences[1] has shape [0, 1]; expected [T, columns] with at least one step and one column"),
    (lambda at: rg.CollectionSequenceRecordReader(iter([ONE])),  # type: ignore[arg-type]
     "sequences is a list_iterator, which has no length; expected a list of arrays: give list(sequences)"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2).set_epoch(-1), "set_epoch: epoch is -1; expected an integer of at least 0"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2).set_pre_processor(3),  # type: ignore[arg-type]
     "set_pre_processor(3): expected a normalizer, a function of a DataSet, or None"),
    (lambda at: Iterator(memory(ONE), memory([0]), 1, 2).set_pre_processor(rg.NormalizerStandardize),  # type: ignore[arg-type]
     "set_pre_processor(NormalizerStandardize): expected a normalizer, a function of a DataSet, or None"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), MISTAKES, ids=[message[:40] for _, message in MISTAKES])
def test_mistakes(tmp_path: Path, make: Make, message: str) -> None:
    with pytest.raises(rg.InputError, match=f"^{re.escape(message.replace('{at}', str(tmp_path)))}$"):
        list(make(tmp_path))  # type: ignore[call-overload]


def test_names_of_dl4j() -> None:
    iterator: Any = Iterator(memory(ONE), memory([0]), 1, 2)
    for name, told in {
        "setPreProcessor": "write set_pre_processor",
        "batch": "write batch_size",
        "numExamples": "write num_examples",
        "hasNext": "write `for one in it:`, which begins with the first one each time",
        "reset": "iterating begins with the first one each time, so there is nothing to reset",
    }.items():
        with pytest.raises(AttributeError, match=f"^SequenceRecordReaderDataSetIterator has no attribute '{name}'; {re.escape(told)}$"):
            getattr(iterator, name)
    with pytest.raises(
        AttributeError, match=r"has no attribute 'AlignmentMode'; alignment is text: 'equal_length', 'align_start' or 'align"
    ):
        Iterator.AlignmentMode  # type: ignore[attr-defined]  # noqa: B018
    make: Any = Iterator
    for keyword, ours in {"miniBatchSize": "batch_size", "numPossibleLabels": "n_classes", "labelIndex": "label_index"}.items():
        with pytest.raises(TypeError, match=f"^SequenceRecordReaderDataSetIterator has no argument '{keyword}'; write {ours}$"):
            make(memory(ONE), memory([0]), **{keyword: 1})


# What is read when


class Watched(rg.SequenceRecordReader):
    """A hundred sequences [3, 3] whose class is in the last column; tells what was read, in which thread, and may fail."""

    def __init__(self, fails_at: int = 100) -> None:
        self.read_indices: list[int] = []
        self.threads: set[threading.Thread] = set()
        self._fails_at = fails_at

    def __len__(self) -> int:
        return 100

    def read(self, indices: Sequence[int]) -> list[np.ndarray]:
        self.threads.add(threading.current_thread())
        if self._fails_at in indices:
            raise rg.InputError(f"{self.place(self._fails_at)} is broken")
        self.read_indices += indices
        return [np.random.default_rng(k).normal(size=(3, 3)).astype(np.float32) * [1, 1, 0] + [0, 0, k % 2] for k in indices]


def test_little_is_read_ahead() -> None:
    reader = Watched()
    batches = iter(Iterator(reader, None, 10, 2, label_index=-1))
    assert reader.read_indices == []
    for k in range(1, 5):
        next(batches)
        assert len(reader.read_indices) <= 10 * (k + 1)
    assert threading.main_thread() not in reader.threads
    del batches  # dropped half way: its thread ends
    gc.collect()
    assert not any(thread.is_alive() for thread in reader.threads)
    assert len(reader.read_indices) <= 60


def test_one_minibatch_needs_no_thread() -> None:
    reader = Watched()
    assert len(list(Iterator(reader, None, 100, 2, label_index=-1))) == 1
    assert reader.threads == {threading.main_thread()}


def test_an_error_comes_in_its_turn() -> None:
    batches = iter(Iterator(Watched(fails_at=25), None, 10, 2, label_index=-1))
    assert next(batches).num_examples() == next(batches).num_examples() == 10
    with pytest.raises(rg.InputError, match=r"^sequence 25 is broken$"):
        next(batches)


def network() -> rg.MultiLayerNetwork:
    layers = [rg.LSTM(n_in=2, n_out=3), rg.RnnOutputLayer(n_out=2)]
    return rg.MultiLayerNetwork(rg.MultiLayerConfiguration(seed=1, updater=rg.Adam(1e-2), layers=layers))


def test_an_error_in_a_fit_leaves_the_network_as_after_the_last_update() -> None:
    net = network()
    with pytest.raises(rg.InputError, match=r"^sequence 99 is broken$"):
        net.fit(Iterator(Watched(fails_at=99), None, 25, 2, label_index=-1), progress=False)
    whole = network()
    whole.fit([*Iterator(Watched(), None, 25, 2, label_index=-1)][:3], progress=False)
    np.testing.assert_equal(net.parameters(), whole.parameters())


@pytest.mark.parametrize("backprop", [rg.StandardBackprop(), rg.TruncatedBPTT(length=2)], ids=repr)
def test_a_shuffled_run_that_was_stopped_goes_on_bit_for_bit(backprop: Any, tmp_path: Path) -> None:
    """Stopped in the second epoch, in the middle of it; and the same as MiniBatches of one DataSet with that seed."""

    class Stop(rg.TrainingListener):
        def iteration_done(self, network: Any, iteration: int, epoch: int, score: float) -> None:
            if iteration == 5:
                network.save(tmp_path / "net.rnng")
                raise KeyboardInterrupt

    def fresh() -> rg.MultiLayerNetwork:
        return rg.MultiLayerNetwork(network().config.replaced(backprop=backprop))

    def data() -> Iterator:
        return Iterator(Watched(), None, 25, 2, label_index=-1, shuffle=True, seed=5)

    unbroken, stopped, of_memory = fresh(), fresh(), fresh()
    unbroken.fit(data(), epochs=2, progress=False)
    stopped.fit(data(), epochs=2, listeners=Stop(), progress=False)
    again = rg.MultiLayerNetwork.load(tmp_path / "net.rnng")
    again.fit(data(), epochs=2, resume=True, progress=False)
    (whole,) = Iterator(Watched(), None, 100, 2, label_index=-1)
    of_memory.fit(rg.MiniBatches(whole, 25, seed=5), epochs=2, progress=False)
    for other in (again, of_memory):
        np.testing.assert_equal(other.parameters(), unbroken.parameters())


def test_an_epoch_has_its_own_order() -> None:
    iterator = Iterator(Watched(), None, 100, 2, label_index=-1, shuffle=True)
    (first,), (again,) = iterator, iterator
    iterator.set_epoch(1)
    (second,) = iterator
    same(first, again)
    assert not np.array_equal(first.features, second.features)
    np.testing.assert_array_equal(np.sort(first.features.ravel()), np.sort(second.features.ravel()))


# Its uses


def test_it_is_data_wherever_data_are_taken() -> None:
    iterator = Iterator(Watched(), None, 32, 2, label_index=-1)
    (whole,) = Iterator(Watched(), None, 100, 2, label_index=-1)
    net = network()
    net.fit(iterator, validation=iterator, progress=False)
    assert net.iteration == len(iterator) == 4
    assert net.score(iterator) == pytest.approx(net.score(whole), rel=1e-6)
    assert net.evaluate(iterator).accuracy() == net.evaluate(whole).accuracy()
    ours, theirs = rg.NormalizerStandardize(), rg.NormalizerStandardize()
    ours.fit(iterator)
    theirs.fit(whole)
    np.testing.assert_allclose(ours.mean, theirs.mean, rtol=1e-12)
    np.testing.assert_allclose(ours.std, theirs.std, rtol=1e-12)


def test_a_pre_processor_sees_each_data_set() -> None:
    iterator = Iterator(Watched(), None, 60, 2, label_index=-1)
    plain, normalizer = list(iterator), rg.NormalizerMinMaxScaler()
    normalizer.fit(iterator)
    iterator.set_pre_processor(normalizer)
    with pytest.raises(
        rg.InputError, match=r"^fit: data have this NormalizerMinMaxScaler as their pre-processor, and would be normalised be"
    ):
        normalizer.fit(iterator)
    for made, given in zip(iterator, plain, strict=True):
        same(made, normalizer.transform(given))
    iterator.set_pre_processor(lambda data: data.rows([0]))
    assert [data.num_examples() for data in iterator] == [1, 1]
    iterator.set_pre_processor(lambda data: data.features)
    with pytest.raises(rg.InputError, match=r"^the pre-processor .*lambda.* gave array\(.*; expected a DataSet$"):
        list(iterator)
    iterator.set_pre_processor(None)
    same(next(iter(iterator)), plain[0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([[[1.0, 0.0]]], "Own.read gave 1 sequences for 2 numbers; expected one for each"),
        ([np.zeros((1, 2)), np.zeros((0, 2))], "sequence 1 has shape [0, 2]; expected [T, columns] with at least one step and one column"),
        ([np.zeros((1, 2)), np.zeros((1, 1, 2))],
         "sequence 1 has shape [1, 1, 2]; expected [T, columns] with at least one step and one column"),
        ([[[1.0, 0.0]], [[1e39, 0.0]]], "sequence 1, step 0, column 0 is inf; expected a finite number: nan='zero' takes 0 in its place, "
         "nan='mask' leaves the step out"),
    ],
)  # fmt: skip
def test_what_a_reader_of_your_own_gives_is_looked_at(given: list[Any], message: str) -> None:
    class Own(rg.SequenceRecordReader):
        def __len__(self) -> int:
            return 2

        def read(self, indices: Sequence[int]) -> list[np.ndarray]:
            return given

    with pytest.raises(rg.InputError, match=f"^{re.escape(message)}$"):
        list(Iterator(Own(), None, 2, 2, label_index=-1))


def test_a_readers_own_names() -> None:
    assert repr(Iterator(memory(ONE), memory([0]), 1, 2)).startswith(
        "SequenceRecordReaderDataSetIterator(<rnngraph.data.record_reader.Coll"
    )
    np.testing.assert_array_equal(next(iter(memory([1, 2], [3]))), [[1], [2]])
    assert Watched().place(3, 1, 0) == "sequence 3, step 1, column 0"


class Whole(rg.SequenceRecordReader):
    """Sequences of one length, given as one array [N, T, columns]."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __len__(self) -> int:
        return len(self.array)

    def read(self, indices: Sequence[int]) -> np.ndarray:
        return self.array[indices[0] : indices[-1] + 1]


def test_a_reader_may_give_one_array() -> None:
    """Sequences of one length as [N, T, columns]: the same minibatches, and nobody writes into what was given."""

    for columns, data_type in ((3, np.float32), (1, np.float32), (2, np.float64)):
        array = np.random.default_rng(3).standard_normal((5, 4, columns)).astype(data_type)
        array[1, 2, 0] = np.nan
        before = array.copy()
        for mode in ("zero", "mask"):
            settings: dict[str, Any] = {"batch_size": 2, "regression": True, "nan": mode}
            whole = Iterator(Whole(array), Whole(array), **settings)
            lists = memory(*array), memory(*array)
            for one, other in zip(whole, Iterator(*lists, **settings), strict=True):
                same(one, other)
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("alignment", ["align_start", "align_end"])
def test_one_array_beside_sequences_of_another_length(alignment: str) -> None:
    """Classes at each step of whole arrays, and whole arrays that are shorter than the labels, or longer."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((5, 4, 2)).astype(np.float32)

    for steps in (2, 4, 6):
        classes = rng.integers(0, 3, (5, steps, 1)).astype(np.float32)
        settings: dict[str, Any] = {"batch_size": 2, "n_classes": 3, "alignment": alignment}
        whole = list(Iterator(Whole(x), Whole(classes), **settings))
        for one, other in zip(whole, Iterator(memory(*x), memory(*classes), **settings), strict=True):
            same(one, other)
        if steps == 4:
            joined = np.concatenate([one.labels for one in whole])
            np.testing.assert_array_equal(joined.argmax(axis=1), classes[:, :, 0])
            np.testing.assert_array_equal(np.concatenate([one.features for one in whole]), x.transpose(0, 2, 1))
