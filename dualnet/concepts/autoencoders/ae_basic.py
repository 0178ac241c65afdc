"""A fully connected autoencoder: an image through a layer too narrow for it, and back."""

import numpy as np

from dualnet.concepts.autoencoders._common import (
    FLOAT32_SLOPE,
    INITIALIZERS,
    START,
    Reconstruction,
    binary_cross_entropy,
    exhibits,
    own_pixels,
)
from dualnet.interface import Array, Case, Concept, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT", "Reconstruction"]

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(41)
_LOGITS, _TARGETS = 3.0 * _RNG.normal(size=(5, 7)), _RNG.uniform(size=(5, 7))


def _loss(logits: Array, targets: Array) -> Array:
    mean: Array = binary_cross_entropy(logits, targets).mean()
    return mean


CONCEPT = Concept(
    module=__name__,
    title="Fully connected autoencoder",
    kind="model",
    summary="A narrow hidden layer keeps what is needed to draw the image again.",
    sources=(
        "Hinton, Salakhutdinov (2006), Reducing the dimensionality of data with neural networks",
        "Raschka, deeplearning-models, autoencoder/ae-basic (PyTorch and TensorFlow 1)",
    ),
    config={"num_features": 784, "hidden": 32, "negative_slope": 0.01},
    variants={
        "leaky_relu": Variant(
            builder="Autoencoder",
            loss="reconstruction_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 0.005), batch_size=256, epochs=60),
            about="784-32-784, 50,992 parameters",
            claim="MNIST: cross entropy 0.0935 (Adam 0.005, batches of 256, 5 epochs); there the first layer is drawn "
            "twice and the second never",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 0.005), batch_size=256, epochs=5),
        ),
        "relu": Variant(
            builder="Autoencoder",
            config={"negative_slope": 0.0},
            loss="reconstruction_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 0.01), batch_size=128, epochs=60),
            about="ReLU and twice the rate",
            claim="MNIST: cross entropy 0.107 (Adam 0.01, batches of 128)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 0.01), batch_size=128, epochs=5),
        ),
    },
    inputs=lambda config: {"pixels": Spec("NF", (config["num_features"],), values="unit")},
    targets=lambda config: Spec("NF", (config["num_features"],), values="unit"),
    outputs={"reconstruction": "NF", "code": "NF", "logits": "NF"},
    stages=lambda config: {
        "encoder": Stage("NF", (config["hidden"],)),
        "decoder": Stage("NF", (config["num_features"],)),
    },
    initializers=lambda config: INITIALIZERS,
    metric="mean_squared_error",
    rows=own_pixels,
    exhibits=exhibits,
    differences=(*START, FLOAT32_SLOPE),
    cases=(
        Case("binary_cross_entropy", {"logits": _LOGITS, "targets": _TARGETS}, _loss, wrt=("logits", "targets")),
        Case(
            "binary_cross_entropy",
            {"logits": np.array([[0.0, 800.0, -800.0, 800.0]]), "targets": np.array([[1.0, 1.0, 0.0, 0.0]])},
            _loss,
            wrt=("logits",),
            label="saturated",
            smooth=False,
            gradients={"logits": np.array([[-0.5, 0.0, 0.0, 1.0]]) / 4},
        ),
        Case(
            "binary_cross_entropy",
            {"logits": np.empty((0, 3)), "targets": np.empty((0, 3))},
            lambda logits, targets: np.nan,  # a mean of nothing
            label="no_rows",
        ),
    ),
)
