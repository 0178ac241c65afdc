"""Softmax regression: a linear layer whose outputs are turned into the probabilities of several classes."""

from dataclasses import replace
from typing import Any

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
)

__all__ = ["CONCEPT"]

# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(7)
_LOGITS = _RNG.normal(size=(5, 3))
_LABELS = np.array([2, 0, 1, 1, 2])
_HUGE = np.array([[1e3, -1e3, 998.7], [-3e30, -2e30, 5e30], [-1e3, -999.2, -1002.9]])
_MASKED = np.array([[-np.inf, 0.3, 1.7], [2.1, -np.inf, -np.inf]])
_TIES = np.array([[0.4, 1.9, 1.9], [1.9, 0.4, 1.9], [1.9, 1.9, 0.4], [-0.3, -0.3, -0.3]])
_NOT_A_NUMBER = np.array([[np.nan, 0.3, 1.7], [0.3, np.nan, 1.7], [0.3, 1.7, -0.4]])
_MANY_TIES = np.repeat([[-1.0, 2.5, 2.5, 0.5]], 31, axis=0).reshape(1, 124)


def _log_softmax(logits: Array) -> Any:
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def _cross_entropy(logits: Array, labels: Array) -> Any:
    return -np.mean(_log_softmax(logits)[range(len(labels)), labels])


def _cross_entropy_gradient(logits: Array, labels: Array) -> Any:
    return (np.exp(_log_softmax(logits)) - np.eye(logits.shape[1])[labels]) / len(labels)


def _count_correct(logits: Array, labels: Array) -> Any:
    defined = ~np.isnan(logits).any(axis=-1)
    return np.sum((np.argmax(logits, axis=-1) == labels) & defined)


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _templates(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """What each class looks for: the weights, seen by asking for one pixel at a time."""
    size = config["image_size"]
    pixels = np.eye(size**2, dtype=np.float32).reshape(-1, 1, size, size).repeat(config["in_channels"], axis=1)
    weights = (probe(pixels)["logits"] - probe(0 * pixels[:1])["logits"]).T.reshape(-1, 1, size, size)  # K 1 H W
    shown = 0.5 + 0.5 * weights / np.abs(weights).max()
    return (Exhibit("what each class looks for", "images", {"images": shown[None]}),)


_RECIPE = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=10)

# Three channels: with one, no order of flattening is wrong.
_SMALL: Config = {"in_channels": 3, "image_size": 7}

CONCEPT = Concept(
    module=__name__,
    title="Softmax (multinomial logistic) regression: from scratch and concise",
    kind="model",
    summary="One score for each class, linear in the pixels; the softmax of the scores is a distribution.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 4.1, 4.4 and 4.5",
        "Bishop (2006), Pattern Recognition and Machine Learning, section 4.3.4 (multiclass case)",
        "Raschka, deeplearning-models, softmax regression (start at zero)",
    ),
    config={"in_channels": 1, "image_size": 28, "num_classes": 10, "weight_std": 0.01},
    variants={
        "concise": Variant(
            builder="SoftmaxRegression",
            recipe=_RECIPE,
            about="the framework's dense layer and its cross entropy; 7,850 parameters",
            small=_SMALL,
        ),
        "scratch": Variant(
            builder="SoftmaxRegressionScratch",
            loss="cross_entropy_from_logits",
            recipe=_RECIPE,
            about="tensors only, with a cross entropy of its own; 7,850 parameters",
            small=_SMALL,
        ),
        "rasbt_mnist": Variant(
            builder="SoftmaxRegression",
            config={"weight_std": 0.0},
            recipe=_RECIPE,
            published=replace(_RECIPE, data="mnist", batch_size=256),
            about="Raschka's start at zero: the loss is convex, so that no symmetry needs breaking",
            claim="MNIST: 91.77 % (SGD 0.1, batches of 256, 10 epochs); 92.5 % in TensorFlow 1 (SGD 0.5, 30 epochs), "
            "whose bias is a single number for all classes: the softmax does not see it",
            small=_SMALL,
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    exhibits=_templates,
    initializers=lambda config: {
        "weight": Initializer("normal", config["weight_std"]),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D019",
            "Flatten of an image",
            tf="flattens (H, W, C)",
            torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the weights mean the same",
        ),
        Difference(
            "D051",
            "initial kernel of the dense layer",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal with standard deviation weight_std, set on both sides",
        ),
        Difference("D052", "initial bias", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D154",
            "a label that is no class",
            tf="raises InvalidArgumentError; NaN or 0 on a GPU and in a compiled graph",
            torch="raises; as an index, -1 is the last class",
            ours="IndexError; inside a TensorFlow graph, TensorFlow's behaviour",
        ),
        Difference(
            "D240",
            "argmax of NaN",
            tf="ignores it",
            torch="its position",
            ours="a row with NaN is no correct prediction",
        ),
        Difference(
            "D250",
            "one element of each row",
            tf="tf.gather with batch_dims=1",
            torch="torch.gather",
            ours="the same elements",
        ),
    ),
    cases=(
        *(
            Case(
                "softmax",
                {"logits": logits},
                lambda logits: np.exp(_log_softmax(logits)),
                wrt=("logits",),
                label=label,
                smooth=label not in ("huge", "masked"),  # no difference quotient there
            )
            for label, logits in (
                ("", _LOGITS),
                ("one_row", _LOGITS[0]),
                ("no_rows", _LOGITS[:0]),
                ("ties", _TIES),
                ("huge", _HUGE),
                ("masked", _MASKED),
            )
        ),
        Case(
            "softmax",
            {"logits": np.full((1, 3), -np.inf)},
            lambda logits: np.full((1, 3), np.nan),  # 0 / 0
            label="all_masked",
        ),
        Case(
            "cross_entropy_from_logits",
            {"logits": _LOGITS, "labels": _LABELS},
            _cross_entropy,
            wrt=("logits",),
        ),
        *(
            Case(
                "cross_entropy_from_logits",
                {"logits": logits, "labels": np.array(labels)},
                _cross_entropy,
                wrt=("logits",),
                label=label,
                gradients={"logits": _cross_entropy_gradient(logits, np.array(labels))},
            )
            for label, logits, labels in (
                ("huge", _HUGE, [1, 2, 0]),
                ("masked", _MASKED, [2, 0]),
                ("impossible", _MASKED, [0, 2]),
                ("ties", _TIES, [2, 0, 1, 1]),
                ("one_class", _LOGITS[:, :1], [0, 0, 0, 0, 0]),
            )
        ),
        Case(
            "cross_entropy_from_logits",
            {"logits": _LOGITS[:0], "labels": _LABELS[:0]},
            lambda logits, labels: np.nan,  # a mean of nothing
            label="no_rows",
        ),
        *(
            Case("cross_entropy_from_logits", {"logits": _LOGITS, "labels": labels}, raises=error, label=label)
            for label, labels, error in (
                ("label_too_large", np.array([2, 0, 3, 1, 2]), IndexError),
                ("negative_label", np.array([2, 0, -1, 1, 2]), IndexError),
                ("column_of_labels", _LABELS[:, None], ValueError),
                ("too_few_labels", _LABELS[:2], ValueError),
            )
        ),
        *(
            Case("count_correct", {"logits": logits, "labels": np.array(labels)}, _count_correct, label=label)
            for label, logits, labels in (
                ("", _LOGITS, np.argmax(_LOGITS, axis=1) * [1, 1, 1, 0, 1]),
                ("ties", _TIES, [1, 2, 0, 0]),
                ("many_ties", _MANY_TIES, [1]),
                ("masked", _MASKED, [2, 0]),
                ("all_masked", np.full((2, 3), -np.inf), [0, 1]),
                ("not_a_number", _NOT_A_NUMBER, [0, 2, 1]),
                ("no_such_label", _LOGITS, [3, -1, 0, 1, 2]),
            )
        ),
        Case("count_correct", {"logits": _LOGITS[:0], "labels": _LABELS[:0]}, _count_correct, label="no_rows"),
    ),
)
