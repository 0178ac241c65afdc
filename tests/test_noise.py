"""Randomness as an input: the stream itself, and dropout layers that draw from it on both sides."""

import numpy as np
import pytest

from dualnet.interface import Optimizer, State
from dualnet.noise import Stream, normal, uniform
from parity.tolerance import FLOAT64_LIMIT, distance

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 5, 7, 11))
ROWS = RNG.normal(size=(5, 7))
WEIGHT = RNG.normal(size=(3, 7))
RATE = 0.4

# --- the stream ------------------------------------------------------------------------------------------------


def test_uniform_has_these_values_for_ever():
    expected = [0.7110923528671265, 0.8851460218429565, 0.687550961971283, 0.5793443322181702]
    assert uniform(7, "classifier.0", 2, (2, 2)).ravel().tolist() == expected


def test_uniform_numbers_are_spread_over_0_to_1():
    drawn = uniform(0, "dropout", 0, (100, 1000))
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    counts = np.histogram(drawn, 20, (0.0, 1.0))[0]
    assert abs(counts - 5000).max() < 5 * np.sqrt(5000)


def test_float32_holds_every_uniform_number():
    drawn = uniform(0, "dropout", 0, (1000,))
    np.testing.assert_array_equal(drawn.astype(np.float32), drawn)


@pytest.mark.parametrize("other", [(1, "a", 0), (0, "b", 0), (0, "a", 1), (0, "a", 2)], ids=str)
def test_another_seed_name_or_call_is_independent(other):
    first, second = uniform(0, "a", 0, (10_000,)), uniform(*other, (10_000,))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.05


def test_a_draw_is_the_start_of_a_longer_one():
    np.testing.assert_array_equal(uniform(0, "a", 3, (5,)), uniform(0, "a", 3, (5, 4)).ravel()[:5])


def test_normal_numbers_are_the_quantiles_of_the_uniform_ones():
    from scipy.stats import norm

    drawn = normal(3, "latent", 1, (1000,))
    np.testing.assert_allclose(norm.cdf(drawn), uniform(3, "latent", 1, (1000,)) + 2.0**-25, atol=1e-7)


def test_a_stream_keeps_as_much_as_the_rate_leaves_and_moves_on():
    stream = Stream(0, "dropout")
    masks = [stream.keep(0.3, (100, 100)) for _ in range(2)]
    assert masks[0].mean() == pytest.approx(0.7, abs=0.02)
    np.testing.assert_array_equal(masks[1], uniform(0, "dropout", 1, (100, 100)) >= 0.3)


# --- dropout layers --------------------------------------------------------------------------------------------

KINDS = {
    "rows": ("Dropout", "Dropout", ROWS, "NF"),
    "sequence": ("Dropout", "Dropout", RNG.normal(size=(3, 5, 7)), "NTD"),
    "images": ("Dropout", "Dropout", IMAGES, "NCHW"),
    "channels_of_sequences": ("Dropout1d", "SpatialDropout1D", RNG.normal(size=(3, 5, 7)), "NCW"),
    "channels": ("Dropout2d", "SpatialDropout2D", IMAGES, "NCHW"),
    "channels_of_volumes": ("Dropout3d", "SpatialDropout3D", RNG.normal(size=(3, 5, 2, 7, 11)), "NCDHW"),
    "alpha": ("AlphaDropout", "AlphaDropout", ROWS, "NF"),
    "alpha_images": ("AlphaDropout", "AlphaDropout", IMAGES, "NCHW"),
}


def one_layer(backend, kind, rate=RATE):
    """A model whose only layer, `drop`, is a dropout."""
    torch_name, keras_name, x, axes = KINDS[kind]
    if backend.name == "torch":
        from collections import OrderedDict

        from torch import nn

        return nn.Sequential(OrderedDict(drop=getattr(nn, torch_name)(rate)))
    import keras

    source = keras.Input(backend.tensor(x, axes).shape[1:], dtype="float64")
    return keras.Sequential([source, getattr(keras.layers, keras_name)(rate, name="drop")])


def dropped(backend, kind, rate=RATE, calls=1, seed=0):
    _, _, x, axes = KINDS[kind]
    with backend.precision("float64"):
        model = one_layer(backend, kind, rate)
        with backend.noise(model, seed):
            outputs = [backend.forward(model, [backend.tensor(x, axes)], train=True)[0] for _ in range(calls)]
    return [backend.array(output, axes) for output in outputs]


def by_hand(kind, call, rate=RATE, seed=0):
    """What a dropout layer does, written out in NumPy."""
    torch_name, _, x, _ = KINDS[kind]
    shape = (*x.shape[:2], *(1 for _ in x.shape[2:])) if torch_name[-1] == "d" else x.shape
    keep = uniform(seed, "drop", call, shape) >= rate
    if torch_name != "AlphaDropout":
        return x * keep / (1 - rate)
    alpha = -1.0507009873554805 * 1.6732632423543772
    a = ((1 - rate) * (1 + rate * alpha**2)) ** -0.5
    return a * np.where(keep, x, alpha) - a * rate * alpha


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_dropout_draws_the_streams_masks(kind, backend):
    for call, output in enumerate(dropped(backend, kind, calls=2)):
        assert distance(output, by_hand(kind, call)).error <= FLOAT64_LIMIT


@pytest.mark.parametrize("rate", [0.0, 0.9, 1.0])
def test_any_rate_has_a_finite_result(rate, backend):
    expected = by_hand("rows", 0, rate) if rate < 1.0 else np.zeros_like(ROWS)
    np.testing.assert_allclose(dropped(backend, "rows", rate)[0], expected, rtol=1e-14)


@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
def test_only_a_training_call_draws(train, backend):
    with backend.precision("float64"):
        model = one_layer(backend, "rows")
        with backend.noise(model, 1):
            (output,) = backend.forward(model, [backend.tensor(ROWS)], train=train)
            (after,) = backend.forward(model, [backend.tensor(ROWS)], train=True)
    calls = 1 if train else 0
    np.testing.assert_allclose(backend.array(output), by_hand("rows", 0, seed=1) if train else ROWS, rtol=1e-14)
    np.testing.assert_allclose(backend.array(after), by_hand("rows", calls, seed=1), rtol=1e-14)


WRONG = {
    "another rate": lambda keep: uniform(0, "drop", 0, ROWS.shape) >= RATE + 0.1,
    "inverted": lambda keep: ~keep,
    "not scaled": lambda keep: keep * (1 - RATE),
    "per feature": lambda keep: np.broadcast_to(keep[:1], keep.shape),
    "per row": lambda keep: np.broadcast_to(keep[:, :1], keep.shape),
    "another name": lambda keep: uniform(0, "dropout", 0, ROWS.shape) >= RATE,
    "next call": lambda keep: uniform(0, "drop", 1, ROWS.shape) >= RATE,
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_dropout_is_seen(wrong, backend):
    keep = uniform(0, "drop", 0, ROWS.shape) >= RATE
    expected = ROWS * WRONG[wrong](keep) / (1 - RATE)
    assert distance(dropped(backend, "rows")[0], expected).error > 0.05


# --- in training -----------------------------------------------------------------------------------------------


def network(backend):
    """Dropout, then a linear layer of three outputs."""
    if backend.name == "torch":
        from collections import OrderedDict

        from torch import nn

        model = nn.Sequential(OrderedDict(drop=nn.Dropout(RATE), linear=nn.Linear(7, 3)))
    else:
        import keras

        drop, linear = keras.layers.Dropout(RATE, name="drop"), keras.layers.Dense(3, name="linear")
        model = keras.Sequential([keras.Input((7,), dtype="float64"), drop, linear])
    backend.load(model, State({"linear.weight": WEIGHT, "linear.bias": np.array([0.3, -0.2, 0.7])}, {}))
    return model


def trained_by_hand(x, y, order, batch_size, rate):
    """Mean squared error minimised by plain gradient descent, with the masks of the stream."""
    weight, bias = WEIGHT.copy(), np.array([0.3, -0.2, 0.7])
    for call, start in enumerate(range(0, len(order), batch_size)):
        rows = order[start : start + batch_size]
        kept = x[rows] * (uniform(0, "drop", call, x[rows].shape) >= RATE) / (1 - RATE)
        slope = 2 * (kept @ weight.T + bias - y[rows]) / y[rows].size
        weight, bias = weight - rate * slope.T @ kept, bias - rate * slope.sum(0)
    return {"linear.weight": weight, "linear.bias": bias}


@pytest.mark.parametrize("way", ["step", "steps"])
def test_each_step_of_a_training_draws_anew(way, backend):
    x, y = RNG.normal(size=(13, 7)), RNG.normal(size=(13, 3))
    order = np.random.default_rng(1).permutation(13)
    with backend.precision("float64"):
        model = network(backend)
        with backend.noise(model, 0):
            trainer = backend.trainer(model, backend.losses["squared_error"], Optimizer("sgd", 0.1))
            inputs, targets = [backend.tensor(x)], backend.tensor(y)
            if way == "steps":
                trainer.steps(inputs, targets, order, 5)
            else:
                for batch in backend.batches(inputs, targets, order, 5):
                    trainer.step(*batch)
    for name, expected in trained_by_hand(x, y, order, 5, 0.1).items():
        assert distance(backend.state(model).parameters[name], expected).error <= FLOAT64_LIMIT, name


def test_the_gradient_passes_where_the_mask_does(backend):
    y = np.zeros((5, 3))
    with backend.precision("float64"):
        model = network(backend)
        with backend.noise(model, 0):
            found = backend.gradients(model, [backend.tensor(ROWS)], backend.tensor(y), backend.losses["squared_error"])
    keep = uniform(0, "drop", 0, ROWS.shape) >= RATE
    slope = 2 * ((ROWS * keep / (1 - RATE)) @ WEIGHT.T + [0.3, -0.2, 0.7]) / y.size
    assert distance(backend.array(found.inputs[0]), slope @ WEIGHT * keep / (1 - RATE)).error <= FLOAT64_LIMIT


@pytest.mark.parametrize("fails", [False, True], ids=["on exit", "after an exception"])
def test_the_frameworks_own_dropout_is_back(fails, backend):
    with backend.precision("float64", seed=3):
        model = one_layer(backend, "rows", 0.5)
        x = backend.tensor(np.ones((100, 7)))

        def outputs():
            return [backend.array(backend.forward(model, [x], train=True)[0]) for _ in range(2)]

        try:
            with backend.noise(model, 0):
                streamed = outputs()
                if fails:
                    raise LookupError
        except LookupError:
            pass
        own = outputs()
    assert not np.array_equal(own[0], own[1])
    assert not any(np.array_equal(a, b) for a, b in zip(own, streamed, strict=True))
    assert not {"forward", "call"} & vars(getattr(model, "drop", None) or model.layers[-1]).keys()


def test_counting_starts_anew_with_every_entry(backend):
    with backend.precision("float64"):
        model = one_layer(backend, "rows")
        found = []
        for _ in range(2):
            with backend.noise(model, 0):
                found.append(backend.array(backend.forward(model, [backend.tensor(ROWS)], train=True)[0]))
    np.testing.assert_array_equal(found[0], found[1])
