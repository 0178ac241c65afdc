"""Files of one side, read by the other, by its framework's own reader, and by nobody who would run what they name."""

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

import dualnet
from dualnet.catalogue import twin
from dualnet.interface import BACKENDS

WEIGHT = np.array([[0.1, np.nan, -0.0], [np.inf, 1e-310, 0.7]])
BIAS = np.array([1 / 3, -2e300])
SIZES = {"inputs": 3, "units": 2, "dtype": "float64"}
NEUTRAL = {"npz": ".npz", "safetensors": ".safetensors", "weights_h5": ".weights.h5", "keras_archive": ".keras"}
PAIRS = list(itertools.permutations(BACKENDS))


def saved(form, backend, path):
    side = dualnet.load(backend)
    save = getattr(twin("save_load_parameters", backend), f"save_{form}")
    return [side.array(part) for part in save(side.tensor(WEIGHT), side.tensor(BIAS), path)]


def loaded(form, backend, path):
    load = getattr(twin("save_load_parameters", backend), f"load_{form}")
    found = load(path, **(SIZES if form in ("weights_h5", "state_dict") else {}))
    return [dualnet.load(backend).array(part) for part in found]


def same_bits(found):
    return [part.tobytes() for part in found] == [WEIGHT.tobytes(), BIAS.tobytes()]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("form", ["dict", "state_dict", *NEUTRAL])
def test_every_bit_comes_back(form, backend, tmp_path, both):
    path = tmp_path / f"file{NEUTRAL.get(form, '')}"
    assert same_bits(saved(form, backend, path))
    assert same_bits(loaded(form, backend, path))


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
@pytest.mark.parametrize("form", NEUTRAL)
def test_every_bit_comes_to_the_other_side(form, writer, reader, tmp_path, both):
    saved(form, writer, path := tmp_path / f"file{NEUTRAL[form]}")
    assert same_bits(loaded(form, reader, path))


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
@pytest.mark.parametrize("id", ["model_blocks", "custom_layer"])
def test_a_model_goes_to_the_other_side_in_one_neutral_file(id, writer, reader, tmp_path, both):
    from safetensors.numpy import load_file, save_file

    sides = {name: dualnet.load(name) for name in BACKENDS}
    variant = "fixed_hidden" if id == "model_blocks" else None
    state = sides[writer].state(dualnet.build(id, writer, variant=variant))
    save_file({**state.parameters, **state.buffers}, path := tmp_path / "model.safetensors")
    arrays = load_file(path)
    sides[reader].load(other := dualnet.build(id, reader, variant=variant), type(state)(arrays, {}))
    found = sides[reader].state(other)
    assert {**found.parameters, **found.buffers}.keys() == arrays.keys()
    assert all(np.array_equal(a, arrays[name]) for name, a in {**found.parameters, **found.buffers}.items())


def test_layers_of_our_own_are_saved_and_loaded_by_keras(tmp_path, both):
    import keras

    for variant in ("my_dense", "centered"):
        model = dualnet.build("custom_layer", "tf", variant=variant)
        model.save(path := tmp_path / f"{variant}.keras")
        images = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8, 1)
        np.testing.assert_array_equal(model(images), keras.saving.load_model(path, safe_mode=True)(images))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("written", "read"), [("tensor", "dict"), ("tensor", "state_dict"), ("dict", "tensor")])
def test_a_file_of_another_kind_is_refused(written, read, backend, tmp_path, both):
    side, path = dualnet.load(backend), tmp_path / "file"
    if written == "tensor":
        twin("save_load_parameters", backend).save_tensor(side.tensor(WEIGHT), path)
    else:
        saved(written, backend, path)
    with pytest.raises(ValueError, match="file"):
        loaded(read, backend, path)


class Trap:
    """What runs as soon as a pickle of it is opened: here it leaves a mark."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("form", ["tensor", "dict", "state_dict", "npz"])
def test_what_a_file_names_is_not_run(form, backend, tmp_path, both):
    import torch

    mark, path = tmp_path / "mark", tmp_path / f"file{NEUTRAL.get(form, '')}"
    if form == "npz":
        np.savez(path, weight=np.array([Trap(mark)], object), bias=BIAS)
    else:
        torch.save({"weight": Trap(mark)}, path)
    with pytest.raises(ValueError):
        loaded(form, backend, path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Trap(mark)))
    assert mark.exists()


@pytest.mark.parametrize("backend", BACKENDS)
def test_code_in_an_archive_is_refused(backend, tmp_path, both):
    import keras

    layers = [keras.Input((3,)), keras.layers.Lambda(lambda x: x), keras.layers.Dense(2)]
    keras.Sequential(layers).save(path := tmp_path / "code.keras")
    with pytest.raises(ValueError, match=r"[Ll]ambda"):
        loaded("keras_archive", backend, path)
