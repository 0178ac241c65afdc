"""Polynomials fitted to a noisy cubic: too few terms miss it, too many follow the noise."""

from math import factorial
from typing import Any, NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from dualnet.interface import Array, Call, Case, Concept, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "Descent", "check_points"]


class Descent(NamedTuple):
    """How a polynomial changes while it is fitted by gradient descent."""

    coefficients: Any
    """(steps + 1, degree + 1): zeros, then the coefficients after each step."""
    losses: Any
    """(steps,): the mean squared error before each step."""


def check_points(x: tuple[int, ...], targets: tuple[int, ...], degree: int) -> None:
    """ValueError unless a polynomial of this degree has one solution: as many targets as points, and enough of them."""
    if len(x) != 1 or tuple(x) != tuple(targets) or not 0 <= degree < x[0]:
        raise ValueError(
            f"points {tuple(x)}, targets {tuple(targets)}, degree {degree}: expected (N,) twice and 0 <= degree < N"
        )


# The numbers of the book: 5 + 1.2 x - 3.4 x^2 / 2! + 5.6 x^3 / 3!, with noise of deviation 0.1.
_CUBIC = np.array([5.0, 1.2, -3.4, 5.6])
_RNG = np.random.default_rng(101)
_X = np.linspace(-2, 2, 41) + _RNG.uniform(-0.04, 0.04, 41)


# --- the third opinion ---------------------------------------------------------------------------------------


def _features(x: Array, degree: int) -> Array:
    return np.stack([x**order / factorial(order) for order in range(degree + 1)], axis=1)


_TARGETS = _features(_X, 3) @ _CUBIC + _RNG.normal(0.0, 0.1, 41)


_DENSE = np.linspace(-2, 2, 101) + _RNG.uniform(-0.01, 0.01, 101)
_ZIGZAG = _features(_DENSE, 3) @ _CUBIC + 0.1 * (-1.0) ** np.arange(101)
"""No polynomial follows this noise: coefficients stay small, and so does their rounding."""


def _descent(x: Array, targets: Array, degree: int, learning_rate: float, steps: int) -> Descent:
    """Every loss and gradient from the features' Gram matrix, which does not change."""
    features = _features(x, degree)
    gram, moment, square = features.T @ features / len(x), features.T @ targets / len(x), targets @ targets / len(x)
    course, losses = [np.zeros(degree + 1)], []
    for _ in range(steps):
        c = course[-1]
        losses.append(c @ gram @ c - 2 * moment @ c + square)
        course.append(c - learning_rate * 2 * (gram @ c - moment))
    return Descent(np.stack(course), np.array(losses))


def _closed_form(x: Array, targets: Array, degree: int) -> Array:
    """Fitted in Chebyshev's polynomials, which are nearly orthogonal; then written out in powers of x."""
    powers = Chebyshev.fit(x, targets, degree).convert(kind=Polynomial).coef
    found: Array = powers * [factorial(order) for order in range(degree + 1)]
    return found


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    targets = _features(x, 3) @ _CUBIC + rng.normal(0.0, 0.1, 200)
    grid = np.linspace(-3, 3, 121)
    fits, losses = {"x": grid, "the cubic": _features(grid, 3) @ _CUBIC}, {}
    for degree in (0, 1, 2, 3, 20):
        course = call("descent", x=x[:100], targets=targets[:100], degree=degree, learning_rate=0.2, steps=500)[
            "coefficients"
        ]
        features = [call("polynomial_features", x=points, degree=degree)["value"] for points in (x[100:], grid)]
        losses[f"degree {degree}"] = np.mean((features[0] @ course.T - targets[100:, None]) ** 2, axis=0)
        fits[f"degree {degree}"] = features[1] @ course[-1]
    return (
        Exhibit("mean squared error of 100 test points", "lines", losses, "step", "error", "log"),
        Exhibit("what was fitted to 100 points, after 500 steps", "lines", fits, "x", "y"),
    )


CONCEPT = Concept(
    module=__name__,
    title="Polynomial curve fitting: too few terms, enough, too many",
    kind="procedure",
    summary="A noisy cubic, and polynomials of lower, equal and higher degree fitted to it, step by step and at once.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, Chinese edition, section 4.4.4 (20 terms x^i / i!)",
        "Golub, Van Loan (2013), Matrix computations, section 5.3 (least squares by QR)",
    ),
    differences=(
        Difference(
            "D266",
            "least squares",
            tf="linalg.lstsq solves the normal equations: the condition is squared",
            torch="linalg.lstsq uses QR with pivoting",
            ours="QR of columns of the same length; of degree 20 only the descent is compared: with a condition above "
            "1e7, rounding decides the coefficients of the closed form",
        ),
    ),
    cases=(
        *(
            Case("polynomial_features", {"x": x, "degree": degree}, _features, wrt=("x",), label=label)
            for label, x, degree in (
                ("degree0", _X[:7], 0),
                ("degree1", _X[:7], 1),
                ("degree3", _X[:7], 3),
                ("degree20", _X[:7], 20),
                ("at_zero", np.array([0.0, -0.0, 1.7]), 3),
                ("no_point", _X[:0], 3),
            )
        ),
        *(
            Case(
                "descent",
                {"x": _X, "targets": _TARGETS, "degree": degree, "learning_rate": 0.1, "steps": steps},
                _descent,
                label=label,
            )
            for label, degree, steps in (
                ("degree0", 0, 5),
                ("degree1", 1, 20),
                ("degree2", 2, 20),
                ("degree3", 3, 20),
                ("degree20", 20, 20),
                ("no_step", 3, 0),
            )
        ),
        *(
            Case(
                "closed_form",
                {"x": _X, "targets": _TARGETS, "degree": degree},
                _closed_form,
                wrt=("targets",),
                label=f"degree{degree}",
            )
            for degree in (0, 1, 2, 3, 7)
        ),
        *(
            Case("closed_form", {"x": x, "targets": _TARGETS, "degree": degree}, raises=ValueError, label=label)
            for label, x, degree in (
                ("too_few_points", _X, 41),
                ("degree_below_0", _X, -1),
                ("another_number_of_targets", _X[:40], 3),
            )
        ),
    ),
    study=_study,
)
