"""The same idea from tensors and by the framework's own parts, and what the chapter claims; on both sides."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualnet
from dualnet.interface import DataError, Optimizer, State

QUICK = settings(max_examples=25, deadline=None, derandomize=True)
SEEDS = st.integers(0, 2**32 - 1)


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


@pytest.fixture
def regression():
    """A small linear regression, trained with numbers that float32 holds exactly."""
    rng = np.random.default_rng(7)
    rows = {"features": rng.normal(size=(7, 11)), "targets": rng.normal(size=(7, 1))}
    return {**rows, "weight": rng.normal(size=(11, 1)), "bias": np.array([0.3]), "learning_rate": 2**-6}


def test_sgd_with_momentum_decays_as_its_framework_says(backend, twin, regression):
    call, given = twin("weight_decay"), {**regression, "decay": 0.75, "momentum": 0.5, "steps": 9}
    found = {name: call(name, **given).weights[-1] for name in ("builtin", "decoupled", "l2_in_optimizer")}
    same, other = ("decoupled", "l2_in_optimizer")[:: 1 if backend.name == "tf" else -1]
    np.testing.assert_allclose(found["builtin"], found[same], 1e-13)
    assert np.abs(found["builtin"] - found[other]).max() > 1e-2


def test_the_two_versions_of_the_book_differ_by_a_factor_of_two(twin, regression):
    """SGD(weight_decay=3) of one, L2(3) of the other: what a first step takes off the weights."""
    call, one_step = twin("weight_decay"), {**regression, "momentum": 0.0, "steps": 1}
    plain, optimizer = (call("builtin", decay=decay, **one_step).weights[1] for decay in (0.0, 3.0))
    loss = call("l2_in_loss", decay=6.0, **one_step).weights[1]
    np.testing.assert_allclose(plain - loss, 2 * (plain - optimizer), 1e-12)
    np.testing.assert_allclose(
        call("regularizer", weight=plain, decay=3.0), call("l2_penalty", weight=plain, decay=6.0)
    )


@pytest.mark.parametrize("variant", ["sigmoid_mse", "sigmoid_softmax_ce", "tf_gradients"])
def test_steps_by_hand_are_those_of_automatic_differentiation(variant, backend):
    concept, module = dualnet.concept("mlp_manual_backprop"), dualnet.twin("mlp_manual_backprop", backend.name)
    rng, rule = np.random.default_rng(9), Optimizer("sgd", 0.3, momentum=0.5)
    images, labels = rng.uniform(size=(19, 1, 5, 5)), rng.integers(0, 10, 19)
    found = []
    with backend.precision("float64", seed=3):
        for own in (concept.step(module, variant), None):
            model = concept.build(module, variant, {**concept.settings(variant), "image_size": 5, "hidden": 7})
            shapes = backend.state(model).parameters.items()
            start = {name: np.random.default_rng(4).normal(size=array.shape) for name, array in shapes}
            backend.load(model, State(start, {}))
            trainer = backend.trainer(model, concept.loss(module, backend, variant), rule, own)
            for _ in range(5):
                trainer.step([backend.tensor(images, "NCHW")], backend.tensor(labels, "N"))
            found.append(backend.state(model).parameters)
    for name, array in found[0].items():
        np.testing.assert_allclose(array, found[1][name], 1e-12, 1e-14)
        assert np.abs(array - start[name]).max() > 1e-3


def test_the_study_of_house_prices_asks_for_its_data():
    study = dualnet.concept("kaggle_house_prices").study
    with pytest.raises(DataError, match="expected --data house_prices"):
        study(None, None)


def test_a_design_matrix_is_standardised_over_what_is_known(twin):
    numbers = np.array([[1.0, 5.0], [np.nan, 5.0], [3.0, 5.0], [8.0, np.nan]])
    found = twin("kaggle_house_prices")("design_matrix", numbers=numbers, categories=np.array([[2], [0], [1], [2]]))
    assert found.shape == (4, 5)
    assert found[1, 0] == 0 and (found[:, 1] == 0).all()
    np.testing.assert_allclose(found[[0, 2, 3], 0].std(ddof=1), 1)
    np.testing.assert_array_equal(found[:, 2:], [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_exclusive_or_is_solved_exactly_by_hand_and_by_training(twin):
    call, table = twin("xor_and_universal_approximation"), np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    labels = np.array([0.0, 1.0, 1.0, 0.0])
    np.testing.assert_array_equal(call("xor_by_hand", inputs=table), labels)
    rng = np.random.default_rng(3)
    start = {"hidden_weight": rng.normal(size=(3, 2)), "hidden_bias": rng.normal(size=3)}
    start |= {"output_weight": rng.normal(size=3), "output_bias": rng.normal(size=())}
    found = call("xor", inputs=table, targets=labels, learning_rate=0.1, momentum=0.9, steps=400, **start)
    assert found.losses[0] > 0.5 and found.losses[-1] < 0.05
    trained = {name: array for name, array in found._asdict().items() if name != "losses"}
    np.testing.assert_array_equal(call("network", inputs=table, **trained) > 0, labels)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_depth_and_width_make_the_same_sawtooth(depth, twin):
    found = twin("xor_and_universal_approximation")("deep_vs_wide", x=np.linspace(0, 1, 201), depth=depth)
    np.testing.assert_allclose(found.deep, found.wide, 0, 1e-12)
    assert (np.diff(np.sign(np.diff(found.deep))) < 0).sum() == 2 ** (depth - 1)
    assert [int(found.deep_units), int(found.wide_units)] == [2 * depth, 2**depth]


def test_every_row_validates_once_and_trains_otherwise(twin):
    @QUICK
    @given(st.integers(2, 40), st.data())
    def check(rows, data):
        k, order = data.draw(st.integers(2, rows)), np.random.default_rng(rows).permutation(rows)
        folds = [twin("k_fold_cross_validation")("fold", order=order, k=k, index=index) for index in range(k)]
        assert sorted(np.concatenate([fold.validation for fold in folds])) == list(range(rows))
        sizes = [len(fold.validation) for fold in folds]
        assert max(sizes) - min(sizes) <= 1
        for fold in folds:
            assert sorted([*fold.train, *fold.validation]) == list(range(rows))

    check()


def test_all_terms_of_a_polynomial_add_up_to_the_exponential_function(twin):
    @QUICK
    @given(st.lists(st.floats(-2, 2), min_size=1, max_size=7))
    def check(x):
        found = twin("polynomial_fitting")("polynomial_features", x=np.array(x), degree=30)
        np.testing.assert_allclose(found.sum(1), np.exp(x), 1e-13)

    check()


def test_dropout_is_linear(twin):
    @QUICK
    @given(SEEDS, st.floats(0, 1))
    def check(seed, rate):
        rng = np.random.default_rng(seed)
        (x, y), mask = rng.normal(size=(2, 5, 3)), rng.uniform(size=(5, 3)) >= rate
        dropped = [twin("dropout")("dropout", x=v, mask=mask, rate=rate, training=True) for v in (x, y, 2 * x - y)]
        np.testing.assert_allclose(dropped[2], 2 * dropped[0] - dropped[1], 1e-12, 1e-12)

    check()


def test_shares_of_classes_are_found_from_the_shares_of_predictions(twin):
    @QUICK
    @given(SEEDS)
    def check(seed):
        rng = np.random.default_rng(seed)
        confusion, shares = 0.6 * np.eye(3) + 0.4 * rng.dirichlet(np.ones(3), 3).T, rng.dirichlet(np.ones(3))
        known = {"confusion": confusion, "predicted_shares": confusion @ shares, "source_shares": np.full(3, 1 / 3)}
        found = twin("distribution_shift_correction")("label_shift_confusion_matrix", **known)
        np.testing.assert_allclose(found.target_shares, shares, 1e-9, 1e-12)
        np.testing.assert_allclose(found.weights, 3 * shares, 1e-9, 1e-12)

    check()
