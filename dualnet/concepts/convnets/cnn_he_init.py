"""He initialisation: initial weights that keep the size of a signal through ReLUs, on a plain digit classifier."""

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

__all__ = ["CONCEPT", "KERNEL", "feature_size"]

KERNEL = 3
"""Height and width of both convolutions, in pixels; one zero on each side keeps the size."""


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


# That of cnn_mnist.
_SGD = Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=16, epochs=25)

CONCEPT = Concept(
    module=__name__,
    title="CNN with He initialisation",
    kind="model",
    summary="Weights of variance 2 / fan_in make up for the half that each ReLU cuts off: training starts at once.",
    sources=(
        "He, Zhang, Ren, Sun (2015), Delving deep into rectifiers, eq. 10",
        "Raschka, deeplearning-models, cnn/cnn-he-init",
    ),
    config={"in_channels": 1, "image_size": 28, "channels": (4, 8), "num_classes": 10},
    variants={
        "rasbt_4_8": Variant(
            builder="CNN",
            recipe=_SGD,
            about="4 and 8 channels; 4,266 parameters",
            claim="MNIST: 97.67 %, of half the channels of cnn_mnist: not a measure of the start alone",
            published=Recipe(data="mnist", optimizer=Optimizer("sgd", 0.05), batch_size=128, epochs=10),
        ),
        "as_cnn_mnist": Variant(
            builder="CNN",
            config={"channels": (8, 16)},
            recipe=_SGD,
            about="the channels and the recipe of cnn_mnist, so that only the start differs; 9,098 parameters",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("he_normal"),
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
