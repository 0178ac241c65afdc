"""Deep convolutional GAN: nothing but strided convolutions, batch normalization, and a start close to 0."""

from dataclasses import replace
from typing import Any

import numpy as np

from dualnet.concepts.gans._common import (
    EPSILON_DIFFERENCE,
    FLOAT32_SLOPE,
    LABELS,
    MOMENTUM_DIFFERENCE,
    PLAYERS,
    VARIANCE_DIFFERENCE,
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
    ConfigError,
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

__all__ = ["CONCEPT", "DEVIATION", "EPSILON", "KERNEL", "MOMENTUM", "Adversarial", "AdversarialLoss", "blocks"]

KERNEL = 4
"""Height and width of every kernel, in pixels; also of the smallest feature maps."""
DEVIATION = 0.02
"""Standard deviation of the initial parameters, those of batch normalization included."""
EPSILON, MOMENTUM = 1e-5, 0.1
"""Of batch normalization: added to the variance; weight of the newest batch in the running statistics."""

# Distinct prime sizes, no zeros, no symmetry.
_LOGITS = 3.0 * np.random.default_rng(79).normal(size=11)


def blocks(image_size: int) -> int:
    """How often an image is halved until it has 4 pixels on a side.

    Raises:
        ConfigError: the image is no power of two of at least 8 pixels.
    """
    if image_size < 8 or image_size & (image_size - 1):
        raise ConfigError(f"image_size {image_size}: expected a power of two of at least 8")
    return image_size.bit_length() - 3


def _summed(logits: Array, target: float) -> Any:
    return binary_cross_entropy(logits, target).sum()


def _stages(config: Config) -> dict[str, Stage]:
    count, size, channels = blocks(config["image_size"]), config["image_size"], config["channels"]
    down = {
        f"discriminator.down.{i}": Stage("NCHW", (channels * 2**i, size >> (i + 1), size >> (i + 1)))
        for i in range(count)
    }
    up = {
        f"generator.up.{i}": Stage("NCHW", (channels * 2 ** (count - 1 - i), KERNEL << i, KERNEL << i))
        for i in range(count)
    }
    return {**up, "generator": Stage("NCHW", (config["in_channels"], size, size)), **down}


def _signed_colours(dataset: Dataset, config: Config) -> Dataset:
    """Images between -1 and 1; grey ones in as many equal colours as the model has."""
    train, test = (each(rows)[0] for rows in (dataset.train_inputs, dataset.test_inputs))
    if train.ndim == 4 and train.shape[1] == 1:
        train, test = (np.repeat(images, config["in_channels"], axis=1) for images in (train, test))
    return signed_images(replace(dataset, train_inputs=train, test_inputs=test), config)


_SMALL = {"image_size": 16, "channels": 3, "latent": 7}

CONCEPT = Concept(
    module=__name__,
    title="Deep convolutional GAN",
    kind="model",
    summary="Strided convolutions all the way, normalised at every scale: the GAN that first drew photographs.",
    sources=(
        "Radford, Metz, Chintala (2016), Unsupervised representation learning with deep convolutional generative "
        "adversarial networks, section 3",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 20.2",
    ),
    config={"in_channels": 3, "image_size": 64, "latent": 100, "channels": 64, "negative_slope": 0.2},
    variants={
        "dcgan_32": Variant(
            builder="DCGAN",
            config={"in_channels": 1, "image_size": 32, "channels": 16},
            loss="adversarial_loss",
            step="alternate",
            players=PLAYERS,
            recipe=Recipe(
                data="digits", optimizer=Optimizer("adam", 2e-3, betas=(0.5, 0.999)), batch_size=64, epochs=20
            ),
            about="grey images of 32 pixels, a quarter of the channels",
            small={**_SMALL, "in_channels": 1},
            loss_scale=16.0,
        ),
        "dcgan_64": Variant(
            builder="DCGAN",
            loss="adversarial_loss",
            step="alternate",
            players=PLAYERS,
            recipe=Recipe(
                data="digits", optimizer=Optimizer("adam", 5e-4, betas=(0.5, 0.999)), batch_size=64, epochs=20
            ),
            about="colour images of 64 pixels; 3,576,704 and 2,765,696 parameters",
            small=_SMALL,
            loss_scale=16.0,
        ),
    },
    inputs=lambda config: {
        "images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"])),
        "noise": Spec("NF", (config["latent"],), values="noise"),
    },
    targets=lambda config: LABELS,
    outputs={"logits": "NK", "generated": "NCHW"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("normal", DEVIATION),
        "bias": Initializer("normal", DEVIATION),
    },
    buffers=lambda config: True,
    rows=_signed_colours,
    watch=watch_images,
    differences=(
        EPSILON_DIFFERENCE,
        MOMENTUM_DIFFERENCE,
        VARIANCE_DIFFERENCE,
        Difference(
            "D051",
            "initial kernels of convolution layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal, deviation 0.02, set on both sides",
        ),
        Difference(
            "D124",
            "summed losses",
            tf="Keras' losses take the mean over the last axis before they sum",
            torch="reduction='sum' sums all elements",
            ours="the sum over the batch",
        ),
        FLOAT32_SLOPE,
    ),
    cases=(
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": 1.0}, _summed, wrt=("logits",), label="real"),
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": 0.0}, _summed, wrt=("logits",), label="generated"),
    ),
)
