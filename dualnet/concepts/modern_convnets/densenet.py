"""DenseNet: every layer sees the feature maps of all layers before it in its block."""

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

__all__ = ["BOTTLENECK", "CONCEPT", "MOMENTUM", "channel_counts", "map_sizes"]

MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""
BOTTLENECK = 4
"""Channels of a bottleneck's 1x1 convolution, by the growth rate: Huang et al. (2017), section 3."""


def channel_counts(stem_channels: int, growth_rate: int, layers: tuple[int, ...]) -> list[int]:
    """Channels that leave each dense block; a transition between two blocks halves them.

    Args:
        stem_channels: that enter the first block.
        growth_rate: channels that each layer adds.
        layers: of each block.
    """
    counts, channels = [], stem_channels
    for count in layers:
        channels += count * growth_rate
        counts.append(channels)
        channels //= 2
    return counts


def map_sizes(image_size: int, blocks: int) -> list[int]:
    """Height (and width) of the maps in each dense block, in pixels.

    Raises:
        ConfigError: nothing is left of the image.
    """
    sizes = [-(-image_size // 4) // 2**i for i in range(blocks)]
    if sizes[-1] < 1:
        raise ConfigError(f"image_size {image_size} is too small: nothing is left after the transitions, sizes {sizes}")
    return sizes


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    counts = channel_counts(config["stem_channels"], config["growth_rate"], config["layers"])
    sizes = map_sizes(config["image_size"], len(counts))
    half = -(-config["image_size"] // 2)
    found = {"features.conv0": Stage("NCHW", (config["stem_channels"], half, half))}
    for i in range(len(counts) - 1):
        found[f"features.transition{i + 1}"] = Stage("NCHW", (counts[i] // 2, sizes[i + 1], sizes[i + 1]))
    found["features.norm5"] = Stage("NCHW", (counts[-1], sizes[-1], sizes[-1]))
    return {**found, "classifier": Stage("NK", (config["num_classes"],))}


_SMALL: dict[str, Any] = {
    "image_size": 26,
    "in_channels": 3,
    "num_classes": 7,
    "layers": (2, 1),
    "growth_rate": 5,
    "stem_channels": 7,
}

CONCEPT = Concept(
    module=__name__,
    title="DenseNet: dense blocks and transition layers",
    kind="model",
    summary="A dense block concatenates what its layers find; a transition halves channels, height and width.",
    sources=(
        "Huang, Liu, van der Maaten, Weinberger (2017), Densely connected convolutional networks, table 1",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.7",
        "torchvision: the names of the parameters",
    ),
    config={
        "in_channels": 1,
        "image_size": 32,
        "num_classes": 10,
        "layers": (6, 12, 24, 16),
        "growth_rate": 32,
        "stem_channels": 64,
        "bottleneck": True,
        "conv_bias": False,
        "epsilon": 1e-5,
    },
    variants={
        "densenet121": Variant(
            builder="DenseNet",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 1e-4), batch_size=128, epochs=10),
            small=_SMALL,
            about="121 layers, bottlenecks; 6,957,834 parameters",
            claim="MNIST: 98.95 % (Adam 0.0001, 10 epochs); CIFAR-10: 74.97 % (Adam 0.001, batches of 128, 20 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-4), batch_size=128, epochs=10),
        ),
        "densenet_d2l": Variant(
            builder="DenseNet",
            config={"image_size": 96, "layers": (4, 4, 4, 4), "bottleneck": False, "conv_bias": True},
            recipe=Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=256, epochs=10),
            small=_SMALL,
            about="d2l's form: one 3x3 convolution in a layer, biases; 758,226 parameters",
            claim="Fashion-MNIST: 79.6 % and 89.3 % (SGD 0.1, batches of 256)",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("he_normal"),
        **{f"{name}.weight": Initializer("constant", 1.0) for name in ("norm", "norm0", "norm1", "norm2", "norm5")},
        "classifier.weight": Initializer("xavier_uniform"),
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
            "D030", "epsilon of batch normalization", tf="1e-3 by default", torch="1e-5 by default", ours="a setting"
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
            ours="He normal by fan-in for convolutions, Glorot (Xavier) uniform for the dense layer",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D056",
            "He's normal distribution",
            tf="he_normal is truncated at two standard deviations",
            torch="kaiming_normal_ is not",
            ours="not truncated",
        ),
        Difference(
            "D093",
            "max pooling with a stride",
            tf="'same' pads the odd element at the end",
            torch="the same padding on both sides",
            ours="one pixel on every side",
        ),
    ),
)
