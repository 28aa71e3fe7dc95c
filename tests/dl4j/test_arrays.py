"""Arrays of every version: data types, offsets, vectors in both directions, and files that are little-endian."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

import rnngraph as rg
from rnngraph import dl4j
from rnngraph.dl4j.arrays import read_array, read_header
from tests.dl4j.dialects import DIALECTS, VECTOR
from tests.dl4j.files import array_bytes, buffer, write_model

MODES = ("HEAP", "DIRECT", "JAVACPP", "LONG_SHAPE", "MIXED_DATA_TYPES")


def with_type(data: bytes, old: str, new: str) -> bytes:
    """``data`` with the type of its elements called ``new``, which has as many bytes."""
    names = [struct.pack(">H", len(name)) + name.encode() for name in (old, new)]
    assert names[0] in data
    return names[1].join(data.rsplit(names[0], 1))


def bfloat16(array: np.ndarray) -> bytes:
    """The upper halves of float32."""
    halves = (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return with_type(array_bytes(halves.view(np.float16)), "HALF", "BFLOAT16")


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    array = np.array([1.0, -2.5, 3.140625, 2.0**100, 0.0], np.float32)
    got = read_array(bfloat16(array), "x")
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, array)


@pytest.mark.parametrize("mode", MODES[:3])
def test_an_old_array_begins_at_its_offset(mode: str) -> None:
    """Until 1.0.0-beta the number behind the strides is the place of the first element, later it holds flags."""
    elements = np.arange(10, dtype=np.float32)
    info = np.array([2, 1, 4, 4, 1, 3, 1, ord("c")], np.int32)
    got = read_array(buffer(info, mode) + buffer(elements, mode), "x")
    np.testing.assert_array_equal(got, [[3, 4, 5, 6]])
    beyond = info.copy()
    beyond[5] = 7
    with pytest.raises(rg.ModelFileError, match=r"shape \[1, 4\] with strides \[4, 1\] from element 7 on does not lie in 10 elements"):
        read_array(buffer(beyond, mode) + buffer(elements, mode), "x")


def test_the_step_of_an_axis_of_one_element_does_not_matter() -> None:
    info = np.array([2, 1, 4, 2**62, 1, 0, 1, ord("c")], np.int64)
    got = read_array(buffer(info, "LONG_SHAPE") + buffer(np.arange(4, dtype=np.float32), "LONG_SHAPE"), "x")
    np.testing.assert_array_equal(got, [[0, 1, 2, 3]])


def test_flags_are_no_offset() -> None:
    info = np.array([1, 4, 1, 8192, 1, ord("c")], np.int64)
    got = read_array(buffer(info, "MIXED_DATA_TYPES") + buffer(np.arange(4, dtype=np.float32), "MIXED_DATA_TYPES"), "x")
    np.testing.assert_array_equal(got, [0, 1, 2, 3])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("shape", [(-1,), (1, -1), (-1, 1)])
def test_parameters_are_a_vector_in_either_direction(mode: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    array = array_bytes(VECTOR.reshape(shape), mode)
    net = dl4j.load(write_model(tmp_path / "m.zip", configuration=DIALECTS["0.6"].text(), coefficients=array))
    assert dl4j.table(net, net.parameters())["1_b"].tolist() == [149, 150]


@pytest.mark.parametrize("array", [array_bytes(VECTOR.astype(np.float16)), bfloat16(VECTOR)], ids=["HALF", "BFLOAT16"])
def test_parameters_of_16_bits_become_float32(array: bytes, tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.zip", configuration=DIALECTS["0.6"].text(), coefficients=array)
    with pytest.warns(dl4j.ImportNote, match=r"coefficients\.bin: this network computes in 16 bits in DL4J; here it computes in float32"):
        net = dl4j.load(path)
    assert net.config.data_type == "float32"
    np.testing.assert_array_equal(dl4j.table(net, net.parameters())["1_b"], [149, 150])


@pytest.mark.parametrize("name", ["UTF8", "BOOL", "COMPRESSED", "UINT64"])
def test_types_that_are_no_numbers_of_a_network_are_named(name: str) -> None:
    data = with_type(array_bytes(np.arange(3, dtype=np.float32)), "FLOAT", name)
    with pytest.raises(rg.ModelFileError, match=f"^x: an array's data type is '{name}'; expected one of BFLOAT16, DOUBLE, FLOAT, HALF"):
        read_array(data, "x")


def test_a_little_endian_array_is_told() -> None:
    data = array_bytes(np.arange(3, dtype=np.float32))
    with pytest.raises(rg.ModelFileError, match=r"^x: a name of 4096 characters at byte 0; the array is little-endian, and DL4J writes"):
        read_array(b"\x10\x00" + data[2:], "x")


def test_a_header_needs_no_elements() -> None:
    data = array_bytes(np.zeros((1, 7), np.float32), "JAVACPP")
    found = read_header(data[:-28], "x")
    assert (found.mode, found.data_type, found.shape, found.length) == ("JAVACPP", "FLOAT", (1, 7), 7)
