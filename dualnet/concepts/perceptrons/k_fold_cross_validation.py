"""K-fold cross-validation: each row validates once, a model trained on all other folds."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Fold", "Scores", "check_folds"]


class Fold(NamedTuple):
    """Rows for one of the trainings: (n,) and (m,) int64, all rows together."""

    train: Any
    validation: Any


class Scores(NamedTuple):
    """Root mean squared error of each training: (k,) each."""

    train: Any
    validation: Any


def check_folds(rows: int, k: int) -> None:
    """ValueError unless there are at least two folds, and a row for each."""
    if not 2 <= k <= rows:
        raise ValueError(f"{k} folds of {rows} rows: expected at least 2, and at most one for each row")


# Distinct prime sizes, no zeros, no symmetry; 23 rows do not divide by 5 or 10.
_RNG = np.random.default_rng(107)
_ORDER = _RNG.permutation(23)
_FEATURES = _RNG.normal(size=(23, 3))
_TARGETS = _FEATURES @ np.array([2.0, -3.4, 1.3]) + 4.2 + _RNG.normal(0.0, 0.5, 23)
_KS = {"k5": 5, "k10": 10, "k2": 2, "leave_one_out": 23}


# --- the third opinion ---------------------------------------------------------------------------------------


def _fold(order: Array, k: int, index: int) -> Fold:
    """A row's fold from its place: the first N mod k folds have one row more."""
    small, longer = divmod(len(order), k)
    places = np.arange(len(order))
    edge = longer * (small + 1)
    mine = np.where(places < edge, places // (small + 1), longer + (places - edge) // max(small, 1)) == index
    return Fold(order[~mine], order[mine])


def _ridge(features: Array, targets: Array, penalty: float) -> Array:
    """Least squares with a row more for each penalised weight (the bias has none)."""
    rows = np.column_stack([features, np.ones(len(features))])
    extra = np.sqrt(penalty) * np.eye(rows.shape[1])[:-1]
    found: Array = np.linalg.lstsq(np.vstack([rows, extra]), np.append(targets, np.zeros(len(extra))), rcond=None)[0]
    return found


def _scores(features: Array, targets: Array, order: Array, k: int, penalty: float) -> Scores:
    rows, found = np.column_stack([features, np.ones(len(features))]), []
    for index in range(k):
        fold = _fold(order, k, index)
        gaps = rows @ _ridge(features[fold.train], targets[fold.train], penalty) - targets
        found.append([np.sqrt(np.mean(gaps[part] ** 2)) for part in fold])
    return Scores(*np.array(found).T)


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    """The penalty that rows prefer that were not trained on: 40 rows of 25 features, of which 3 matter."""
    rng = np.random.default_rng(0)
    features, order = rng.normal(size=(40, 25)), rng.permutation(40)
    targets = features[:, :3] @ np.array([2.0, -3.4, 1.3]) + rng.normal(0.0, 1.0, 40)
    given = {"features": features, "targets": targets, "order": order}
    powers = np.linspace(-2, 3, 21)
    curves, bars = {"x": powers}, []
    for k in (5, 10):
        scores = [call("cross_validation", **given, k=k, penalty=10.0**power) for power in powers]
        means = {kind: np.array([found[kind].mean() for found in scores]) for kind in ("train", "validation")}
        curves |= {f"{kind}, k={k}": mean for kind, mean in means.items()}
        best = int(np.argmin(means["validation"]))
        bars.append(
            Exhibit(f"k={k}, penalty {10 ** powers[best]:.2g}: each fold", "bars", scores[best], "fold", "RMSE")
        )
    return (Exhibit("mean over the folds", "lines", curves, "log10 of the penalty", "RMSE"), *bars)


CONCEPT = Concept(
    module=__name__,
    title="K-fold cross-validation",
    kind="procedure",
    summary="Rows are few: each fold is left out once and validates, and the mean of the errors chooses the model.",
    sources=(
        "Stone (1974), Cross-validatory choice and assessment of statistical predictions",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 3.6.4, 5.7 (its last N mod k rows never validate)",
    ),
    differences=(
        Difference(
            "X-uneven-split",
            "splitting rows into k parts that are not of the same size",
            tf="tf.split asks for every size, or for equal ones",
            torch="tensor_split makes the first N mod k parts longer; split and chunk make the last one shorter",
            ours="the first N mod k folds have one row more",
            demo=Demo(
                tf="[len(part) for part in tf.split(tf.range(5), 2)]",
                torch="[len(part) for part in torch.tensor_split(torch.arange(5), 2)]",
            ),
        ),
    ),
    cases=(
        *(
            Case("fold", {"order": _ORDER, "k": k, "index": index}, _fold, label=f"{label}-{index}")
            for label, k in _KS.items()
            for index in sorted({0, k // 2, k - 1})
        ),
        *(
            Case(
                "cross_validation",
                {"features": _FEATURES, "targets": _TARGETS, "order": _ORDER, "k": k, "penalty": 0.7},
                _scores,
                label=label,
            )
            for label, k in _KS.items()
            if label != "leave_one_out"
        ),
        *(
            Case("fold", {"order": _ORDER, "k": k, "index": 0}, raises=ValueError, label=label)
            for label, k in (("one_fold", 1), ("more_folds_than_rows", 24))
        ),
        Case("fold", {"order": _ORDER, "k": 5, "index": 5}, raises=IndexError, label="no_such_fold"),
    ),
    study=_study,
)
