"""The all-convolutional net: strides do the work of pooling, and averaging maps does that of dense layers."""

from dualnet.interface import (
    Concept,
    Config,
    ConfigError,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
)

__all__ = ["CONCEPT", "KERNEL", "PADDING", "map_sizes"]

KERNEL = 3
"""Height and width of every convolution, in pixels."""
PADDING = 1
"""Zeros on each side of its input, in pixels."""


def map_sizes(image_size: int, strides: tuple[int, ...]) -> list[int]:
    """Height (and width) of the maps after each convolution, in pixels.

    Raises:
        ConfigError: there is no image, or a stride is less than 1.
    """
    if image_size < 1 or min(strides) < 1:
        raise ConfigError(f"image_size {image_size} with strides {strides}: expected at least 1 everywhere")
    sizes, size = [], image_size
    for stride in strides:
        size = (size + 2 * PADDING - KERNEL) // stride + 1
        sizes.append(size)
    return sizes


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    sizes = map_sizes(config["image_size"], config["strides"])
    return {
        f"block{i}": Stage("NCHW", (channels, size, size))
        for i, (channels, size) in enumerate(zip(config["channels"], sizes, strict=True), start=1)
    }


CONCEPT = Concept(
    module=__name__,
    title="All-convolutional network (strided convs instead of pooling)",
    kind="model",
    summary="Convolutions with stride 2 halve the maps, and the mean of the last maps scores the classes.",
    sources=(
        "Springenberg, Dosovitskiy, Brox, Riedmiller (2015), Striving for simplicity: the all convolutional net, "
        "section 2",
        "Raschka, deeplearning-models, cnn/cnn-allconv",
    ),
    config={
        "in_channels": 1,
        "image_size": 28,
        "channels": (4, 4, 8, 8, 16, 16, 10),
        "strides": (1, 2, 1, 2, 1, 2, 1),
    },
    variants={
        "rasbt_mnist": Variant(
            builder="AllConvolutionalNet",
            # Published for MNIST: rate 0.001, batches of 256, 15 epochs. The digits are fewer.
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 5e-3, epsilon=1e-4), batch_size=32, epochs=20),
            about="seven convolutions, 28 to 14, 7 and 4 pixels, scores that are never negative; 6,006 parameters",
            claim="MNIST: 96.42 % (Adam 0.001, batches of 256, 15 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=256, epochs=15),
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["channels"][-1]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("he_normal"),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D001",
            "padding of a convolution that strides",
            tf='"same" pads the end alone where the size is even (28, 14), both ends where it is odd (7)',
            torch="a number of zeros on both sides",
            ours="one zero on each side: the TensorFlow side pads first",
        ),
        Difference(
            "D051",
            "initial kernels of convolution layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal with variance 2 / fan_in, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D056",
            "He's normal law",
            tf="he_normal is cut off at two standard deviations, and made wider for it",
            torch="kaiming_normal_ is not cut off",
            ours="not cut off, as in the paper",
        ),
    ),
)
