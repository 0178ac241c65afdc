"""The idx reader: what it reads is what was written, and every damaged file is one DataError that names it."""

import gzip
import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dualnet.data.idx import read_idx
from dualnet.interface import DataError

ARRAY = np.random.default_rng(7).integers(1, 256, (5, 3, 7), dtype=np.uint8)
PACKINGS = {"plain": bytes, "gzip": lambda content: gzip.compress(content, mtime=0)}


def idx(array, kind=0x08):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def file(tmp_path):
    def write(content, name="some-idx-ubyte"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "any-idx-ubyte"


@pytest.mark.parametrize("packing", PACKINGS)
def test_reads_what_was_written(file, packing):
    found = read_idx(file(PACKINGS[packing](idx(ARRAY))))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, ARRAY, strict=True)


@pytest.mark.parametrize("name", ["images.gz", "images"])
@pytest.mark.parametrize("packing", PACKINGS)
def test_the_content_decides_what_is_unpacked_not_the_name(file, packing, name):
    np.testing.assert_array_equal(read_idx(file(PACKINGS[packing](idx(ARRAY)), name)), ARRAY, strict=True)


@pytest.mark.parametrize("shape", [(11,), (3, 5), (5, 3, 7), (2, 3, 5, 7), (0, 28, 28), (0,)], ids=str)
def test_the_header_tells_the_shape(file, shape):
    array = np.arange(1, 1 + int(np.prod(shape)), dtype=np.uint8).reshape(shape)
    np.testing.assert_array_equal(read_idx(file(idx(array))), array, strict=True)


@settings(derandomize=True, deadline=None)
@given(
    shape=st.lists(st.integers(0, 5), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
    packing=st.sampled_from(sorted(PACKINGS)),
)
def test_round_trip(scratch, shape, seed, packing):
    array = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    scratch.write_bytes(PACKINGS[packing](idx(array)))
    np.testing.assert_array_equal(read_idx(scratch), array, strict=True)


WHOLE, PACKED = idx(ARRAY), gzip.compress(idx(ARRAY), mtime=0)
HUGE = (2**32 - 1).to_bytes(4, "big")
DAMAGED = {
    "empty": (b"", "came nothing"),
    "gzip of nothing": (gzip.compress(b"", mtime=0), "came nothing"),
    "three bytes": (WHOLE[:3], "no idx file"),
    "wrong magic": (b"\x89PNG" + WHOLE[4:], "came 89504e47"),
    "an HTML page": (b"<!DOCTYPE html><title>404</title>", "no idx file"),
    "wrong type": (idx(ARRAY.astype(">f4"), kind=0x0D), "came type 0x0d"),
    "no axes": (bytes([0, 0, 8, 0, 3]), "header is cut off"),
    "cut in the header": (WHOLE[:11], "header is cut off: 11 bytes"),
    "cut after the header": (WHOLE[:16], r"truncated.*shape \(5, 3, 7\), 121 bytes, came 16"),
    "last byte lost": (WHOLE[:-1], "truncated.*121 bytes, came 120"),
    "one byte more": (WHOLE + b"\1", "too long.*121 bytes, came 122"),
    "last byte lost inside gzip": (gzip.compress(WHOLE[:-1]), "truncated.*came 120"),
    "one byte more inside gzip": (gzip.compress(WHOLE + b"\1"), "too long.*came 122"),
    "gzip cut in its header": (PACKED[:5], "gzip stream is damaged or cut off"),
    "gzip cut in the middle": (PACKED[: len(PACKED) // 2], "gzip stream is damaged or cut off"),
    "gzip cut at the end": (PACKED[:-3], "gzip stream is damaged or cut off"),
    "gzip with a wrong checksum": (PACKED[:-8] + bytes(4) + PACKED[-4:], "cannot be read|damaged"),
    "gzip with damaged content": (PACKED[:12] + bytes(9) + PACKED[21:], "cannot be read|damaged"),
    "gzip of unknown method": (b"\x1f\x8b\x07" + PACKED[3:], "cannot be read|damaged"),
    "sizes whose product passes 64 bits": (b"\0\0\x08\x04" + HUGE * 4, "truncated"),
    "sizes that no array can have": (b"\0\0\x08\x03" + bytes(4) + HUGE * 2, "."),
    "more axes than an array can have": (b"\0\0\x08\x41" + b"\0\0\0\1" * 65 + b"\1", "."),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_a_data_error_that_names_it(file, damage):
    content, message = DAMAGED[damage]
    path = file(content)
    with pytest.raises(DataError, match=rf"(?s)^{re.escape(str(path))}: .*{message}"):
        read_idx(path)


def test_a_missing_file_is_a_data_error_that_names_it(tmp_path):
    path = tmp_path / "nowhere-idx1-ubyte"
    with pytest.raises(DataError, match=rf"^{re.escape(str(path))}: cannot be read: .*No such file"):
        read_idx(path)


def test_a_folder_is_a_data_error_that_names_it(tmp_path):
    with pytest.raises(DataError, match=rf"^{re.escape(str(tmp_path))}: cannot be read: "):
        read_idx(tmp_path)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(position=st.integers(0, len(PACKED) - 1), value=st.integers(1, 255))
@example(position=3, value=4)  # a flag that announces a longer gzip header
def test_one_wrong_byte_in_a_gzip_file_never_gives_other_pixels(scratch, position, value):
    damaged = bytearray(PACKED)
    damaged[position] ^= value
    scratch.write_bytes(damaged)
    try:
        found = read_idx(scratch)
    except DataError as error:
        assert str(scratch) in str(error)
    else:
        np.testing.assert_array_equal(found, ARRAY)  # a byte of the header that means nothing, such as the time


@settings(derandomize=True, deadline=None, max_examples=300)
@given(start=st.sampled_from([b"", b"\0\0", b"\0\0\x08", b"\0\0\x08\1\0\0\0", b"\x1f\x8b\x08"]), rest=st.binary())
def test_any_bytes_are_an_array_or_a_data_error(scratch, start, rest):
    scratch.write_bytes(start + rest)
    try:
        found = read_idx(scratch)
    except DataError as error:
        assert str(error).startswith(f"{scratch}: ")
    else:
        assert found.tobytes() == (start + rest)[4 + 4 * found.ndim :]
