"""Logistic regression: the probability of one of two labels, found by hand, from tensors and by a dense layer."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    Dataset,
    Difference,
    Exhibit,
    Initializer,
    Optimizer,
    Probe,
    Recipe,
    Spec,
    Variant,
    each,
)

__all__ = ["CONCEPT", "LogisticParameters"]


class LogisticParameters(NamedTuple):
    """What logistic regression learns, or a gradient by it: (F, 1) and (1,)."""

    weight: Any
    bias: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(17)
_LOGITS = _RNG.normal(size=(7, 2))
_LABELS = np.array([1, 0, 0, 1, 1, 0, 1])
_FEATURES = _RNG.normal(size=(7, 3))
_WEIGHT = _RNG.normal(size=(3, 1))
_BIAS = np.array([0.3])
_FAR = np.array([[0.3, 1e3], [0.3, -1e3], [40.0, 0.7], [-39.0, 0.7]])


def _binary_cross_entropy(logits: Array, labels: Array) -> Any:
    score = logits[:, 1] - logits[:, 0]
    return np.logaddexp(0, np.where(labels == 1, -score, score)).sum()


def _manual_gradients(features: Array, labels: Array, weight: Array, bias: Array) -> LogisticParameters:
    errors = np.exp(-np.logaddexp(0, -(features @ weight + bias))) - labels[:, None]
    return LogisticParameters(features.T @ errors, errors.sum(0))


def _manual_training(features: Array, labels: Array, learning_rate: float, steps: int) -> LogisticParameters:
    found = LogisticParameters(np.zeros((features.shape[1], 1)), np.zeros(1))
    for _ in range(steps):
        by_weight, by_bias = _manual_gradients(features, labels, *found)
        found = LogisticParameters(found.weight - learning_rate * by_weight, found.bias - learning_rate * by_bias)
    return found


def _regions(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """What the model says of the plane in which the training rows lie; none where they lie in no plane."""
    points = each(dataset.train_inputs)[0]
    if points.shape[1] != 2:
        return ()
    x, y = (np.linspace(low - 0.5, high + 0.5, 101) for low, high in zip(points.min(0), points.max(0), strict=True))
    plane = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(np.float32)
    labels = probe(plane)["logits"].argmax(1).reshape(101, 101)
    arrays = {"x": x, "y": y, "labels": labels, "points": points, "point_labels": dataset.train_targets}
    return (Exhibit("decision regions", "regions", arrays, x="first feature", y="second feature"),)


# All 75 training rows in every step. It ends at w = (4.2109, -2.9745), b = 0.0759, cost 2.741, all test rows right.
# Raschka's (4.2267, -2.9613), 0.0994, 2.758 come from a file with 3.1 instead of Fisher's 3.6 in one flower.
_RECIPE = Recipe(data="iris", optimizer=Optimizer("sgd", 0.1), batch_size=75, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="Binary logistic regression: by hand, from scratch and concise",
    kind="model",
    summary="One score, linear in the features; its sigmoid is the probability of one of two labels.",
    sources=(
        "Raschka, deeplearning-models, logistic regression (zero start, full batch, summed cost)",
        "Bishop (2006), Pattern Recognition and Machine Learning, sections 4.3.2 and 4.3.3",
    ),
    config={"num_features": 2},
    variants={
        "concise": Variant(
            builder="LogisticRegression",
            loss="summed_cross_entropy",
            recipe=_RECIPE,
            about="module API: the framework's dense layer and its cross entropy; 3 parameters",
        ),
        "scratch": Variant(
            builder="LogisticRegressionScratch",
            loss="binary_cross_entropy",
            recipe=_RECIPE,
            about="autograd: tensors only, with a binary cross entropy of its own; 3 parameters",
        ),
    },
    inputs=lambda config: {"features": Spec("NF", (config["num_features"],))},
    targets=lambda config: Spec("N", classes=2),
    outputs={"logits": "NK"},
    exhibits=_regions,
    initializers=lambda config: {
        "weight": Initializer("constant", 0.0),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D051",
            "initial kernel of the dense layer",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="zeros, set on both sides: the loss is convex, so that no symmetry needs breaking",
        ),
        Difference("D052", "initial bias", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D154",
            "a label that is no class",
            tf="raises InvalidArgumentError; NaN or 0 on a GPU and in a compiled graph",
            torch="raises, but ignores label -100",
            ours="IndexError; inside a TensorFlow graph, TensorFlow's behaviour",
        ),
        Difference(
            "D190",
            "softplus of large numbers",
            tf="log(1 + exp(x)) everywhere",
            torch="x above a threshold of 20",
            ours="log(1 + exp(x)) everywhere",
        ),
    ),
    cases=(
        *(
            case
            for function in ("binary_cross_entropy", "summed_cross_entropy")
            for case in (
                Case(function, {"logits": _LOGITS, "labels": _LABELS}, _binary_cross_entropy, wrt=("logits",)),
                Case(
                    function,
                    {"logits": np.full((2, 2), 0.7), "labels": np.array([1, 0])},
                    _binary_cross_entropy,
                    wrt=("logits",),
                    label="undecided",
                    gradients={"logits": np.array([[0.5, -0.5], [-0.5, 0.5]])},
                ),
                Case(
                    function,
                    {"logits": _FAR, "labels": np.array([0, 1, 1, 0])},
                    _binary_cross_entropy,
                    wrt=("logits",),
                    label="surely_wrong",
                    gradients={"logits": np.array([[-1.0, 1.0], [1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])},
                ),
                Case(
                    function,
                    {"logits": _FAR[:2], "labels": np.array([1, 0])},
                    _binary_cross_entropy,
                    wrt=("logits",),
                    label="surely_right",
                    gradients={"logits": np.zeros((2, 2))},
                ),
                Case(function, {"logits": _LOGITS[:0], "labels": _LABELS[:0]}, _binary_cross_entropy, label="no_rows"),
                Case(function, {"logits": _LOGITS, "labels": _LABELS + 1}, raises=IndexError, label="label_too_large"),
                Case(function, {"logits": _LOGITS, "labels": _LABELS - 1}, raises=IndexError, label="negative_label"),
                Case(function, {"logits": _LOGITS, "labels": _LABELS[:, None]}, raises=ValueError, label="column"),
                Case(function, {"logits": _FEATURES, "labels": _LABELS}, raises=ValueError, label="three_logits"),
            )
        ),
        Case(
            "manual_gradients",
            {"features": _FEATURES, "labels": _LABELS, "weight": _WEIGHT, "bias": _BIAS},
            _manual_gradients,
            wrt=("features", "weight", "bias"),
        ),
        Case(
            "manual_gradients",
            {"features": _FEATURES[:0], "labels": _LABELS[:0], "weight": _WEIGHT, "bias": _BIAS},
            _manual_gradients,
            label="no_rows",
        ),
        *(
            Case(
                "manual_training",
                {"features": _FEATURES, "labels": _LABELS, "learning_rate": 0.1, "steps": steps},
                _manual_training,
                wrt=("features",),
                label=label,
            )
            for label, steps in (("", 10), ("no_step", 0))
        ),
    ),
)
