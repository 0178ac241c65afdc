"""What the GANs share: their outputs and losses, their rows, and what there is to see of them. NumPy only."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Config, Dataset, Difference, Exhibit, Probe, Spec, each

__all__ = [
    "EPSILON_DIFFERENCE",
    "FLOAT32_SLOPE",
    "LABELS",
    "MOMENTUM_DIFFERENCE",
    "PLAYERS",
    "VARIANCE_DIFFERENCE",
    "Adversarial",
    "AdversarialLoss",
    "binary_cross_entropy",
    "signed_images",
    "told_apart",
    "watch_images",
]

SHOWN = 10
"""Images in a row."""
PLAYERS = {"discriminator": 1.0, "generator": 1.0}
"""Both with the recipe's learning rate."""


class Adversarial(NamedTuple):
    """What a GAN gives: logits (N, 2) of "this is real" for each generated and each real row, and what it generated."""

    logits: Any
    generated: Any


class AdversarialLoss(NamedTuple):
    """The sum of both players' losses, each of them, and the discriminator's on real and on generated rows, in nats."""

    total: Any
    discriminator: Any
    generator: Any
    real: Any
    generated: Any


LABELS = Spec("N", classes=2)
"""Which of the two logits belongs to the real row: always the second. Only the accuracy asks for it."""

FLOAT32_SLOPE = Difference(
    "D199",
    "slope of a leaky ReLU in float64",
    tf="rounded to float32 on its way into the operation",
    torch="exact",
    ours="exact: the TensorFlow side writes the function out",
)
EPSILON_DIFFERENCE = Difference(
    "D030",
    "epsilon of batch normalization",
    tf="1e-3 by default",
    torch="1e-5 by default",
    ours="1e-5, set on both sides",
)
MOMENTUM_DIFFERENCE = Difference(
    "D031",
    "momentum of batch normalization",
    tf="weight of the old statistics, 0.99",
    torch="weight of the new statistics, 0.1",
    ours="0.1 for the new ones: 0.9 in Keras' sense",
)
VARIANCE_DIFFERENCE = Difference(
    "D033",
    "running variance of batch normalization",
    tf="biased, divided by n",
    torch="unbiased, divided by n - 1",
    ours="unbiased; both normalise with the biased one",
)


def binary_cross_entropy(logits: Array, target: float) -> Array:
    """Elementwise, in nats."""
    found: Array = np.logaddexp(0.0, logits) - target * logits
    return found


def told_apart(dataset: Dataset) -> Dataset:
    """The same rows; the target of each is which logit is the real one's."""
    return replace(
        dataset,
        train_targets=np.ones(len(each(dataset.train_inputs)[0]), np.int64),
        test_targets=np.ones(len(each(dataset.test_inputs)[0]), np.int64),
    )


def signed_images(dataset: Dataset, config: Config) -> Dataset:
    """Images between -1 and 1."""
    train, test = (2.0 * each(rows)[0] - 1.0 for rows in (dataset.train_inputs, dataset.test_inputs))
    return told_apart(replace(dataset, train_inputs=train, test_inputs=test))


def watch_images(probe: Probe, config: Config, *, uniform: bool = False) -> Exhibit:
    """A row of images in 0-1 from the same noise at every look, which is normal, or uniform between -1 and 1."""
    rng, shape = np.random.default_rng(0), (SHOWN, config["latent"])
    noise = (rng.uniform(-1.0, 1.0, shape) if uniform else rng.normal(size=shape)).astype(np.float32)
    images = (probe(noise, part="generator", axes="NF", output="generated")["generated"] + 1.0) / 2.0
    if images.ndim == 2:
        side = math.isqrt(images.shape[1])
        images = images.reshape(-1, 1, side, side)
    return Exhibit("images from the same noise", "images", {"images": images[None]})
