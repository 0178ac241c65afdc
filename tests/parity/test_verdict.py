import math

import numpy as np
import pytest

from parity.report import ParityError
from parity.trace import Trace
from parity.verdict import compare_traces

RNG = np.random.default_rng(0)
W, B = RNG.normal(size=(3, 5)), RNG.normal(size=3)


def trace(**changes):
    """A small trace: float64, and float32 with honest rounding."""
    exact = {
        "weights/a.weight": W,
        "eval/output/y": W * 3,
        "train/gradient/parameter/a.weight": W * 2,
        "train/gradient/parameter/a.bias": B * 2,
    }
    quantities = {f"float64/{name}": array.copy() for name, array in exact.items()}
    quantities |= {f"float32/{n}": a.astype(np.float32) for n, a in exact.items() if not n.startswith("weights")}
    response = {"parameter a.weight": 0.5, "parameter a.bias": 0.1}
    quantities.update({key: value for key, value in changes.items() if value is not None})
    for key, value in changes.items():
        if value is None:
            del quantities[key]
    return Trace(quantities, {"backend": "x"}, response)


def failing(a, b, **options):
    return [finding.name for finding in compare_traces(a, b, **options).failures]


def test_equal_traces_agree():
    report = compare_traces(trace(), trace())
    assert report.passed
    assert report.exit_code == 0
    assert report.compared == report.expected == 7
    report.raise_if_failed()


def test_nothing_compared_is_a_failure():
    report = compare_traces(Trace({}), Trace({}))
    assert not report.passed
    assert report.exit_code == 5
    with pytest.raises(ParityError, match="nothing was compared"):
        report.raise_if_failed()


Y = "float64/eval/output/y"


@pytest.mark.parametrize(
    "value",
    [W * 3 + 1e-9, W.T * 3, (W * 3).astype(np.float32), np.full_like(W, np.nan), W[:2] * 3, W[::-1] * 3, None],
    ids=["value", "transposed", "dtype", "nan", "shorter", "permuted", "missing"],
)
def test_a_wrong_quantity_is_named_on_either_side(value):
    wrong = trace(**{Y: value})
    assert Y in failing(trace(), wrong)
    assert Y in failing(wrong, trace())


def test_nan_on_both_sides_fails():
    both = trace(**{Y: np.full_like(W, np.nan)})
    assert Y in failing(both, both)


def test_an_extra_quantity_fails():
    assert failing(trace(), trace(**{"float64/eval/output/z": W})) == ["float64/eval/output/z"]


def test_differences_below_the_limit_pass_and_above_fail():
    scale = np.abs(W * 3).max()
    assert failing(trace(), trace(**{Y: W * 3 + 0.9e-11 * scale})) == []
    assert failing(trace(), trace(**{Y: W * 3 + 1.1e-11 * scale})) == [Y]


def test_weights_must_be_the_same_to_the_last_bit():
    name = "float64/weights/a.weight"
    assert failing(trace(), trace(**{name: np.nextafter(W, 9)})) == [name]


@pytest.mark.parametrize("limit", [math.nan, -1.0, math.inf])
def test_a_limit_that_decides_nothing_is_refused(limit):
    with pytest.raises(ValueError, match="limit"):
        compare_traces(trace(), trace(), limit=limit)


def test_float32_rounding_passes_and_lost_precision_does_not():
    name = "float32/eval/output/y"
    rounded_twice = (np.float32(W) * np.float32(3)).astype(np.float32)
    assert failing(trace(), trace(**{name: rounded_twice})) == []
    half = (W * 3).astype(np.float16).astype(np.float32)
    assert failing(trace(), trace(**{name: half})) == [name]
    assert failing(trace(**{name: half}), trace()) == [name]


def test_float32_alone_has_no_verdict():
    only = Trace({"float32/eval/output/y": np.float32(W)})
    report = compare_traces(only, only)
    assert not report.passed
    assert "float64" in report.failures[0].problem


def test_float32_nan_fails():
    name = "float32/eval/output/y"
    assert failing(trace(), trace(**{name: np.full((3, 5), np.nan, np.float32)})) == [name]


def test_a_gradient_of_true_value_zero_is_judged_by_its_layer():
    name = "float64/train/gradient/parameter/a.bias"
    noise = {
        name: RNG.normal(size=3) * 1e-17,
        "float32/train/gradient/parameter/a.bias": np.float32([1e-9, 2e-9, -1e-9]),
    }
    other = {
        name: RNG.normal(size=3) * 1e-17,
        "float32/train/gradient/parameter/a.bias": np.float32([-3e-9, 1e-9, 1e-9]),
    }
    report = compare_traces(trace(**noise), trace(**other))
    assert report.passed
    assert any("a.bias" in note for note in report.notes)
    assert report.compared == report.expected - 1


def test_a_gradient_that_is_zero_on_one_side_only_fails():
    name = "float64/train/gradient/parameter/a.bias"
    assert name in failing(trace(), trace(**{name: np.zeros(3)}))


def test_what_nothing_responds_to_is_not_tested_and_fails_unless_allowed():
    dead = trace()
    dead.response["parameter a.bias"] = 0.0
    report = compare_traces(dead, trace())
    assert report.not_tested == ("parameter a.bias",)
    assert not report.passed
    assert "not tested" in str(report)
    assert compare_traces(dead, trace(), allow_untested=frozenset({"parameter a.bias"})).passed


def test_a_response_that_is_nan_is_not_tested():
    dead = trace()
    dead.response["parameter a.bias"] = math.nan
    assert compare_traces(dead, dead).not_tested == ("parameter a.bias",)


def test_both_sides_wrong_alike_is_caught_by_the_third_opinion():
    both = Trace({"float64/f/output/value": W, "float64/f/gradient/x": W})
    right = Trace({"float64/f/output/value": W + 1e-6, "float64/f/quotient/x": W})
    report = compare_traces(both, both, reference=right)
    assert len(report.failures) == 2
    assert all("oracle" in finding.name for finding in report.failures)


def test_a_wrong_gradient_is_caught_by_the_difference_quotient():
    both = Trace({"float64/f/output/value": W, "float64/f/gradient/x": W * 2})
    report = compare_traces(both, both, reference=Trace({"float64/f/output/value": W, "float64/f/quotient/x": W}))
    assert len(report.failures) == 2


def test_what_the_oracle_has_and_the_sides_lack_fails():
    both = Trace({"float64/f/output/value": W})
    report = compare_traces(both, both, reference=Trace({"float64/f/output/other": W}))
    assert len(report.failures) == 2


def test_an_error_on_one_side_is_told():
    broken = trace(**{Y: None})
    broken.errors[Y] = "TypeError: no such argument"
    assert "no such argument" in str(compare_traces(trace(), broken))


def test_the_report_turns_into_json_values():
    import json

    report = compare_traces(trace(), trace(**{Y: np.full_like(W, np.nan)}))
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["passed"] is False
    assert {"name", "error", "limit", "margin", "index", "values", "problem"} <= values["findings"][0].keys()


def test_the_worst_quantity_and_the_smallest_passing_limit():
    report = compare_traces(trace(), trace(**{Y: W * 3 * (1 + 1e-6)}))
    assert report.worst("float64/").name == Y
    assert report.smallest_passing_limit == pytest.approx(1e-6, rel=1e-3)
    assert compare_traces(trace(), trace(**{Y: W * 3 * (1 + 1e-6)}), limit=1.01e-6).worst(Y).passed
