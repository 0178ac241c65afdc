"""Linear regression: the plane with the smallest squared error, found in four ways."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    Dataset,
    Demo,
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

__all__ = ["CONCEPT", "LeastSquares"]


class LeastSquares(NamedTuple):
    """The parameters with the smallest squared error: (F, 1) and (1,)."""

    weight: Any
    bias: Any


# Distinct prime sizes, no zeros, no symmetry: an exchanged axis or a forgotten row cannot hide.
_RNG = np.random.default_rng(5)
_PREDICTIONS = _RNG.normal(size=(7, 1))
_TARGETS = _RNG.normal(size=(7, 1))
_WEIGHT = _RNG.normal(size=(3, 1))
_GRADIENT = _RNG.normal(size=(3, 1))
_FEATURES = _RNG.normal(size=(17, 3))
_NOISY = _FEATURES @ np.array([[2.0], [-3.4], [0.7]]) + 4.2 + 0.3 * _RNG.normal(size=(17, 1))
_NO_ROWS = np.empty((0, 1))


def _squared_loss(predictions: Array, targets: Array) -> Any:
    return np.mean((predictions - targets) ** 2 / 2)


def _least_squares(features: Array, targets: Array) -> LeastSquares:
    design = np.column_stack([features, np.ones(len(features))])
    solution = np.linalg.lstsq(design, targets, rcond=None)[0]
    return LeastSquares(solution[:-1], solution[-1])


def _negative_log_likelihood(predictions: Array, targets: Array, sigma: Array) -> Any:
    density = np.exp(-(((targets - predictions) / sigma) ** 2) / 2) / np.sqrt(2 * np.pi * sigma**2)
    return -np.mean(np.log(density))


def _predictions(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    targets = dataset.test_targets
    points = np.column_stack([targets, probe(*each(dataset.test_inputs))["predictions"]])
    arrays = {"points": points, "labels": np.zeros(len(points), np.int64)}
    return (Exhibit("test rows", "points", arrays, x="target", y="prediction"),)


_RECIPE = Recipe(data="synthetic_linear", optimizer=Optimizer("sgd", 0.03), batch_size=10, epochs=3)

CONCEPT = Concept(
    module=__name__,
    title="Linear regression: from scratch, concise, in closed form, by maximum likelihood",
    kind="model",
    summary="A weighted sum of the features plus a bias; the best weights have the smallest squared error.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 3.1, 3.4 and 3.5",
        "Bishop (2006), Pattern Recognition and Machine Learning, section 3.1.1 (maximum likelihood)",
    ),
    config={"num_features": 2, "weight_std": 0.01},
    variants={
        "concise": Variant(
            builder="LinearRegression",
            loss="squared_error",
            recipe=_RECIPE,
            about="the framework's dense layer and its mean squared error",
        ),
        "scratch": Variant(
            builder="LinearRegressionScratch",
            loss="squared_loss",
            recipe=_RECIPE,
            about="tensors only, half the squared error: the same learning rate takes half the step",
        ),
    },
    inputs=lambda config: {"features": Spec("NF", (config["num_features"],))},
    targets=lambda config: Spec("NF", (1,)),
    outputs={"predictions": "NF"},
    exhibits=_predictions,
    initializers=lambda config: {
        "weight": Initializer("normal", config["weight_std"]),
        "bias": Initializer("constant", 0.0),
    },
    metric="mean_squared_error",
    differences=(
        Difference(
            "D051",
            "initial kernel of the dense layer",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal with standard deviation weight_std, set on both sides",
        ),
        Difference("D052", "initial bias", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D126",
            "predictions (N, 1) against targets (N,)",
            tf="Keras' losses squeeze one of them; a plain difference broadcasts to (N, N)",
            torch="broadcasts to (N, N), with a warning from mse_loss",
            ours="ValueError",
        ),
        Difference(
            "D266",
            "least squares in the library",
            tf="lstsq solves the normal equation; fast=False is accurate but has no gradient",
            torch="lstsq uses QR",
            ours="the normal equation, written out",
        ),
        Difference(
            "X-svd-not-finite",
            "rank of a matrix with NaN or infinity",
            tf="0",
            torch="raises LinAlgError for NaN; infinity may give 0",
            ours="ValueError",
            demo=Demo(
                tf="tf.linalg.matrix_rank(odd)",
                torch="torch.linalg.matrix_rank(odd)",
            ),
        ),
    ),
    cases=(
        Case(
            "squared_loss",
            {"predictions": _PREDICTIONS, "targets": _TARGETS},
            _squared_loss,
            wrt=("predictions", "targets"),
        ),
        Case(
            "squared_loss",
            {"predictions": _TARGETS, "targets": _TARGETS},
            _squared_loss,
            wrt=("predictions", "targets"),
            label="perfect",
            gradients={"predictions": np.zeros((7, 1)), "targets": np.zeros((7, 1))},
        ),
        Case(
            "squared_loss",
            {"predictions": _NO_ROWS, "targets": _NO_ROWS},
            lambda predictions, targets: np.nan,  # a mean of nothing
            label="no_rows",
        ),
        Case(
            "squared_loss",
            {"predictions": _PREDICTIONS, "targets": _TARGETS[:, 0]},
            raises=ValueError,
            label="flat",
        ),
        *(
            Case(
                "negative_log_likelihood",
                {"predictions": _PREDICTIONS, "targets": _TARGETS, "sigma": np.array(sigma)},
                _negative_log_likelihood,
                wrt=("predictions", "targets", "sigma"),
                label=label,
            )
            for label, sigma in (("", 0.7), ("narrow", 0.11), ("wide", 23.0))
        ),
        Case(
            "negative_log_likelihood",
            {"predictions": _PREDICTIONS, "targets": _TARGETS[:, 0], "sigma": np.array(0.7)},
            raises=ValueError,
            label="flat",
        ),
        Case(
            "normal_equation",
            {"features": _FEATURES, "targets": _NOISY},
            _least_squares,
            wrt=("features", "targets"),
        ),
        Case(
            "normal_equation",
            {"features": _FEATURES[:4], "targets": _NOISY[:4]},
            _least_squares,
            wrt=("features", "targets"),
            label="as_many_rows_as_unknowns",
        ),
        *(
            Case(
                "normal_equation",
                {"features": features, "targets": _NOISY[: len(features)]},
                raises=ValueError,
                label=label,
            )
            for label, features in (
                ("too_few_rows", _FEATURES[:3]),
                ("no_rows", _FEATURES[:0]),
                ("repeated_column", _FEATURES[:, [0, 1, 0]]),
                ("not_a_number", np.where(_FEATURES > 2, np.nan, _FEATURES)),
                ("constant_column", np.column_stack([_FEATURES[:, :2], np.full(17, 1.3)])),
            )
        ),
        *(
            Case(
                "sgd_step",
                {"parameter": parameter, "gradient": gradient, "learning_rate": learning_rate},
                lambda parameter, gradient, learning_rate: parameter - learning_rate * gradient,
                wrt=("parameter", "gradient"),
                label=label,
            )
            for label, parameter, gradient, learning_rate in (
                ("", _WEIGHT, _GRADIENT, 0.03),
                ("at_rest", _WEIGHT, _GRADIENT, 0.0),
                ("scalar", np.array(0.3), np.array(-1.7), 1.1),
                ("empty", _NO_ROWS, _NO_ROWS, 0.03),
            )
        ),
    ),
)
