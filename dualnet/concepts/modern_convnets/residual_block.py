"""The residual block: two convolutions learn what to add to the input, which goes past them by a shortcut."""

from typing import Any

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

__all__ = ["CONCEPT", "EPSILON", "MOMENTUM", "map_sizes"]

EPSILON = 1e-5
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""


def map_sizes(
    image_size: int, in_channels: int, channels: tuple[tuple[int, int], ...], stride: int, shortcut: str
) -> list[int]:
    """Height (and width) of the maps after each block, in pixels.

    Args:
        image_size: of the input, in pixels.
        in_channels: colours of the image.
        channels: of the two convolutions of each block.
        stride: of each block's first convolution.
        shortcut: "identity" or "projection".

    Raises:
        ConfigError: the shortcut is unknown, or it is the identity but the block changes the shape.
    """
    if shortcut not in ("identity", "projection"):
        raise ConfigError(f"shortcut {shortcut!r} is unknown: choose one of identity, projection")
    sizes, size = [], image_size
    for _, out_channels in channels:
        if shortcut == "identity" and (stride != 1 or out_channels != in_channels):
            raise ConfigError(
                f"an identity shortcut keeps {in_channels} channels and every pixel, the block makes {out_channels} "
                f"at stride {stride}: choose shortcut='projection', or equal channels at stride 1"
            )
        size, in_channels = -(-size // stride), out_channels
        sizes.append(size)
    return sizes


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    names = ("image_size", "in_channels", "channels", "stride", "shortcut")
    sizes = map_sizes(*(config[name] for name in names))
    blocks: dict[str, Stage] = {
        f"blocks.{i}": Stage("NCHW", (channels[1], size, size))
        for i, (channels, size) in enumerate(zip(config["channels"], sizes, strict=True))
    }
    return {**blocks, "fc": Stage("NK", (config["num_classes"],))}


def _recipe(learning_rate: float) -> Recipe:
    optimizer = Optimizer("adam", learning_rate)
    return Recipe(data="digits", optimizer=optimizer, batch_size=128, epochs=10)


_SMALL: dict[str, Any] = {"image_size": 12, "in_channels": 3, "num_classes": 7}

CONCEPT = Concept(
    module=__name__,
    title="Residual block with identity and projection shortcut",
    kind="model",
    summary="y = relu(f(x) + shortcut(x)): a block that has nothing to add can pass its input on unchanged.",
    sources=(
        "He, Zhang, Ren, Sun (2015), Deep residual learning for image recognition, section 3.2, eq. 1 and 2",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.6.2",
        "Raschka, Deep learning models: a residual network exercise (MNIST)",
    ),
    config={
        "in_channels": 1,
        "image_size": 28,
        "num_classes": 10,
        "channels": ((4, 1), (4, 1)),
        "kernels": (1, 3),
        "stride": 1,
        "shortcut": "identity",
        "shortcut_norm": True,
    },
    variants={
        "identity": Variant(
            builder="ResidualNet",
            recipe=_recipe(1e-2),
            small={**_SMALL, "image_size": 7, "channels": ((5, 3), (2, 3))},
            about="two blocks that keep the shape; 7,960 parameters",
            claim="MNIST: 92.20 % (Adam 0.01, batches of 128, 10 epochs); 97.91 % is of projection_1x1 alone",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 0.01), batch_size=128, epochs=10),
        ),
        "projection_1x1": Variant(
            builder="ResidualNet",
            config={"channels": ((4, 8), (16, 32)), "kernels": (3, 1), "stride": 2, "shortcut": "projection"},
            recipe=_recipe(1e-2),
            small=_SMALL,
            about="two blocks that halve the image, a 1x1 convolution as shortcut; 17,986 parameters",
            claim="MNIST: 97.91 % (Adam 0.01, batches of 128, 10 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 0.01), batch_size=128, epochs=10),
        ),
        "d2l": Variant(
            builder="ResidualNet",
            config={
                "channels": ((8, 8), (16, 16)),
                "kernels": (3, 3),
                "stride": 2,
                "shortcut": "projection",
                "shortcut_norm": False,
            },
            recipe=_recipe(1e-3),
            small=_SMALL,
            about="d2l's block: two 3x3 convolutions, no normalization on the shortcut",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("he_normal_fan_out"),
        **dict.fromkeys(("bn1.weight", "bn2.weight", "downsample.1.weight"), Initializer("constant", 1.0)),
        "fc.weight": Initializer("xavier_uniform"),
        "bias": Initializer("constant", 0.0),
    },
    buffers=lambda config: True,
    differences=(
        Difference(
            "D001",
            "padding of a strided convolution",
            tf="'same' pads by the size of the input, more at the end",
            torch="a number of zeros, the same on every side",
            ours="kernel // 2 zeros on every side",
        ),
        Difference(
            "D019",
            "Flatten after a convolution",
            tf="flattens (H, W, C)",
            torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the dense weights mean the same",
        ),
        Difference(
            "D030", "epsilon of batch normalization", tf="1e-3 by default", torch="1e-5 by default", ours="1e-5"
        ),
        Difference(
            "D031",
            "momentum of batch normalization",
            tf="weight of the old statistics, 0.99",
            torch="weight of the new statistics, 0.1",
            ours="0.1 for the new ones: 0.9 in Keras' sense",
        ),
        Difference(
            "D033",
            "running variance of batch normalization",
            tf="biased, divided by n",
            torch="unbiased, divided by n - 1",
            ours="unbiased; both normalise with the biased one",
        ),
        Difference(
            "D051",
            "initial kernels",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="He normal by fan-out for convolutions, Glorot (Xavier) uniform for the dense layer",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D056",
            "He's normal distribution",
            tf="he_normal is truncated at two standard deviations",
            torch="kaiming_normal_ is not",
            ours="not truncated",
        ),
    ),
)
