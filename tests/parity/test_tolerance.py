import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from parity.tolerance import check_limit, distance, exact, relative_l2

A = np.random.default_rng(0).normal(size=(3, 5))


def changed(index, value):
    b = A.copy()
    b[index] = value
    return b


def test_equal_arrays_have_no_distance():
    assert distance(A, A.copy()).error == 0.0


def test_distance_is_relative_to_the_greatest_value_and_says_where():
    b = changed((1, 3), A[1, 3] + 1e-3)
    found = distance(A, b)
    assert found.index == (1, 3)
    assert found.values == (A[1, 3], b[1, 3])
    assert found.error == pytest.approx(1e-3 / max(np.abs(A).max(), np.abs(b).max()))


@pytest.mark.parametrize(
    "other",
    [A.T, A[:, :4], A.astype(np.float32), changed((0, 0), np.nan), changed((2, 4), np.inf), np.empty((0, 5))],
    ids=["transposed", "shorter", "float32", "nan", "inf", "empty"],
)
def test_what_cannot_be_compared_is_infinitely_far(other):
    assert distance(A, other).error == math.inf
    assert distance(other, A).error == math.inf
    assert distance(A, other).problem


def test_nan_on_both_sides_is_no_agreement():
    b = changed((0, 0), np.nan)
    assert distance(b, b.copy()).error == math.inf


def test_nan_agrees_where_the_reference_has_it():
    b = changed((0, 0), np.nan)
    assert distance(b, b.copy(), reference=b).error == 0.0
    assert distance(b, A, reference=b).error == math.inf
    assert distance(b, b.copy(), reference=A).error == math.inf


def test_infinities_of_other_sign_differ():
    plus, minus = changed((0, 0), np.inf), changed((0, 0), -np.inf)
    assert distance(plus, minus, reference=plus).error == math.inf
    assert distance(plus, plus.copy(), reference=plus).error == 0.0


def test_permuted_values_are_seen():
    assert distance(A, A[:, ::-1].copy()).error > 0.1


def test_any_difference_from_an_exact_zero_is_infinite():
    zero = np.zeros(3)
    assert distance(zero, zero).error == 0.0
    assert distance(zero, np.array([0.0, 1e-300, 0.0])).error == 1.0


def test_integers_compare_exactly():
    a = np.array([1, 2, 3])
    assert distance(a, a.copy()).error == 0.0
    assert distance(a, np.array([1, 2, 4])).error == math.inf


def test_exact_sees_the_last_bit():
    assert exact(A, A.copy()).error == 0.0
    assert exact(A, np.nextafter(A, 9.0)).error == math.inf


@pytest.mark.parametrize("limit", [math.nan, -1e-9, math.inf])
def test_a_limit_that_decides_nothing_is_refused(limit):
    with pytest.raises(ValueError, match="limit"):
        check_limit(limit)


def test_relative_l2():
    assert relative_l2(A, A) == 0.0
    assert relative_l2(A * 1.001, A) == pytest.approx(1e-3)
    assert relative_l2(changed((0, 0), np.nan), A) == math.inf
    assert relative_l2(A.T, A) == math.inf
    assert relative_l2(np.ones(2), np.zeros(2)) == math.inf
    assert relative_l2(np.zeros(2), np.zeros(2)) == 0.0
    assert relative_l2(np.array([1e308, 1.0]), np.array([1e308, -1e308])) == pytest.approx(1 / np.sqrt(2))
    assert relative_l2(np.array([np.inf, 1.0]), np.array([np.inf, 1.0])) == 0.0
    assert relative_l2(np.array([True, False]), np.array([True, True])) == pytest.approx(1 / np.sqrt(2))


@given(npst.arrays(np.float64, (2, 3), elements=st.floats(-1e6, 1e6)), st.floats(1e-9, 1e3))
def test_distance_is_symmetric_and_free_of_scale(a, factor):
    b = a + 1.0
    assert distance(a, b).error == distance(b, a).error
    assert distance(a * factor, b * factor).error == pytest.approx(distance(a, b).error, rel=1e-6)
