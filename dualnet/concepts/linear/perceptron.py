"""The perceptron: a row on the wrong side moves the hyperplane, and only so often, if there is any that fits."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Convergence", "PerceptronParameters", "PerceptronRun"]


class PerceptronParameters(NamedTuple):
    """A hyperplane: (F,) and ()."""

    weight: Any
    bias: Any


class PerceptronRun(NamedTuple):
    """The hyperplane after training, and how many predictions were wrong on the way."""

    weight: Any
    bias: Any
    mistakes: Any


class Convergence(NamedTuple):
    """The mistakes made, the most there can be, and whether the first is at most the second."""

    mistakes: Any
    bound: Any
    within: Any


# Eighths: all sums are exact in float32 too, so that both precisions make the same mistakes.
_RNG = np.random.default_rng(19)
_TRUE_WEIGHT, _TRUE_BIAS = np.array([1.25, -0.75, 0.5]), np.array(0.25)
_DRAWN = np.round(8 * _RNG.normal(size=(19, 3))) / 8
_SCORES = _DRAWN @ _TRUE_WEIGHT + _TRUE_BIAS
_FEATURES = _DRAWN[np.abs(_SCORES) > 0.3]
_LABELS = (_FEATURES @ _TRUE_WEIGHT + _TRUE_BIAS > 0).astype(np.int64)
_MIXED = np.where(np.arange(len(_LABELS)) % 7 == 3, 1 - _LABELS, _LABELS)  # no hyperplane tells these apart
_ON_IT = np.array([[1.0, 2.0], [-1.0, 0.5], [2.0, 1.0]])  # scores 0, -2.5, 2 for weight (2, -1), bias 0
_NOTHING = {"weight": np.zeros(3), "bias": np.array(0.0)}
_TRUTH = {"weight": _TRUE_WEIGHT, "bias": _TRUE_BIAS}
_ROWS = {"features": _FEATURES, "labels": _LABELS}


def _predict(features: Array, weight: Array, bias: Array, positive_at_zero: bool = False) -> Any:
    score = features @ weight + bias
    return np.int64(score >= 0) if positive_at_zero else np.int64(score > 0)


def _update(
    weight: Array, bias: Array, row: Array, label: Array, positive_at_zero: bool = False
) -> PerceptronParameters:
    error = label - _predict(row, weight, bias, positive_at_zero)
    return PerceptronParameters(weight + error * row, bias + error)


def _train(features: Array, labels: Array, epochs: int, positive_at_zero: bool = False) -> PerceptronRun:
    rows, weight, mistakes = np.column_stack([features, np.ones(len(features))]), np.zeros(features.shape[1] + 1), 0
    for row, sign in zip(np.tile(rows, (epochs, 1)), np.tile(2 * labels - 1, epochs), strict=True):
        score = sign * (row @ weight)
        if score < 0 or (score == 0 and (sign < 0) == positive_at_zero):
            weight, mistakes = weight + sign * row, mistakes + 1
    return PerceptronRun(weight[:-1], weight[-1], np.int64(mistakes))


def _margin(features: Array, labels: Array, weight: Array, bias: Array) -> Any:
    return np.min((2 * labels - 1) * (features @ weight + bias)) / np.linalg.norm([*weight, bias])


def _bound(features: Array, labels: Array, weight: Array, bias: Array) -> Any:
    gap = _margin(features, labels, weight, bias)
    return (np.sqrt((features**2).sum(1) + 1).max() / gap) ** 2 if gap > 0 else np.inf


def _convergence(
    features: Array, labels: Array, weight: Array, bias: Array, epochs: int, positive_at_zero: bool = False
) -> Convergence:
    mistakes = _train(features, labels, epochs, positive_at_zero).mistakes
    return Convergence(mistakes, _bound(features, labels, weight, bias), True)  # Novikoff's theorem


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    """Two clouds that a line tells apart: what is learned, and how many mistakes that takes."""
    rng = np.random.default_rng(6)
    labels = np.arange(60) % 2
    points = rng.normal(0.0, 0.6, (60, 2)) + np.where(labels, 1.5, -1.5)[:, None] * [1.0, 0.6] + [2.0, 1.0]
    courses = [call("perceptron_train", features=points, labels=labels, epochs=epochs) for epochs in range(1, 13)]
    found = {name: courses[-1][name] for name in ("weight", "bias")}
    bound = call("convergence_bound", features=points, labels=labels, **found)["value"]
    x, y = (np.linspace(low - 0.5, high + 0.5, 101) for low, high in zip(points.min(0), points.max(0), strict=True))
    plane = call("predict", features=np.stack(np.meshgrid(x, y), axis=-1), **found)["value"]
    so_far = np.array([course["mistakes"] for course in courses])
    mistakes = {"x": np.arange(1, 13), "so far": so_far, "bound": np.full(12, bound)}
    regions = {"x": x, "y": y, "labels": plane, "points": points, "point_labels": labels}
    return (
        Exhibit("decision regions", "regions", regions, x="first feature", y="second feature"),
        Exhibit("mistakes", "lines", mistakes, x="epochs", y="wrong predictions", scale="log"),
    )


CONCEPT = Concept(
    module=__name__,
    title="Perceptron: its update rule and its convergence bound",
    kind="ops",
    summary="A wrongly predicted row is added to the weights or taken away, until the rows are separated.",
    sources=(
        "Rosenblatt 1958, The Perceptron: a Probabilistic Model for Information Storage and Organization in the Brain",
        "Novikoff 1962, On Convergence Proofs on Perceptrons (the bound)",
        "Raschka, deeplearning-models, perceptron (one notebook predicts 1 above 0, the other from 0 on)",
    ),
    differences=(
        Difference(
            "X-minimum-of-nothing",
            "minimum of no numbers",
            tf="infinity",
            torch="raises RuntimeError; IndexError along an axis",
            ours="ValueError",
            demo=Demo(
                tf="tf.reduce_min(v[:0])",
                torch="v[:0].amin()",
            ),
        ),
    ),
    cases=(
        Case("predict", {"features": _FEATURES, **_TRUTH}, _predict),
        *(
            Case(
                "predict",
                {
                    "features": _ON_IT,
                    "weight": np.array([2.0, -1.0]),
                    "bias": np.array(0.0),
                    "positive_at_zero": at_zero,
                },
                lambda features, weight, bias, positive_at_zero: np.array([int(positive_at_zero), 0, 1]),
                label=label,
            )
            for label, at_zero in (("0_at_zero", False), ("1_at_zero", True))
        ),
        Case("predict", {"features": _FEATURES[0], **_TRUTH}, _predict, label="one_row"),
        Case("predict", {"features": _FEATURES[:0], **_TRUTH}, _predict, label="no_rows"),
        Case("predict", {"features": np.array([[np.nan, 0.3, 1.7]]), **_TRUTH}, _predict, label="not_a_number"),
        *(
            Case(
                "perceptron_update",
                {**start, "row": _FEATURES[2], "label": np.array(target), "positive_at_zero": at_zero},
                _update,
                label=f"{label}_label_{target}{'_1_at_zero' if at_zero else ''}",
            )
            for label, start in (("from_0", _NOTHING), ("from_truth", _TRUTH))
            for target in (0, 1)
            for at_zero in (False, True)
        ),
        *(
            Case(
                "perceptron_train",
                {"features": _FEATURES[:rows], "labels": labels[:rows], "epochs": epochs, "positive_at_zero": at_zero},
                _train,
                label=label,
            )
            for label, labels, rows, epochs, at_zero in (
                ("", _LABELS, None, 3, False),
                ("1_at_zero", _LABELS, None, 3, True),
                ("mixed", _MIXED, None, 2, False),
                ("no_epoch", _LABELS, None, 0, False),
                ("no_rows", _LABELS, 0, 3, False),
            )
        ),
        Case("margin", {**_ROWS, **_TRUTH}, _margin, wrt=("features", "weight", "bias")),
        Case("margin", {"features": _FEATURES, "labels": _MIXED, **_TRUTH}, _margin, wrt=("weight",), label="mixed"),
        Case("margin", {**_ROWS, **_NOTHING}, lambda **_: np.nan, label="no_hyperplane"),
        Case("convergence_bound", {**_ROWS, **_TRUTH}, _bound),
        Case("convergence_bound", {"features": _FEATURES, "labels": _MIXED, **_TRUTH}, _bound, label="mixed"),
        Case("convergence_bound", {**_ROWS, **_NOTHING}, _bound, label="no_hyperplane"),
        *(
            Case(
                "convergence", {**_ROWS, **_TRUTH, "epochs": 3, "positive_at_zero": at_zero}, _convergence, label=label
            )
            for label, at_zero in (("", False), ("1_at_zero", True))
        ),
        Case(
            "convergence",
            {
                "features": np.array([[1.0], [-1.0]]),
                "labels": np.array([1, 1]),
                "weight": np.array([0.0]),
                "bias": np.array(1.0),
                "epochs": 7,
            },
            lambda **_: Convergence(np.int64(2), 2.0, True),  # (1, 1) and (-1, 1) are at right angles
            label="bound_reached",
        ),
        *(
            Case(function, {**arguments, **changed}, raises=ValueError, label=label)
            for function, arguments in (
                ("perceptron_train", {**_ROWS, "epochs": 2}),
                ("margin", {**_ROWS, **_TRUTH}),
                ("convergence_bound", {**_ROWS, **_TRUTH}),
            )
            for label, changed in (
                ("label_2", {"labels": _LABELS + 1}),
                ("signs", {"labels": 2 * _LABELS - 1}),
                ("too_few_labels", {"labels": _LABELS[:2]}),
            )
        ),
        Case(
            "margin", {"features": _FEATURES[:0], "labels": _LABELS[:0], **_TRUTH}, raises=ValueError, label="no_rows"
        ),
    ),
    study=_study,
)
