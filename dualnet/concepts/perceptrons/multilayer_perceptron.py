"""Multilayer perceptron: two linear layers with a bend between them, so that the whole is not linear."""

from typing import Any

import numpy as np

from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
)

__all__ = ["CONCEPT"]

# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(11)
_X = _RNG.normal(size=(5, 7))
_LOGITS = _RNG.normal(size=(5, 3))
_LABELS = np.array([2, 0, 1, 1, 2])
_AT_KINK = np.array([0.0, -0.0, 1.3, -0.7, np.inf, -np.inf])


def _log_softmax(logits: Array) -> Any:
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


def _cross_entropy(logits: Array, labels: Array) -> Any:
    return -np.mean(_log_softmax(logits)[range(len(labels)), labels])


def _relu(x: Array) -> Any:
    return np.maximum(x, 0)


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


_RECIPE = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=10)

# Three channels: with one, no order of flattening is wrong.
_SMALL: Config = {"in_channels": 3, "image_size": 7, "hidden": 23}

CONCEPT = Concept(
    module=__name__,
    title="Multilayer perceptron: from scratch and concise",
    kind="model",
    summary="A hidden layer learns features of the image, a ReLU bends them, a second layer reads them.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 5.1 and 5.2",
        "Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors",
        "Nair, Hinton (2010), Rectified linear units improve restricted Boltzmann machines (ReLU)",
    ),
    config={"in_channels": 1, "image_size": 28, "hidden": 256, "num_classes": 10, "weight_std": 0.01},
    variants={
        "concise": Variant(
            builder="MultilayerPerceptron",
            recipe=_RECIPE,
            about="the framework's dense layers, ReLU and cross entropy; 784-256-10, 203,530 parameters",
            small=_SMALL,
        ),
        "scratch": Variant(
            builder="MultilayerPerceptronScratch",
            loss="cross_entropy_from_logits",
            recipe=_RECIPE,
            about="tensors only, with a layer, a ReLU and a cross entropy of its own; 203,530 parameters",
            small=_SMALL,
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=lambda config: {
        "hidden": Stage("NF", (config["hidden"],)),
        "output": Stage("NK", (config["num_classes"],)),
    },
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
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal with standard deviation weight_std, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D154",
            "a label that is no class",
            tf="raises InvalidArgumentError; NaN or 0 on a GPU and in a compiled graph",
            torch="raises; as an index, -1 is the last class",
            ours="IndexError; inside a TensorFlow graph, TensorFlow's behaviour",
        ),
        Difference(
            "D203",
            "gradient of maximum(x, 0) at 0",
            tf="1",
            torch="1/2",
            ours="0, as the built-in ReLU of both",
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
        Case("relu", {"x": _X}, _relu, wrt=("x",)),
        Case(
            "relu",
            {"x": _AT_KINK},
            _relu,
            wrt=("x",),
            label="at_kink",
            smooth=False,
            gradients={"x": np.array([0.0, 0.0, 1.0, 0.0, 1.0, 0.0])},
        ),
        Case("relu", {"x": np.array([np.nan, -1.3])}, _relu, label="not_a_number"),
        Case("relu", {"x": np.array(-0.3)}, _relu, wrt=("x",), label="scalar"),
        Case("relu", {"x": np.array([-2, 0, 3])}, _relu, label="integers"),
        Case("relu", {"x": _X[:0]}, _relu, wrt=("x",), label="empty"),
        Case(
            "cross_entropy_from_logits",
            {"logits": _LOGITS, "labels": _LABELS},
            _cross_entropy,
            wrt=("logits",),
        ),
        Case(
            "cross_entropy_from_logits",
            {"logits": 1e3 * _LOGITS, "labels": _LABELS},
            _cross_entropy,
            wrt=("logits",),
            label="huge",
            gradients={"logits": (np.exp(_log_softmax(1e3 * _LOGITS)) - np.eye(3)[_LABELS]) / 5},
        ),
        *(
            Case("cross_entropy_from_logits", {"logits": _LOGITS, "labels": labels}, raises=error, label=label)
            for label, labels, error in (
                ("label_too_large", np.array([2, 0, 3, 1, 2]), IndexError),
                ("negative_label", np.array([2, 0, -1, 1, 2]), IndexError),
                ("column_of_labels", _LABELS[:, None], ValueError),
            )
        ),
    ),
)
