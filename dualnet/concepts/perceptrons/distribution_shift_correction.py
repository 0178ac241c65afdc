"""Distribution shift: rows for training come from another distribution than those that are met later."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Drift", "LabelShift"]


class LabelShift(NamedTuple):
    """How often each class is met later, and how much its rows for training weigh therefore: (K,) each."""

    target_shares: Any
    weights: Any


class Drift(NamedTuple):
    """Squared errors on a stream of rows, each before it is learned from: (N,) each."""

    frozen: Any
    """Of weights that stay as they are."""
    followed: Any
    """Of weights that take a step after each row."""


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(127)
_SOURCE, _TARGET = _RNG.normal(-0.3, 1.0, (13, 3)), _RNG.normal(0.5, 0.8, (7, 3))
_VALUES = _RNG.normal(size=13)
_BETAS = _RNG.uniform(0.2, 3.0, 13)
_LABELS = _RNG.permutation(np.repeat(np.arange(3), (5, 7, 11)))
_PREDICTIONS = np.where(_RNG.uniform(size=23) < 0.7, _LABELS, _RNG.integers(0, 3, 23))
_CLASSIFIER = {"weight": _RNG.normal(size=3), "bias": np.array(0.3), "learning_rate": 0.5, "steps": 20}
_STREAM = {"features": _RNG.normal(size=(17, 3)), "targets": _RNG.normal(size=17), "weight": _RNG.normal(size=3)}


# --- the third opinion ---------------------------------------------------------------------------------------


def _importance_weights(
    source: Array, target: Array, weight: Array, bias: Array, learning_rate: float, steps: int, limit: float
) -> Array:
    x = np.column_stack([np.vstack([source, target]), np.ones(len(source) + len(target))])
    z, w = np.repeat([0.0, 1.0], [len(source), len(target)]), np.append(weight, bias)
    for _ in range(steps):
        w = w - learning_rate * x.T @ (1 / (1 + np.exp(-x @ w)) - z) / len(x)
    odds = np.exp(x[: len(source)] @ w)
    return np.minimum(odds * len(source) / len(target), limit)


def _weighted_risk(losses: Array, weights: Array) -> Any:
    return np.mean(losses * weights)


def _weighted_fit(features: Array, targets: Array, weights: Array) -> Array:
    """Rows repeated as often as they weigh: least squares of rows times the roots of their weights."""
    root = np.sqrt(weights)
    found: Array = np.linalg.lstsq(features * root[:, None], targets * root, rcond=None)[0]
    return found


def _confusion_matrix(predictions: Array, labels: Array, classes: int) -> Array:
    return np.array(
        [[np.mean(predictions[labels == label] == guess) for label in range(classes)] for guess in range(classes)]
    )


def _label_shift(confusion: Array, predicted_shares: Array, source_shares: Array) -> LabelShift:
    shares = np.linalg.inv(confusion) @ predicted_shares
    return LabelShift(shares, shares / source_shares)


def _concept_shift_note(features: Array, targets: Array, weight: Array, learning_rate: float) -> Drift:
    frozen, followed, moving = [], [], weight
    for x, y in zip(features, targets, strict=True):
        frozen.append((x @ weight - y) ** 2)
        followed.append((x @ moving - y) ** 2)
        moving = moving - learning_rate * 2 * (x @ moving - y) * x
    return Drift(np.array(frozen), np.array(followed))


_CONFUSION = _confusion_matrix(_PREDICTIONS, _LABELS, 3)


# --- pictures ------------------------------------------------------------------------------------------------


def _line(x: Array) -> Array:
    return np.column_stack([x, np.ones_like(x)])


def _covariate_shift(call: Call, rng: np.random.Generator) -> tuple[Exhibit, ...]:
    """A line fitted to a curve: where the rows are decides which line."""
    source, target = rng.normal(-0.5, 0.8, 400), rng.normal(0.9, 0.5, 300)
    start = {"weight": np.zeros(1), "bias": np.zeros(()), "learning_rate": 1.0, "steps": 300, "limit": 50.0}
    betas = call("importance_weights", source=source[:, None], target=target[:, None], **start)["value"]
    grid = np.linspace(-3, 3, 61)
    lines, errors = {"x": grid, "the truth, exp(x)": np.exp(grid)}, {}
    for name, weights in (("without weights", np.ones(400)), ("with weights", betas)):
        rows = {"features": _line(source), "targets": np.exp(source), "weights": weights}
        fit = call("covariate_shift_reweighting", **rows)["value"]
        lines[f"line, {name}"] = _line(grid) @ fit
        losses = [(_line(x) @ fit - np.exp(x)) ** 2 for x in (source, target)]
        estimated = call("weighted_risk", losses=losses[0], weights=weights)["value"]
        errors[name] = np.array([float(estimated), losses[1].mean()])
    return (
        Exhibit("covariate shift: where the rows are", "histogram", {"source": source, "target": target}, "x", "rows"),
        Exhibit("covariate shift: what is fitted", "lines", lines, "x", "y"),
        Exhibit("mean squared error: risk estimated (0), met later (1)", "bars", errors, "", "error"),
    )


def _label_shares(call: Call, rng: np.random.Generator) -> Exhibit:
    """A classifier that is right in 7 of 10 cases; rare classes become frequent ones."""
    source, target = np.array([0.6, 0.3, 0.1]), np.array([0.1, 0.3, 0.6])
    labels = [rng.choice(3, 3000, p=shares) for shares in (source, target)]
    guesses = [np.where(rng.uniform(size=3000) < 0.7, y, (y + 1) % 3) for y in labels]
    confusion = call("confusion_matrix", predictions=guesses[0], labels=labels[0], classes=3)["value"]
    given = {"confusion": confusion, "predicted_shares": np.bincount(guesses[1]) / 3000, "source_shares": source}
    shares = {
        "trained on": source,
        "predicted later": given["predicted_shares"],
        "solved": call("label_shift_confusion_matrix", **given)["target_shares"],
        "true": target,
    }
    return Exhibit("label shift: share of each class", "bars", shares, "class", "share")


def _concept_drift(call: Call, rng: np.random.Generator) -> Exhibit:
    before, after = np.array([1.0, -2.0, 0.5]), np.array([-1.0, 1.0, 2.0])
    stream = rng.normal(size=(400, 3))
    targets = np.append(stream[:150] @ before, stream[150:] @ after)
    drift = call("concept_shift_note", features=stream, targets=targets, weight=before, learning_rate=0.02)
    smooth = {name: np.convolve(values, np.ones(25) / 25, "valid") for name, values in drift.items()}
    return Exhibit("concept shift after 150 rows: only learning on helps", "lines", smooth, "row", "squared error")


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    rng = np.random.default_rng(0)
    return (*_covariate_shift(call, rng), _label_shares(call, rng), _concept_drift(call, rng))


CONCEPT = Concept(
    module=__name__,
    title="Distribution shift: weights against covariate shift, a confusion matrix against label shift",
    kind="procedure",
    summary="Rows weigh what they are worth later; where the relation itself changes, no weight helps.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 4.7 (prose, without code)",
        "Shimodaira (2000), Improving predictive inference under covariate shift by weighting the log-likelihood",
        "Lipton, Wang, Smola (2018), Detecting and correcting for label shift with black box predictors, section 3",
        "a public course: digits drawn otherwise lower the accuracy from 97.40 % to 89.18 % (97.19 % on training rows)",
    ),
    differences=(
        Difference(
            "X-confusion-axes",
            "confusion matrix",
            tf="tf.math.confusion_matrix: a row for each label, a column for each prediction",
            torch="none of its own",
            ours="a column for each label, divided by its sum: predicted shares are this matrix times true shares",
            demo=Demo(
                tf='hasattr(tf.math, "confusion_matrix")',
                torch='hasattr(torch, "confusion_matrix")',
            ),
        ),
    ),
    cases=(
        *(
            Case(
                "importance_weights",
                {"source": _SOURCE, "target": _TARGET, **_CLASSIFIER, "limit": limit},
                _importance_weights,
                label=label,
            )
            for label, limit in (("free", 1e3), ("clipped", 1.2))
        ),
        Case("weighted_risk", {"losses": _VALUES**2, "weights": _BETAS}, _weighted_risk, wrt=("losses", "weights")),
        Case(
            "covariate_shift_reweighting",
            {"features": _SOURCE, "targets": _VALUES, "weights": _BETAS},
            _weighted_fit,
            wrt=("features", "targets", "weights"),
        ),
        Case("confusion_matrix", {"predictions": _PREDICTIONS, "labels": _LABELS, "classes": 3}, _confusion_matrix),
        Case(
            "confusion_matrix",
            {"predictions": _PREDICTIONS, "labels": _LABELS, "classes": 4},
            raises=ValueError,
            label="class_without_rows",
        ),
        Case(
            "label_shift_confusion_matrix",
            {
                "confusion": _CONFUSION,
                "predicted_shares": _CONFUSION @ np.array([0.5, 0.2, 0.3]),
                "source_shares": np.bincount(_LABELS) / 23,
            },
            _label_shift,
            wrt=("confusion", "predicted_shares", "source_shares"),
        ),
        Case("concept_shift_note", {**_STREAM, "learning_rate": 0.1}, _concept_shift_note),
    ),
    study=_study,
)
