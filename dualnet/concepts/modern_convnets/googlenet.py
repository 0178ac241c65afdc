"""GoogLeNet: nine Inception blocks, 22 layers deep, with two auxiliary classifiers on the way."""

from typing import Any, NamedTuple

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

__all__ = [
    "AUXILIARY_SIZE", "AUXILIARY_WEIGHT", "BLOCKS", "CONCEPT", "EPSILON", "MOMENTUM", "PUBLISHED", "Logits", "Loss",
    "map_sizes", "scaled",
]  # fmt: skip

EPSILON = 1e-3
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""
AUXILIARY_WEIGHT = 0.3
"""Of each auxiliary loss in the total: Szegedy et al. (2015), section 5."""
AUXILIARY_SIZE = 4
"""Height and width of the maps that an auxiliary classifier reads."""

BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Maps of the four paths of each block, table 1 of the paper: 1x1; 3x3, squeezed and wide; 5x5, the same; pooled."""
PUBLISHED: dict[str, Config] = {
    "auxiliary": {"in_channels": 3, "image_size": 224, "width": 64, "num_classes": 1000},
    "torchvision": {
        "in_channels": 3, "image_size": 224, "width": 64, "kernel_size": 3, "last_pool": 2, "batch_norm": True,
        "dropout": 0.2, "num_classes": 1000,
    },
    "d2l": {"image_size": 96, "width": 64},
}  # fmt: skip
"""How each network was published, over its variant or the defaults: too wide for every day.

torchvision's has batch normalization (section 4.2 of Ioffe and Szegedy) and 3x3 where the paper has 5x5.
"""


class Logits(NamedTuple):
    """What the three classifiers say, the main one first."""

    logits: Any
    aux1: Any
    aux2: Any


class Loss(NamedTuple):
    """The total of the three cross entropies, and each of them."""

    total: Any
    main: Any
    aux1: Any
    aux2: Any


def scaled(width: int) -> dict[str, tuple[int, ...]]:
    """The maps of every block where the stem has this width instead of 64.

    Raises:
        ConfigError: no multiple of 4, for which all are whole numbers.
    """
    if width < 4 or width % 4:
        raise ConfigError(f"width {width}: expected a multiple of 4")
    return {name: tuple(channels * width // 64 for channels in block) for name, block in BLOCKS.items()}


def map_sizes(image_size: int, pool_padding: bool, last_pool: int) -> list[int]:
    """Height (and width) of the maps after the first convolution and after each of the four poolings, in pixels.

    Raises:
        ConfigError: nothing is left of the image.
    """
    sizes = [(image_size - 1) // 2 + 1]
    for pool in (3, 3, 3, last_pool):
        padded, up = (2, 0) if pool_padding else (0, 1)
        sizes.append((sizes[-1] + padded - pool + up) // 2 + 1)
    if image_size < 1 or sizes[-1] < 1:
        raise ConfigError(f"image_size {image_size} is too small: nothing is left, maps {sizes}")
    return sizes


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _outputs(config: Config) -> dict[str, str]:
    return dict.fromkeys(Logits._fields if config["auxiliary"] else ("logits",), "NK")


def _stages(config: Config) -> dict[str, Stage]:
    width, sizes = config["width"], map_sizes(config["image_size"], config["pool_padding"], config["last_pool"])

    def maps(channels: int, size: int) -> Stage:
        return Stage("NCHW", (channels, size, size))

    stages = {
        "conv1": maps(width, sizes[0]),
        "maxpool1": maps(width, sizes[1]),
        "conv2": maps(width, sizes[1]),
        "conv3": maps(3 * width, sizes[1]),
        "maxpool2": maps(3 * width, sizes[2]),
    }
    for name, (one, _, three, _, five, pooled) in scaled(width).items():
        stages[f"inception{name}"] = maps(one + three + five + pooled, sizes[int(name[0]) - 1])
    if config["auxiliary"]:
        stages |= {f"{head}.fc1": Stage("NF", (16 * width,)) for head in ("aux1", "aux2")}
        stages |= {f"{head}.conv": maps(2 * width, AUXILIARY_SIZE) for head in ("aux1", "aux2")}
    return {**stages, "maxpool4": maps(13 * width, sizes[4]), "fc": Stage("NK", (config["num_classes"],))}


_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=64, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="GoogLeNet: with and without batch normalization and auxiliary classifiers",
    kind="model",
    summary="Nine blocks of parallel paths; two classifiers in between bring the gradient to the early ones.",
    sources=(
        "Szegedy et al. (2015), Going deeper with convolutions, table 1 and section 5",
        "Ioffe, Szegedy (2015), Batch normalization, section 4.2 (as in torchvision)",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.4 (neither)",
    ),
    config={
        "in_channels": 1,
        "image_size": 64,
        "width": 8,
        "kernel_size": 5,
        "pool_padding": False,
        "last_pool": 3,
        "batch_norm": False,
        "auxiliary": True,
        "dropout": 0.4,
        "auxiliary_dropout": 0.7,
        "num_classes": 10,
    },
    variants={
        "auxiliary": Variant(
            builder="GoogLeNet",
            loss="weighted_cross_entropy",
            recipe=_ADAM,
            loss_scale=10.0,
            weight_scale=0.4,
            about="the paper's, without its local response normalization; poolings round up",
            claim="ImageNet 2014: 6.67 % top-5 error of seven networks, 10.07 % of one on one crop",
        ),
        "d2l": Variant(
            builder="GoogLeNet",
            config={"pool_padding": True, "auxiliary": False, "dropout": 0.0},
            recipe=_ADAM,
            loss_scale=10.0,
            weight_scale=0.4,
            about="neither, poolings pad both sides; published: 5,977,530 parameters for gray images and 10 classes",
            claim="Fashion-MNIST: 88.2 % and 87.7 % (SGD 0.1, batches of 128, 10 epochs)",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs=_outputs,
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("xavier_uniform"),
        "bn.weight": Initializer("constant", 1.0),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D001", "padding of a convolution that strides",
            tf='"same" pads the end alone on even sizes: d2l\'s TensorFlow network differs',
            torch="a number of zeros on both sides",
            ours="a number of zeros on both sides: the TensorFlow side pads first",
        ),
        Difference(
            "D019", "Flatten after a convolution", tf="flattens (H, W, C)", torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the dense weights mean the same",
        ),
        Difference(
            "D030", "epsilon of batch normalization", tf="1e-3 by default", torch="1e-5 by default",
            ours="1e-3, as in torchvision's GoogLeNet, set on both sides",
        ),
        Difference(
            "D031", "momentum of batch normalization", tf="weight of the old statistics, 0.99",
            torch="weight of the new statistics, 0.1", ours="0.1 for the new ones: 0.9 in Keras' sense",
        ),
        Difference(
            "D033", "running variance of batch normalization", tf="biased, divided by n",
            torch="unbiased, divided by n - 1", ours="unbiased; both normalise with the biased one",
        ),
        Difference(
            "D051", "initial kernels of dense and convolution layers", tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)", ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D093", "max pooling of padded maps with stride 2", tf='"same" pads the end alone on even sizes',
            torch="pads both ends", ours="pads both ends with the lowest number",
        ),
        Difference(
            "D095", "poolings that round up", tf='"same" does for a 2x2 window', torch="ceil_mode",
            ours="as ceil_mode: the TensorFlow side pads the end where a window reaches beyond it",
        ),
    ),
)  # fmt: skip
