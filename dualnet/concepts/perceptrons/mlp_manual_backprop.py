"""Backpropagation by hand: one hidden layer, trained by gradients that are written out by the chain rule."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    ConfigError,
    Demo,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
)

__all__ = ["CONCEPT", "DEVIATION", "Backpropagation"]

DEVIATION = 0.1
"""Standard deviation of all initial weights."""


class Backpropagation(NamedTuple):
    """A loss, and its gradient by each parameter, of the parameter's shape."""

    loss: Any
    hidden_weight: Any
    hidden_bias: Any
    output_weight: Any
    output_bias: Any


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(67)
_GIVEN = {
    "pixels": _RNG.uniform(size=(7, 11)),
    "labels": np.array([2, 0, 1, 1, 2, 2, 0]),
    "hidden_weight": _RNG.normal(size=(5, 11)),
    "hidden_bias": _RNG.normal(size=5),
    "output_weight": _RNG.normal(size=(3, 5)),
    "output_bias": _RNG.normal(size=3),
}
_SURE = {**_GIVEN, "output_weight": 100 * _GIVEN["output_weight"]}


# --- the third opinion: no chain rule, but steps along the imaginary axis ----------------------------------------


def _sigmoid(x: Array) -> Any:
    return 1 / (1 + np.exp(-x))


def _squared_error(scores: Array, labels: Array) -> Any:
    return np.sum((_sigmoid(scores) - np.eye(scores.shape[1])[labels]) ** 2) / len(labels)


def _cross_entropy(scores: Array, labels: Array) -> Any:
    shifted = scores - scores.real.max(axis=1, keepdims=True)
    return -np.mean((shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))[range(len(labels)), labels])


_LOSSES = {"squared_error": _squared_error, "cross_entropy": _cross_entropy}


def _gradients(pixels: Array, labels: Array, loss: str, **weights: Array) -> Backpropagation:
    """The derivative of f at x is the imaginary part of f(x + ih) / h, to the last digit (Squire & Trapp 1998)."""

    def value(weights: dict[str, Array]) -> Any:
        hidden = _sigmoid(pixels @ weights["hidden_weight"].T + weights["hidden_bias"])
        return _LOSSES[loss](hidden @ weights["output_weight"].T + weights["output_bias"], labels)

    slopes = {name: np.zeros_like(weight) for name, weight in weights.items()}
    for name, weight in weights.items():
        for index in np.ndindex(weight.shape):
            moved = weight.astype(complex)
            moved[index] += 1e-30j
            slopes[name][index] = value({**weights, name: moved}).imag / 1e-30
    return Backpropagation(value({name: weight + 0j for name, weight in weights.items()}).real, **slopes)


_ORACLES: dict[str, Callable[..., Backpropagation]] = {
    "sigmoid_mse_gradients": partial(_gradients, loss="squared_error"),
    "sigmoid_softmax_ce_gradients": partial(_gradients, loss="cross_entropy"),
}


def _recipe(rate: float, epochs: int) -> Recipe:
    return Recipe(data="digits", optimizer=Optimizer("sgd", rate), batch_size=16, epochs=epochs)


# Three channels: with one, no order of flattening is wrong.
_SMALL: Config = {"in_channels": 3, "image_size": 7, "hidden": 23}
_CROSS_ENTROPY_MNIST = Recipe(data="mnist", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="Multilayer perceptron with hand-written backpropagation",
    kind="model",
    summary="The chain rule, written out for one hidden layer, gives what automatic differentiation gives.",
    sources=(
        "Raschka, deeplearning-models, mlp/mlp-fromscratch__sigmoid-mse and mlp/mlp-lowlevel",
        "Rumelhart, Hinton, Williams (1986), Learning representations by back-propagating errors",
    ),
    config={"in_channels": 1, "image_size": 28, "hidden": 50, "num_classes": 10},
    variants={
        "sigmoid_mse": Variant(
            builder="SigmoidMLP",
            loss="squared_error_of_sigmoids",
            step="sigmoid_mse_step",
            players={"network": 1.0},
            recipe=_recipe(0.3, 30),
            published=Recipe(data="mnist", optimizer=Optimizer("sgd", 0.1), batch_size=100, epochs=50),
            about="50 hidden units, sigmoid outputs and squared error, gradients by hand; 39,760 parameters",
            claim="MNIST: 94.49 % (SGD 0.1, batches of 100, 50 epochs); the cost that the source prints is averaged "
            "over the 10 classes, its gradient is of their sum: of ten times that cost",
            small=_SMALL,
        ),
        "sigmoid_softmax_ce": Variant(
            builder="SigmoidMLP",
            config={"hidden": 128},
            step="sigmoid_softmax_ce_step",
            players={"network": 1.0},
            recipe=_recipe(0.1, 20),
            published=_CROSS_ENTROPY_MNIST,
            about="128 hidden units, softmax and cross entropy, gradients by hand; 101,770 parameters",
            claim="MNIST: 94.5 % (SGD 0.1, batches of 64, 10 epochs) by the optimizer, by tf.gradients and by hand; "
            "94.49 % of sigmoid_mse is of another network, trained five times as long",
            small=_SMALL,
        ),
        "tf_gradients": Variant(
            builder="SigmoidMLP",
            config={"hidden": 128},
            step="tf_gradients_step",
            players={"network": 1.0},
            recipe=_recipe(0.1, 20),
            published=_CROSS_ENTROPY_MNIST,
            about="the same network, gradients asked of the framework (tf.GradientTape, torch.autograd.grad)",
            claim="MNIST: 94.5 %, as by hand",
            small=_SMALL,
        ),
    },
    inputs=lambda config: {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))},
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"scores": "NK"},
    stages=lambda config: {
        "network.hidden": Stage("NF", (config["hidden"],)),
        "network.output": Stage("NK", (config["num_classes"],)),
    },
    initializers=lambda config: {"weight": Initializer("normal", DEVIATION), "bias": Initializer("constant", 0.0)},
    differences=(
        Difference(
            "D008",
            "weight of a dense layer",
            tf="kernel (in, out): y = x @ W",
            torch="weight (out, in): y = x @ W.T",
            ours="the functions take (out, in); the TensorFlow side transposes kernels and their gradients",
        ),
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
            ours="normal with standard deviation 0.1, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "X-one-hot-range",
            "one-hot row of a label that is no class",
            tf="zeros",
            torch="raises RuntimeError",
            ours="ValueError; inside a TensorFlow graph, zeros",
            demo=Demo(
                tf="tf.one_hot(tf.constant([3]), 3)",
                torch="torch.nn.functional.one_hot(torch.tensor([3]), 3)",
            ),
        ),
    ),
    cases=(
        *(Case(function, _GIVEN, oracle) for function, oracle in _ORACLES.items()),
        *(Case(function, _SURE, oracle, label="sure") for function, oracle in _ORACLES.items()),
        *(
            Case("autograd_gradients", {**_GIVEN, "loss": loss}, _gradients, label=loss)
            for loss in ("squared_error", "cross_entropy")
        ),
        Case("autograd_gradients", {**_GIVEN, "loss": "hinge"}, raises=ConfigError, label="no_such_loss"),
        Case(
            "squared_error_of_sigmoids",
            {"scores": _RNG.normal(size=(7, 3)), "labels": _GIVEN["labels"]},
            _squared_error,
            wrt=("scores",),
        ),
        *(
            Case(function, {**_GIVEN, "labels": _GIVEN["labels"] + shift}, raises=ValueError, label=label)
            for function in _ORACLES
            for label, shift in (("label_too_large", 1), ("negative_label", -1))
        ),
    ),
)
