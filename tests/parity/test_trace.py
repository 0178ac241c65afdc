import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as npst
from safetensors.numpy import save_file

from parity.trace import Trace, TraceError


def made():
    quantities = {
        "float64/a": np.arange(12.0).reshape(3, 4).T,  # not contiguous
        "float32/b": np.float32([1.5, np.nan]),
        "float64/c": np.array(3.0),
        "float64/d": np.array([], np.int64),
        "float64/e": np.array([True, False]),
    }
    return Trace(quantities, {"backend": "x", "seed": 3}, {"parameter w": 0.5}, {"float64/z": "it failed"})


def test_round_trip_is_bit_exact(tmp_path):
    trace = made()
    back = Trace.load(trace.save(tmp_path / "new" / "t.safetensors"))
    assert (back.about, back.response, back.errors) == (trace.about, trace.response, trace.errors)
    assert back.quantities.keys() == trace.quantities.keys()
    for name, array in trace.quantities.items():
        assert back.quantities[name].dtype == array.dtype
        np.testing.assert_array_equal(back.quantities[name], array)


@settings(max_examples=30, derandomize=True)
@given(npst.arrays(npst.floating_dtypes(sizes=(32, 64), endianness="<"), npst.array_shapes(min_dims=0, max_side=4)))
def test_any_array_comes_back(tmp_path_factory, array):
    path = Trace({"float64/x": array}).save(tmp_path_factory.mktemp("t") / "t")
    back = Trace.load(path).quantities["float64/x"]
    assert back.tobytes() == array.tobytes()
    assert back.shape == array.shape


def test_saving_leaves_nothing_half_written(tmp_path):
    path = tmp_path / "t"
    made().save(path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        Trace({}, {"not": {1, 2}}).save(path)  # a set is no JSON
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def damaged(tmp_path, kind):
    path = made().save(tmp_path / "t")
    content = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(content[:-9])
    elif kind == "header cut":
        path.write_bytes(content[:40])
    elif kind == "pickle":
        path.write_bytes(b"\x80\x04cos\nsystem\n")
    elif kind == "huge header":
        path.write_bytes(b"\xff" * 8 + content[8:])
    elif kind == "no trace":
        save_file({"x": np.ones(2)}, path)
    elif kind == "bad description":
        save_file({"x": np.ones(2)}, path, metadata={"format": "parity-trace-1", "parity": "{"})
    elif kind == "description of another shape":
        meta = json.dumps({"about": 3, "response": [], "errors": {}})
        save_file({"x": np.ones(2)}, path, metadata={"format": "parity-trace-1", "parity": meta})
    elif kind == "folder":
        return tmp_path
    return path


@pytest.mark.parametrize(
    "kind",
    [
        "missing", "empty", "truncated", "header cut", "pickle", "huge header", "no trace", "bad description",
        "description of another shape", "folder",
    ],
)  # fmt: skip
def test_damaged_files_give_one_clear_error(tmp_path, kind):
    path = damaged(tmp_path, kind)
    with pytest.raises(TraceError) as error:
        Trace.load(path)
    assert str(path) in str(error.value)
