"""Two traces side by side: every quantity of one against the same quantity of the other. Fails closed.

A missing or extra name, another shape or dtype, a NaN, and nothing at all to compare are failures.
"""

from collections.abc import Iterator, Mapping

from dualnet.interface import Array
from parity.report import Finding, Report
from parity.tolerance import (
    FLOAT64_LIMIT,
    NOISE_FACTOR,
    ROUNDING,
    ZERO_GRADIENT,
    check_limit,
    distance,
    exact,
    largest,
    relative_l2,
)
from parity.trace import Trace

__all__ = ["compare_traces"]

EXACT = ("weights", "input", "target", "raises")
"""Kinds of quantities that must be the same bit for bit: what a run is given, and what it raises."""
RESPONSE_LIMIT = 1e-9
"""A response below this could not show a fault at the float64 limit."""
QUOTIENT_LIMIT = 1e-6
"""A central difference quotient in float64 tells gradients apart no finer than this."""
QUOTIENT_SCALE = 1e-3
"""Gradients below this drown in the rounding noise of the quotient; the data of the cases is around 1."""


def compare_traces(
    a: Trace,
    b: Trace,
    *,
    title: str = "",
    reference: Trace | None = None,
    limit: float = FLOAT64_LIMIT,
    allow_untested: frozenset[str] = frozenset(),
) -> Report:
    """Compare two traces.

    Args:
        a, b: one run of each side, with the same inputs and weights.
        title: what is compared.
        reference: a third opinion; both sides are compared with each of its quantities, too.
        limit: the greatest distance in float64, relative to each tensor's scale.
        allow_untested: inputs, parameters and buffers that may be without effect.

    Returns:
        A report; its findings name every quantity of either side.

    Raises:
        ValueError: the limit is NaN, negative or infinite.
    """
    check_limit(limit)
    names = sorted(a.quantities.keys() | b.quantities.keys() | a.errors.keys() | b.errors.keys())
    silent = _without_gradient(a, b)
    reference_arrays = reference.quantities if reference else {}
    findings = [_finding(name, a, b, reference_arrays, silent, limit) for name in names]
    findings += _against_reference(a, b, reference_arrays, limit)
    responses = {name: min(t.response.get(name, 0.0) for t in (a, b)) for name in a.response | b.response}
    dead = sorted(n for n, r in responses.items() if not r >= RESPONSE_LIMIT and n not in allow_untested)
    notes = [f"{name}: true gradient is 0: judged by its layer's scale, left out in float32" for name in sorted(silent)]
    environment = {"a": a.about, "b": b.about}
    return Report(title or "traces", tuple(findings), tuple(dead), tuple(notes), environment)


def _finding(
    name: str, a: Trace, b: Trace, reference: Mapping[str, Array], silent: frozenset[str], limit: float
) -> Finding:
    dtype, _, rest = name.partition("/")
    for trace, side in ((a, "the first side"), (b, "the second side")):
        if name not in trace.quantities:
            why = trace.errors.get(name, "no such quantity")
            return Finding(name, float("inf"), limit, problem=f"missing on {side}: {why}")
    left, right = a.quantities[name], b.quantities[name]
    if any(kind in EXACT for kind in rest.split("/")[:2]):
        found = exact(left, right)
        return Finding(name, found.error, 0.0, None, found.index, found.values, found.problem)
    excluded = _excluded(rest, dtype, silent)
    if dtype == "float64":
        found = distance(left, right, scale=_scale(name, a, b, silent), reference=reference.get(name))
        return Finding(name, found.error, limit, None, found.index, found.values, found.problem, excluded)
    return _rounding(name, a, b, excluded)


def _rounding(name: str, a: Trace, b: Trace, excluded: str) -> Finding:
    """Lower precision: each side's distance to its own float64 result, judged by the other side's distance."""
    left, right = a.quantities[name], b.quantities[name]
    if left.shape != right.shape or left.dtype != right.dtype:
        found = distance(left, right)
        return Finding(name, found.error, 0.0, problem=found.problem)
    exact_name = "float64/" + name.partition("/")[2]
    if exact_name not in a.quantities or exact_name not in b.quantities:
        return Finding(name, float("inf"), 0.0, problem=f"no {exact_name} to judge it by: record float64, too")
    own = relative_l2(left, a.quantities[exact_name])
    other = relative_l2(right, b.quantities[exact_name])
    noise = max(min(own, other), ROUNDING)
    return Finding(name, max(own, other), NOISE_FACTOR * noise, noise, excluded=excluded)


def _against_reference(a: Trace, b: Trace, reference: Mapping[str, Array], limit: float) -> Iterator[Finding]:
    for name, expected in reference.items():
        for trace, side in ((a, "first"), (b, "second")):
            label, own = f"{name} ({side} side against the oracle)", name.replace("/quotient/", "/gradient/")
            if own not in trace.quantities:
                problem = trace.errors.get(own, "no such quantity")
                yield Finding(label, float("inf"), limit, problem=problem)
                continue
            value = trace.quantities[own]
            if own == name:
                found = distance(value, expected, reference=expected)
                yield Finding(label, found.error, limit, None, found.index, found.values, found.problem)
            else:
                scale = max(largest(value, expected), QUOTIENT_SCALE)
                found = distance(value, expected, scale=scale)
                yield Finding(label, found.error, QUOTIENT_LIMIT, None, found.index, found.values, found.problem)


def _without_gradient(a: Trace, b: Trace) -> frozenset[str]:
    """Parameters whose gradient is rounding noise around 0 on both sides, as a bias before batch normalization."""
    prefix = "float64/train/gradient/parameter/"
    return frozenset(
        name.removeprefix(prefix)
        for name in a.quantities.keys() & b.quantities.keys()
        if name.startswith(prefix)
        and largest(a.quantities[name], b.quantities[name]) <= ZERO_GRADIENT * _layer_scale(name, a, b)
    )


def _layer_scale(name: str, a: Trace, b: Trace) -> float:
    """The greatest value among the quantities of the same layer."""
    layer = name.rpartition(".")[0] + "."
    return max(largest(t.quantities[n]) for t in (a, b) for n in t.quantities if n == name or n.startswith(layer))


def _scale(name: str, a: Trace, b: Trace, silent: frozenset[str]) -> float | None:
    if "/gradient/parameter/" in name and name.rpartition("/")[2] in silent:
        return _layer_scale(name, a, b)
    return None


def _excluded(rest: str, dtype: str, silent: frozenset[str]) -> str:
    prefix, _, parameter = rest.rpartition("/")
    if dtype != "float64" and prefix == "train/gradient/parameter" and parameter in silent:
        return "true gradient is 0: its noise has no relative error"
    return ""
