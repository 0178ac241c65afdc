"""Variational autoencoder: codes are drawn from a Gaussian that the encoder gives, close to the standard one."""

from typing import Any

import numpy as np

from dualnet.concepts.autoencoders._common import (
    FLOAT32_SLOPE,
    GAUSSIAN_SCALES,
    INITIALIZERS,
    START,
    Variational,
    VariationalLoss,
    binary_cross_entropy,
    kl_divergence,
    own_pixels,
    variational_exhibits,
)
from dualnet.interface import Array, Case, Concept, Difference, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT", "Variational", "VariationalLoss"]

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(43)
_MEAN, _LOG_VARIANCE, _NOISE = _RNG.normal(size=(3, 5, 7))
_LOGITS, _TARGETS = 3.0 * _RNG.normal(size=(5, 11)), _RNG.uniform(size=(5, 11))


def _reparameterize(mean: Array, log_variance: Array, noise: Array) -> Any:
    return mean + noise * np.sqrt(np.exp(log_variance))


def _sum_of_divergences(mean: Array, log_variance: Array) -> Any:
    return kl_divergence(mean, log_variance).sum()


def _sum_of_cross_entropies(logits: Array, targets: Array) -> Any:
    return binary_cross_entropy(logits, targets).sum()


CONCEPT = Concept(
    module=__name__,
    title="Variational autoencoder: reparameterisation and KL divergence",
    kind="model",
    summary="The encoder gives a Gaussian for each image; drawing from it, and keeping it close to the standard one, "
    "lets the decoder make new images.",
    sources=(
        "Kingma, Welling (2014), Auto-encoding variational Bayes, sections 2.4 and 3, appendix B",
        "Raschka, deeplearning-models, autoencoder/ae-var",
    ),
    config={"num_features": 784, "hidden": 500, "latent": 15, "negative_slope": 0.0001},
    variants={
        "fc_500_15": Variant(
            builder="VariationalAutoencoder",
            loss="variational_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            about="784-500-15-500-784, 808,314 parameters",
            claim="MNIST: 13,097 to 13,273 nats per batch of 128 (Adam 0.001, 50 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            loss_scale=4096.0,
        ),
    },
    inputs=lambda config: {
        "pixels": Spec("NF", (config["num_features"],), values="unit"),
        "noise": Spec("NF", (config["latent"],), values="noise"),
    },
    targets=lambda config: Spec("NF", (config["num_features"],), values="unit"),
    outputs={"reconstruction": "NF", "mean": "NF", "log_variance": "NF", "latent": "NF", "logits": "NF"},
    stages=lambda config: {
        "encoder": Stage("NF", (config["hidden"],)),
        "mean": Stage("NF", (config["latent"],)),
        "log_variance": Stage("NF", (config["latent"],)),
        "decoder.hidden": Stage("NF", (config["hidden"],)),
        "decoder": Stage("NF", (config["num_features"],)),
    },
    initializers=lambda config: INITIALIZERS,
    scales=GAUSSIAN_SCALES,
    metric="mean_squared_error",
    rows=own_pixels,
    exhibits=variational_exhibits,
    differences=(
        *START,
        FLOAT32_SLOPE,
        Difference(
            "D124",
            "summed losses",
            tf="Keras' losses take the mean over the last axis before they sum",
            torch="reduction='sum' sums all elements",
            ours="the sum over batch, latent dimensions and pixels",
        ),
    ),
    cases=(
        Case(
            "reparameterize",
            {"mean": _MEAN, "log_variance": _LOG_VARIANCE, "noise": _NOISE},
            _reparameterize,
            wrt=("mean", "log_variance", "noise"),
        ),
        Case(
            "kl_divergence",
            {"mean": _MEAN, "log_variance": _LOG_VARIANCE},
            _sum_of_divergences,
            wrt=("mean", "log_variance"),
        ),
        Case(
            "kl_divergence",
            {"mean": np.zeros((2, 3)), "log_variance": np.zeros((2, 3))},
            _sum_of_divergences,
            wrt=("mean", "log_variance"),
            label="standard_normal",
            gradients={"mean": np.zeros((2, 3)), "log_variance": np.zeros((2, 3))},
        ),
        Case(
            "kl_divergence",
            {"mean": np.empty((0, 3)), "log_variance": np.empty((0, 3))},
            _sum_of_divergences,
            label="no_rows",
        ),
        Case(
            "binary_cross_entropy",
            {"logits": _LOGITS, "targets": _TARGETS},
            _sum_of_cross_entropies,
            wrt=("logits", "targets"),
        ),
        Case(
            "binary_cross_entropy",
            {"logits": np.array([[0.0, 800.0, -800.0, 800.0]]), "targets": np.array([[1.0, 1.0, 0.0, 0.0]])},
            _sum_of_cross_entropies,
            wrt=("logits",),
            label="saturated",
            smooth=False,
            gradients={"logits": np.array([[-0.5, 0.0, 0.0, 1.0]])},
        ),
    ),
)
