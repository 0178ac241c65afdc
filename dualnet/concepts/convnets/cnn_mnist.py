"""A plain convolutional network: two convolutions with pooling and one dense layer read handwritten digits."""

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

__all__ = ["CONCEPT", "DEVIATION", "KERNEL", "feature_size"]

KERNEL = 3
"""Height and width of both convolutions, in pixels; one zero on each side keeps the size."""
DEVIATION = 0.01
"""Standard deviation of all initial weights."""


def feature_size(image_size: int) -> int:
    """Height (and width) of the last maps, in pixels.

    Raises:
        ConfigError: nothing is left of the image after two poolings.
    """
    if image_size < 4:
        raise ConfigError(f"image_size {image_size} is too small: expected at least 4, for two poolings by 2")
    return image_size // 2 // 2


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    sizes = config["image_size"] // 2, feature_size(config["image_size"])
    maps = zip(config["channels"], sizes, strict=True)
    blocks = {f"block{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(maps, start=1)}
    return {**blocks, "output": Stage("NK", (config["num_classes"],))}


CONCEPT = Concept(
    module=__name__,
    title="Basic two-layer CNN digit classifier",
    kind="model",
    summary="Two small convolutions, each with ReLU and max pooling, and one dense layer tell the digits apart.",
    sources=(
        "Raschka, deeplearning-models, cnn/cnn-basic",
        "Goodfellow, Bengio, Courville (2016), Deep Learning, section 9.3 (convolution, detector, pooling)",
    ),
    config={"in_channels": 1, "image_size": 28, "channels": (8, 16), "num_classes": 10},
    variants={
        "rasbt_8_16": Variant(
            builder="CNN",
            # Published for MNIST: rate 0.05, batches of 128. The digits are fewer, and so small a start needs steps.
            recipe=Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=16, epochs=25),
            about="8 and 16 channels; 9,098 parameters",
            claim="MNIST: 97.97 % (SGD 0.05, batches of 128, 10 epochs); 98.0 % in TensorFlow 1 (SGD 0.1, batches of "
            "32, 3 epochs), where the declared dropout is never applied",
            published=Recipe(data="mnist", optimizer=Optimizer("sgd", 0.05), batch_size=128, epochs=10),
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("normal", DEVIATION),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D019",
            "Flatten after a convolution",
            tf="flattens (H, W, C)",
            torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the dense weights mean the same",
        ),
        Difference(
            "D051",
            "initial kernels of dense and convolution layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal with standard deviation 0.01, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
    ),
)
