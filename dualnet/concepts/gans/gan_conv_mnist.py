"""A convolutional GAN for images of 28 pixels, plain and with label smoothing."""

from functools import partial
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
    Demo,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
)

__all__ = [
    "CONCEPT",
    "CROPS",
    "EPSILON",
    "IMAGE_SIZE",
    "KERNELS",
    "MOMENTUM",
    "SIZE",
    "SMOOTHED",
    "STRIDES",
    "Adversarial",
    "AdversarialLoss",
]

IMAGE_SIZE = 28
SIZE = 7
"""Height and width of the generator's first and the discriminator's last feature maps, in pixels."""
KERNELS, STRIDES, CROPS = (3, 3, 3, 2), (2, 2, 1, 1), (1, 1, 0, 0)
"""Of the generator's transposed convolutions, and what is cropped at either end: 7 -> 13 -> 25 -> 27 -> 28 pixels."""
SMOOTHED = 0.9
"""The target for real images, and for generated ones that should pass as real, with label smoothing."""
EPSILON, MOMENTUM = 1e-5, 0.1
"""Of batch normalization: added to the variance; weight of the newest batch in the running statistics."""

# Distinct prime sizes, no zeros, no symmetry.
_LOGITS = 3.0 * np.random.default_rng(73).normal(size=11)


def _mean(logits: Array, target: float) -> Any:
    return binary_cross_entropy(logits, target).mean()


def _stages(config: Config) -> dict[str, Stage]:
    first, *rest = config["generator_channels"]
    up = zip((*rest, 1), (13, 25, 27, 28), strict=True)
    down = zip(config["discriminator_channels"], (14, 7), strict=True)
    return {
        "generator.dense": Stage("NF", (first * SIZE**2,)),
        **{f"generator.up.{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(up)},
        **{f"discriminator.down.{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(down)},
    }


_RECIPE = Recipe(data="digits", optimizer=Optimizer("adam", 1e-4), batch_size=32, epochs=60)
_SMALL = {"latent": 11, "generator_channels": (5, 3, 3, 2), "discriminator_channels": (3, 5)}

CONCEPT = Concept(
    module=__name__,
    title="Convolutional GAN, plain and with label smoothing",
    kind="model",
    summary="Transposed convolutions draw images, strided ones judge them; a target below 1 keeps the judge unsure.",
    sources=(
        "Goodfellow et al. (2014), Generative adversarial nets, section 3 and algorithm 1",
        "Salimans et al. (2016), Improved techniques for training GANs, section 3.4 (label smoothing)",
        "Raschka, deeplearning-models, gan/gan-conv and gan/gan-conv-smoothing",
    ),
    config={
        "latent": 100,
        "generator_channels": (64, 32, 16, 8),
        "discriminator_channels": (8, 32),
        "negative_slope": 0.0001,
    },
    variants={
        "plain": Variant(
            builder="ConvolutionalGAN",
            loss="adversarial_loss",
            step="alternate",
            players=PLAYERS,
            recipe=_RECIPE,
            about="344,208 and 4,025 parameters",
            claim="MNIST: losses 0.708 (discriminator) and 0.729 (generator) at the end (Adam 0.0001, 100 epochs); "
            "1.372 and 0.735 in TensorFlow are of another generator, 7-14-28",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-4), batch_size=128, epochs=100),
            small=_SMALL,
            loss_scale=4.0,
        ),
        "label_smoothing": Variant(
            builder="ConvolutionalGAN",
            loss="smoothed_adversarial_loss",
            step="alternate_smoothed",
            players=PLAYERS,
            recipe=_RECIPE,
            about="target 0.9 instead of 1, for the generator as well",
            claim="MNIST: losses 0.675 (discriminator) and 0.808 (generator) at the end (Adam 0.0001, 100 epochs); "
            "1.355 and 0.833 in TensorFlow are of another generator, 7-14-28",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-4), batch_size=128, epochs=100),
            small=_SMALL,
            loss_scale=4.0,
        ),
    },
    inputs=lambda config: {
        "images": Spec("NCHW", (1, IMAGE_SIZE, IMAGE_SIZE)),
        "noise": Spec("NF", (config["latent"],), values="uniform_noise"),
    },
    targets=lambda config: LABELS,
    outputs={"logits": "NK", "generated": "NCHW"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("xavier_uniform"),
        "norm.weight": Initializer("constant", 1.0),
        "bias": Initializer("constant", 0.0),
    },
    buffers=lambda config: True,
    rows=signed_images,
    watch=partial(watch_images, uniform=True),
    differences=(
        Difference(
            "D003",
            "padding 1 of a convolution with stride 2",
            tf="'same' pads an even size at the end only",
            torch="pads both ends",
            ours="both ends: the TensorFlow side pads first",
            demo=Demo(
                tf="""
                    ones = tf.ones((3, 3, 1, 1))
                    tf.nn.conv2d(tf.ones((1, 4, 4, 1)), ones, 2, "SAME")[0, ..., 0]
                """,
                torch="""
                    ones = torch.ones(1, 1, 3, 3)
                    torch.nn.functional.conv2d(torch.ones(1, 1, 4, 4), ones, stride=2, padding=1)[0, 0]
                """,
            ),
        ),
        Difference(
            "D014",
            "padding of a transposed convolution",
            tf="'same' crops more at the end; no other amount can be given",
            torch="crops `padding` rows at either end",
            ours="PyTorch's amounts: the TensorFlow side crops by a slice",
        ),
        Difference(
            "D019",
            "flattening feature maps, and back",
            tf="(H, W, C)",
            torch="(C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes, so that the dense weights mean the same",
        ),
        EPSILON_DIFFERENCE,
        MOMENTUM_DIFFERENCE,
        VARIANCE_DIFFERENCE,
        Difference(
            "D051",
            "initial kernels of dense and convolution layers",
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
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": SMOOTHED}, _mean, wrt=("logits",), label="smoothed"),
        Case(
            "binary_cross_entropy",
            {"logits": np.array([0.0, 800.0, -800.0, -800.0]), "target": 0.75},
            _mean,
            wrt=("logits",),
            label="saturated",
            smooth=False,
            gradients={"logits": np.array([-0.0625, 0.0625, -0.1875, -0.1875])},
        ),
    ),
)
