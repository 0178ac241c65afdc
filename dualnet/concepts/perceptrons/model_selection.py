"""Model selection: a model is chosen by rows that it was not trained on, between too simple and too complex."""

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "Curves", "Split", "check_sizes"]


class Split(NamedTuple):
    """Which rows are for what: each (n,) int64, no row twice."""

    train: Any
    validation: Any
    test: Any


class Curves(NamedTuple):
    """Mean squared errors on both kinds of rows while a model is trained: (steps + 1,) each."""

    train: Any
    validation: Any


def check_sizes(rows: int, sizes: tuple[int, ...]) -> None:
    """ValueError unless three sizes, none below 0, make up all rows."""
    if len(sizes) != 3 or min(sizes) < 0 or sum(sizes) != rows:
        raise ValueError(f"sizes {sizes} of {rows} rows: expected three numbers of at least 0 that add up to the rows")


def _cubic(x: Array, rng: np.random.Generator) -> Array:
    """The book's, with noise of deviation 0.1."""
    found: Array = 5 + 1.2 * x - 3.4 * x**2 / 2 + 5.6 * x**3 / 6 + rng.normal(0.0, 0.1, len(x))
    return found


_RNG = np.random.default_rng(103)
_X = np.linspace(-1.9, 2.1, 23) + _RNG.uniform(-0.05, 0.05, 23)
_Y = _cubic(_X, _RNG)
_ORDER = _RNG.permutation(23)
_FITS = {"underfit": (1, 16), "normal": (3, 16), "overfit": (20, 4)}
"""Degree of the polynomial and rows for training; the last 7 rows of the order validate."""
_POINTS = {
    "three_points": np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 4.0]]),
    "four_points": np.array([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [4.0, 4.0]]),
    "three_on_a_line": np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]),
}


# --- the third opinion ---------------------------------------------------------------------------------------


def _split(order: Array, sizes: tuple[int, int, int]) -> Split:
    ends = np.cumsum(sizes)
    return Split(*(order[end - size : end] for size, end in zip(sizes, ends, strict=True)))


def _curves(
    x: Array, targets: Array, train: Array, validation: Array, degree: int, learning_rate: float, steps: int
) -> Curves:
    features = np.cumprod(np.column_stack([np.ones(len(x)), *(x / i for i in range(1, degree + 1))]), axis=1)
    coefficients, errors = np.zeros(degree + 1), []
    for _ in range(steps + 1):
        gaps = features @ coefficients - targets
        errors.append([np.mean(gaps[rows] ** 2) for rows in (train, validation)])
        coefficients = coefficients - learning_rate * 2 * features[train].T @ gaps[train] / len(train)
    return Curves(*np.array(errors).T)


def _separable(points: Array, steps: int) -> Array:
    """Whether there are weights and a bias of which each label's score is at least 1 on its side: a linear program."""
    from scipy.optimize import linprog  # only here: importing it takes a while

    rows = np.column_stack([points, np.ones(len(points))])
    free: Any = [(None, None)] * rows.shape[1]
    found = [
        linprog(np.zeros(rows.shape[1]), -np.array(signs)[:, None] * rows, -np.ones(len(rows)), bounds=free).success
        for signs in product([-1.0, 1.0], repeat=len(points))
    ]
    return np.array(found)


def _training(label: str, steps: int = 20) -> dict[str, Any]:
    degree, rows = _FITS[label]
    parts = {"train": _ORDER[:rows], "validation": _ORDER[16:]}
    return {"x": _X, "targets": _Y, **parts, "degree": degree, "learning_rate": 0.1, "steps": steps}


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    targets = _cubic(x, rng)
    rows = call("split", order=rng.permutation(200), sizes=(100, 50, 50))
    few = {"underfit": rows["train"], "normal": rows["train"], "overfit": rows["train"][:8]}
    shown = []
    for label, train in few.items():
        degree = _FITS[label][0]
        curves = call(
            "learning_curves",
            x=x, targets=targets, train=train, validation=rows["validation"],
            degree=degree, learning_rate=0.1, steps=400,
        )  # fmt: skip
        shown.append(Exhibit(f"{label}: degree {degree}, {len(train)} rows", "lines", curves, "step", "error", "log"))
    ends = {name: np.array([exhibit.arrays[name][-1] for exhibit in shown]) for name in ("train", "validation")}
    separable = {name: call("separable_labelings", points=_POINTS[name], steps=200)["value"] for name in _POINTS}
    counts = {name: np.array([found.sum(), (~found).sum()]) for name, found in separable.items()}
    return (
        *shown,
        Exhibit("error at the end: underfit (0), normal (1), overfit (2)", "bars", ends, "", "error", "log"),
        Exhibit("labelings that a line separates (0), or none does (1)", "bars", counts, "", "labelings"),
    )


CONCEPT = Concept(
    module=__name__,
    title="Model selection: underfitting, overfitting, train/validation/test split, VC dimension",
    kind="procedure",
    summary="Errors on rows for training fall with complexity; those on other rows tell which model to take.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 3.6 (Chinese edition: 4.4)",
        "Vapnik, Chervonenkis (1971), On the uniform convergence of relative frequencies of events (shattered points)",
        "Novikoff (1962), On convergence proofs for perceptrons",
    ),
    differences=(
        Difference(
            "D273",
            "a random split of one seed",
            tf="keras.utils.split_dataset draws from Python's and NumPy's generator",
            torch="torch.utils.data.random_split draws from PyTorch's",
            ours="an order of rows is given",
        ),
    ),
    cases=(
        *(
            Case("split", {"order": _ORDER, "sizes": sizes}, _split, label=label)
            for label, sizes in (("split", (11, 5, 7)), ("all_for_training", (23, 0, 0)))
        ),
        *(
            Case("split", {"order": _ORDER, "sizes": sizes}, raises=ValueError, label=label)
            for label, sizes in (("too_few", (11, 5, 5)), ("below_0", (25, -2, 0)), ("two", (11, 12)))
        ),
        *(Case("learning_curves", _training(label), _curves, label=label) for label in _FITS),
        Case("learning_curves", _training("normal", steps=0), _curves, label="no_step"),
        *(
            Case(
                "separable_labelings",
                {"points": points, "steps": 200},
                _separable,
                label=f"vc_dimension_note-{label}",
            )
            for label, points in _POINTS.items()
        ),
    ),
    study=_study,
)
