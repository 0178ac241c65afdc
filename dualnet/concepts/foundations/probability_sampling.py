"""Probability: draws by given chances, frequencies that near them, Bayes' rule, expectation and variance."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "Bayes", "check_chances"]


class Bayes(NamedTuple):
    """What is known of hypotheses H before and after an observation D."""

    joint: Any
    """(K, M): P(H, D)."""
    evidence: Any
    """(M,): P(D), the joint summed over the hypotheses."""
    posterior: Any
    """(K, M): P(H | D)."""


def check_chances(chances: Array) -> None:
    """ValueError unless these are numbers of at least 0 that sum up to 1."""
    total = chances.sum(dtype=np.float64)
    if not ((chances >= 0).all() and abs(total - 1) <= len(chances) * np.finfo(chances.dtype).eps):
        raise ValueError(f"probabilities {chances.tolist()}: expected numbers of at least 0 that sum up to 1")


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(67)
_UNIFORM = _RNG.uniform(size=101)
_CHANCES = np.array([0.5, 0.125, 0.25, 0.0625, 0.0625])
_VALUES = _RNG.normal(size=5)
_TWO = {
    "prior": np.array([0.2, 0.3, 0.5]),
    "first": _RNG.dirichlet(np.ones(5), 3),
    "second": _RNG.dirichlet(np.ones(2), 3),
}
_PRIOR = np.array([0.9985, 0.0015])
"""Of an infection: without it, with it."""
_FIRST = np.array([[0.99, 0.01], [0.0, 1.0]])
"""Of a test's answers, negative and positive, to somebody without and with the infection."""
_SECOND = np.array([[0.97, 0.03], [0.02, 0.98]])


# --- the third opinion ---------------------------------------------------------------------------------------


def _labels(uniform: Array, probabilities: Array) -> Array:
    return np.array([sum(u >= np.cumsum(probabilities)[:-1]) for u in uniform], np.int64)


def _frequencies(uniform: Array, probabilities: Array) -> Array:
    seen = _labels(uniform, probabilities)[:, None] == np.arange(len(probabilities))
    return np.array([seen[: n + 1].mean(0) for n in range(len(seen))], probabilities.dtype)


def _bayes(prior: Array, likelihood: Array) -> Bayes:
    joint = np.einsum("k,km->km", prior, likelihood)
    return Bayes(joint, joint.sum(0), joint / joint.sum(0))


def _twice(prior: Array, first: Array, second: Array) -> Array:
    chances = np.einsum("k,ka,kb->kab", prior, first, second)
    found: Array = chances / chances.sum(0)
    return found


def _expectation(values: Array, probabilities: Array) -> Any:
    return values @ probabilities


def _variance(values: Array, probabilities: Array) -> Any:
    return (values - values @ probabilities) ** 2 @ probabilities


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    uniform, rolls = np.random.default_rng(2).uniform(size=1000), np.arange(10, 1001)
    die = call("frequencies", uniform=uniform, probabilities=np.full(6, 1 / 6))["value"][9:]
    curves = {f"{face} pips": die[:, face - 1] for face in range(1, 7)} | {"1/6": np.full(991, 1 / 6)}
    large_numbers = Exhibit(
        "law of large numbers: a fair die", "lines", {"x": rolls, **curves}, x="rolls", y="frequency of a face so far"
    )
    found = call("bayes_rule", prior=_PRIOR, likelihood=_FIRST)["posterior"][1, 1]
    again = call("bayes_rule_twice", prior=_PRIOR, first=_FIRST, second=_SECOND)["value"][1, 1, 1]
    chances = {"x": np.arange(3), "with the infection": np.array([_PRIOR[1], found, again])}
    tests = Exhibit("Bayes' rule: tests for HIV", "lines", chances, x="positive tests", y="probability")
    return large_numbers, tests


CONCEPT = Concept(
    module=__name__,
    title="Sampling, law of large numbers, conditional probability, expectation and variance",
    kind="ops",
    summary="Draws by given chances show them as frequencies in the long run; an observation changes the chances.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 2.6 (with the test for HIV)",),
    differences=(
        Difference(
            "D273",
            "random numbers of a seed",
            tf="its own",
            torch="its own",
            ours="given uniform numbers decide every draw",
        ),
        Difference(
            "D274",
            "draws by given chances",
            tf="tf.random.categorical takes logits",
            torch="torch.multinomial takes probabilities, and by default never draws one twice",
            ours="the first label whose cumulated probability is above a uniform number",
        ),
    ),
    cases=(
        Case("multinomial", {"uniform": _UNIFORM, "probabilities": _CHANCES}, _labels),
        Case(
            "multinomial",
            {"uniform": np.array([0.0, 0.5, 0.625, 0.875, 0.9375, 1 - 2.0**-24]), "probabilities": _CHANCES},
            _labels,
            label="edges",
        ),
        Case(
            "multinomial",
            {"uniform": np.array([0.0, 0.25, 0.5]), "probabilities": np.array([0.0, 0.5, 0.0, 0.5])},
            _labels,
            label="impossible_labels",
        ),
        Case("multinomial", {"uniform": _UNIFORM[:0], "probabilities": _CHANCES}, _labels, label="no_draw"),
        *(
            Case("multinomial", {"uniform": _UNIFORM, "probabilities": chances}, raises=ValueError, label=label)
            for label, chances in (
                ("sum_above_1", np.array([0.5, 0.75])),
                ("below_0", np.array([1.5, -0.5])),
                ("not_a_number", np.array([np.nan, 0.5])),
                ("no_label", np.empty(0)),
            )
        ),
        Case("frequencies", {"uniform": _UNIFORM, "probabilities": _CHANCES}, _frequencies),
        Case("bayes_rule", {"prior": _PRIOR, "likelihood": _FIRST}, _bayes, label="hiv"),
        Case("bayes_rule", {"prior": _TWO["prior"], "likelihood": _TWO["first"]}, _bayes, wrt=("prior", "likelihood")),
        Case("bayes_rule_twice", {"prior": _PRIOR, "first": _FIRST, "second": _SECOND}, _twice, label="hiv"),
        Case("bayes_rule_twice", _TWO, _twice, wrt=("prior", "first", "second")),
        *(
            Case(function, {"values": _VALUES, "probabilities": _CHANCES}, oracle, wrt=("values", "probabilities"))
            for function, oracle in (("expectation", _expectation), ("variance", _variance))
        ),
        Case("variance", {"values": np.full(5, 1.75), "probabilities": _CHANCES}, _variance, label="constant"),
    ),
    study=_study,
)  # fmt: skip
