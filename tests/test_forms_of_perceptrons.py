"""The same idea from tensors and by the framework's own parts, and what the chapter claims; on both sides."""

from itertools import product

import numpy as np
import pytest

import dualnet


@pytest.fixture
def twin(backend):
    """A concept's functions on one side, in NumPy."""

    def functions(id):
        module = dualnet.twin(id, backend.name)

        def call(function, **args):
            native = {n: backend.tensor(v) if isinstance(v, np.ndarray) else v for n, v in args.items()}
            found = getattr(module, function)(**native)
            if hasattr(found, "_asdict"):
                return type(found)(*map(backend.array, found))
            return backend.array(found)

        return call

    return functions


def builtin_dropout(backend, rate):
    if backend.name == "tf":
        import keras

        layer = keras.layers.Dropout(rate, dtype="float64")
        return lambda x: layer(x, training=True)
    import torch

    return torch.nn.Dropout(rate)


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_dropout_from_tensors_is_the_built_in_one_of_the_same_mask(rate, backend, twin):
    x = np.random.default_rng(3).normal(size=(11, 13))
    dropped = backend.array(builtin_dropout(backend, rate)(backend.tensor(x)))
    mask = dropped != 0
    np.testing.assert_allclose(twin("dropout")("dropout", x=x, mask=mask, rate=rate, training=True), dropped, 1e-15)
    assert abs(mask.mean() - (1 - rate)) < 0.25


def test_dropout_keeps_the_mean_over_all_masks(twin):
    rate, x = 0.3, np.array([1.3, -0.7, 2.9])
    mean = np.zeros(3)
    for mask in product([True, False], repeat=3):
        chance = np.prod([1 - rate if kept else rate for kept in mask])
        mean += chance * twin("dropout")("dropout", x=x, mask=np.array(mask), rate=rate, training=True)
    np.testing.assert_allclose(mean, x, 1e-14)


def test_units_that_start_alike_stay_alike(twin):
    rng = np.random.default_rng(5)
    given = {"features": rng.normal(size=(7, 3)), "targets": rng.normal(size=(7, 2)), "learning_rate": 0.3, "steps": 20}
    spread = {}
    for start, hidden in (("constant", np.full((5, 3), 0.3)), ("normal", rng.normal(size=(5, 3)))):
        units = twin("weight_initialization")("trained_units", hidden=hidden, output=np.full((2, 5), 0.3), **given)
        assert np.abs(units[-1] - units[0]).max() > 0.1
        spread[start] = np.ptp(units[-1], axis=0).max()
    assert spread["constant"] < 1e-12
    assert spread["normal"] > 0.1
