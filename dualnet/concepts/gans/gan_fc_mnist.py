"""A fully connected GAN: one hidden layer turns noise into an image, one tells it from the real ones."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dualnet.concepts.gans._common import (
    FLOAT32_SLOPE,
    LABELS,
    PLAYERS,
    Adversarial,
    AdversarialLoss,
    binary_cross_entropy,
    signed_images,
    watch_images,
)
from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    Dataset,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
    each,
)

__all__ = ["CONCEPT", "Adversarial", "AdversarialLoss"]

# Distinct prime sizes, no zeros, no symmetry.
_LOGITS = 3.0 * np.random.default_rng(71).normal(size=11)


def _mean(logits: Array, target: float) -> Any:
    return binary_cross_entropy(logits, target).mean()


def _signed_pixels(dataset: Dataset, config: Config) -> Dataset:
    signed = signed_images(dataset, config)
    train, test = (each(rows)[0] for rows in (signed.train_inputs, signed.test_inputs))
    return replace(signed, train_inputs=train.reshape(len(train), -1), test_inputs=test.reshape(len(test), -1))


CONCEPT = Concept(
    module=__name__,
    title="Fully connected GAN",
    kind="model",
    summary="Two small dense networks play against each other until noise becomes handwriting.",
    sources=(
        "Goodfellow et al. (2014), Generative adversarial nets, section 3 and algorithm 1",
        "Raschka, deeplearning-models, gan/gan",
    ),
    config={"num_features": 784, "latent": 75, "hidden": 128, "negative_slope": 0.01, "dropout": 0.5},
    variants={
        "g75_128_d128": Variant(
            builder="DenseGAN",
            loss="adversarial_loss",
            step="alternate",
            players=PLAYERS,
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 1e-3), batch_size=32, epochs=100),
            about="75-128-784 against 784-128-1, 110,864 and 100,609 parameters",
            claim="MNIST: losses 0.655 (discriminator) and 0.907 (generator) at the end (Adam 0.001, 100 epochs); "
            "1.038 and 1.577 in TensorFlow, where dropout is never active",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=100),
            small={"num_features": 121, "latent": 17, "hidden": 23},
        ),
    },
    inputs=lambda config: {
        "pixels": Spec("NF", (config["num_features"],)),
        "noise": Spec("NF", (config["latent"],), values="uniform_noise"),
    },
    targets=lambda config: LABELS,
    outputs={"logits": "NK", "generated": "NF"},
    stages=lambda config: {
        "generator.hidden": Stage("NF", (config["hidden"],)),
        "generator": Stage("NF", (config["num_features"],)),
        "discriminator.hidden": Stage("NF", (config["hidden"],)),
    },
    initializers=lambda config: {"weight": Initializer("xavier_uniform"), "bias": Initializer("constant", 0.0)},
    rows=_signed_pixels,
    watch=partial(watch_images, uniform=True),
    differences=(
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        FLOAT32_SLOPE,
    ),
    cases=(
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": 1.0}, _mean, wrt=("logits",), label="real"),
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": 0.0}, _mean, wrt=("logits",), label="generated"),
        Case(
            "binary_cross_entropy",
            {"logits": np.array([0.0, 800.0, -800.0, -800.0]), "target": 1.0},
            _mean,
            wrt=("logits",),
            label="saturated",
            smooth=False,
            gradients={"logits": np.array([-0.125, 0.0, -0.25, -0.25])},
        ),
    ),
)
