"""What holds for any numbers: gaps, draws, chances, sums, batches; on each side."""

from math import fsum, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dualnet.catalogue import concept, twin
from dualnet.data import load
from dualnet.training.exhibits import caller

EPS = np.finfo(np.float64).eps
QUICK = settings(max_examples=25, deadline=None, derandomize=True)
NUMBERS = st.floats(-1e3, 1e3, width=32)
UNIT = st.floats(0, 1, exclude_max=True)


@pytest.fixture
def call(backend):
    """A function of a concept's twin in NumPy."""

    def of(id, function, *arguments):
        native = [backend.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
        found = getattr(twin(id, backend.name), function)(*native)
        return [backend.array(part) for part in found] if isinstance(found, tuple) else backend.array(found)

    return of


def chances(weights):
    found = np.array(weights) / np.sum(weights)
    found[-1] = 1 - found[:-1].sum()
    return np.maximum(found, 0)


PROBABILITIES = st.lists(st.floats(0.01, 1), min_size=1, max_size=7).map(chances)


def test_gaps_get_the_mean_which_stays(call):
    @QUICK
    @given(arrays(np.float64, (5, 3), elements=NUMBERS), arrays(bool, (5, 3)))
    def check(values, gaps):
        gaps[0] = False  # a number in each column
        found = call("data_preprocessing", "fillna", np.where(gaps, np.nan, values))
        np.testing.assert_array_equal(found[~gaps], values[~gaps])
        for column, kept, filled in zip(values.T, ~gaps.T, found.T, strict=True):
            np.testing.assert_allclose(filled.mean(), column[kept].mean(), rtol=1e-9, atol=1e-9)

    check()


def test_one_hot_codes_are_read_back(call):
    @QUICK
    @given(arrays(np.int64, st.integers(0, 9), elements=st.integers(-1, 4)))
    def check(codes):
        found = call("data_preprocessing", "one_hot", codes, 5)
        np.testing.assert_array_equal(found.sum(1), np.ones(len(codes)))
        np.testing.assert_array_equal(found.argmax(1), np.where(codes < 0, 5, codes))

    check()


def test_a_draw_lies_between_the_sums_of_the_chances(call):
    @QUICK
    @given(PROBABILITIES, arrays(np.float64, 11, elements=UNIT))
    def check(probabilities, uniform):
        labels = call("probability_sampling", "multinomial", uniform, probabilities)
        edges = np.concatenate([[0], np.cumsum(probabilities)])
        assert (labels >= 0).all()
        assert (labels < len(probabilities)).all()
        assert (edges[labels] - EPS * 8 <= uniform).all()
        assert (uniform <= edges[labels + 1] + EPS * 8).all()

    check()


def test_bayes_rule_gives_probabilities_that_mean_back_the_prior(call):
    @QUICK
    @given(st.lists(st.floats(0.01, 1), min_size=3, max_size=3).map(chances), arrays(np.float64, (3, 2), elements=UNIT))
    def check(prior, first):
        likelihood = np.column_stack([0.01 + 0.98 * first[:, 0], 0.99 - 0.98 * first[:, 0]])
        joint, evidence, posterior = call("probability_sampling", "bayes_rule", prior, likelihood)
        np.testing.assert_allclose(posterior.sum(0), 1, rtol=1e-12)
        np.testing.assert_allclose(posterior @ evidence, prior, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(joint.sum(), 1, rtol=1e-12)

    check()


@pytest.mark.parametrize(
    ("function", "roundings"),
    [
        ("sequential_sum", lambda n: n),
        ("pairwise_sum", lambda n: log2(n) + 1),
        ("kahan_sum", lambda n: 2 + n * n * EPS),
    ],
)
def test_a_sum_is_off_by_as_many_roundings_as_its_order_has(function, roundings, call):
    @QUICK
    @given(arrays(np.float64, st.tuples(st.just(2), st.integers(1, 40)), elements=st.floats(-1e6, 1e6)))
    def check(x):
        for row, found in zip(x, call("summation_order_and_seeds", function, x), strict=True):
            assert abs(found - fsum(row)) <= roundings(len(row)) * EPS * fsum(abs(row))

    check()


@pytest.mark.parametrize("function", ["generator", "native_loader"])
def test_an_epoch_shows_the_rows_in_their_order(function, call):
    @QUICK
    @given(st.integers(1, 13), st.integers(1, 6), st.booleans(), st.randoms(use_true_random=False))
    def check(rows, size, drop_last, random):
        order = np.array(random.sample(range(rows), rows))
        x = np.arange(rows, dtype=np.float64)[:, None]
        seen, _, sizes = call("minibatch_iterator", function, x, -x, order, size, drop_last)
        assert len(sizes) == (rows // size if drop_last else -(-rows // size))
        np.testing.assert_array_equal(seen[:, 0], order[: sizes.sum()])
        assert drop_last or sizes.sum() == rows

    check()


STUDIES = (
    "calculus_derivatives", "high_level_training_api", "image_classification_datasets", "minibatch_iterator",
    "perceptron", "probability_sampling", "summation_order_and_seeds",
)  # fmt: skip


@pytest.mark.parametrize("id", STUDIES)
def test_both_sides_show_the_same(id, both):
    declared = concept(id)
    dataset = load(declared.data, image_size=8) if declared.data else None
    shown = []
    for name, side in both.items():
        with side.precision("float64", seed=0):
            shown.append(declared.study(caller(side, twin(id, name)), dataset))
    for first, second in zip(*shown, strict=True):
        assert first._replace(arrays={}) == second._replace(arrays={})
        assert first.arrays.keys() == second.arrays.keys()
        for name, array in first.arrays.items():
            assert np.isfinite(array).all()
            np.testing.assert_allclose(array, second.arrays[name], rtol=1e-9, atol=1e-12, err_msg=name)
