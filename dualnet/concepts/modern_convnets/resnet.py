"""ResNet: stages of residual blocks, from 18 to 152 layers deep, that still train."""

from dataclasses import replace
from typing import Any

from dualnet.interface import (
    Augmentation,
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

__all__ = ["CONCEPT", "EXPANSION", "MOMENTUM", "PADDED_POOL", "head_size", "map_sizes"]

MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""
EXPANSION = {"basic": 1, "bottleneck": 4}
"""Channels that leave a block of a kind, by those of its stage."""
PADDED_POOL = (7, 2)
"""Window and zeros on every side of the "padded" average pooling, in pixels; it moves by 1."""


def map_sizes(image_size: int, stem: str, stages: int) -> list[int]:
    """Height (and width) of the maps after each stage, in pixels.

    Raises:
        ConfigError: the stem is unknown.
    """
    if stem not in ("imagenet", "cifar"):
        raise ConfigError(f"stem {stem!r} is unknown: choose one of imagenet, cifar")
    first = -(-image_size // 4) if stem == "imagenet" else image_size
    return [-(-first // 2**i) for i in range(stages)]


def head_size(size: int, pool: str) -> int:
    """Height (and width) of the last map after pooling, in pixels.

    Raises:
        ConfigError: the pooling is unknown, or the map is too small for it.
    """
    if pool not in ("global", "padded"):
        raise ConfigError(f"pool {pool!r} is unknown: choose one of global, padded")
    window, zeros = PADDED_POOL
    found = 1 if pool == "global" else size + 2 * zeros - window + 1
    if found < 1:
        raise ConfigError(
            f"a last map of {size}x{size} is too small for pool='padded': take larger images, or 'global'"
        )
    return found


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    sizes = map_sizes(config["image_size"], config["stem"], len(config["layers"]))
    expansion = EXPANSION[config["block"]]
    before_pool = -(-config["image_size"] // 2) if config["stem"] == "imagenet" else sizes[0]
    found = {"conv1": Stage("NCHW", (config["channels"][0], before_pool, before_pool))}
    for i, (count, channels, size) in enumerate(zip(config["layers"], config["channels"], sizes, strict=True), 1):
        found[f"layer{i}.{count - 1}"] = Stage("NCHW", (expansion * channels, size, size))
    return {**found, "fc": Stage("NK", (config["num_classes"],))}


_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=10)
_MNIST = replace(_ADAM, data="mnist")
# The paper's for CIFAR-10, section 4.2, but for the flips: a mirrored digit is none.
_CROPPED = Recipe(
    data="digits",
    optimizer=Optimizer("sgd", 0.1, momentum=0.9),
    batch_size=128,
    epochs=10,
    augmentation=Augmentation(padding=4),
)


def _variant(
    block: str,
    layers: tuple[int, ...],
    small: tuple[int, ...],
    about: str,
    claim: str,
    recipe: Recipe = _ADAM,
    published: Recipe | None = None,
    **config: Any,
) -> Variant:
    shape = {"image_size": 26, "in_channels": 3, "num_classes": 7, "channels": (5, 7)}
    return Variant(
        builder="ResNet",
        config={"block": block, "layers": layers, **config},
        recipe=recipe,
        published=published,
        small={**shape, "layers": small},
        about=about,
        claim=claim,
    )


CONCEPT = Concept(
    module=__name__,
    title="ResNet family: basic and bottleneck",
    kind="model",
    summary="A stem, stages of residual blocks that halve the image and widen it, average pooling, a dense layer.",
    sources=(
        "He, Zhang, Ren, Sun (2015), Deep residual learning for image recognition, table 1 and section 4.2",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.6",
        "torchvision: the names of the parameters, and v1.5",
    ),
    config={
        "in_channels": 1,
        "image_size": 28,
        "num_classes": 10,
        "block": "basic",
        "layers": (2, 2, 2, 2),
        "channels": (64, 128, 256, 512),
        "stem": "imagenet",
        "version": "v1.5",
        "pool": "global",
        "conv_bias": False,
        "shortcut_norm": True,
        "epsilon": 1e-5,
    },
    variants={
        "resnet18": _variant(
            "basic",
            (2, 2, 2, 2),
            (2, 1),
            "11,175,370 parameters",
            "MNIST: 99.06 % (Adam 0.001, batches of 128, 10 epochs)",
            published=_MNIST,
        ),
        "resnet34": _variant(
            "basic",
            (3, 4, 6, 3),
            (1, 2),
            "21,283,530 parameters",
            "MNIST: 99.04 % (Adam 0.001, batches of 128, 10 epochs); CIFAR-10: 70.67 % (batches of 256, padded pool)",
            published=_MNIST,
        ),
        "resnet50": _variant(
            "bottleneck",
            (3, 4, 6, 3),
            (2, 1),
            "23,522,250 parameters",
            "MNIST: 98.39 % (Adam 0.001, batches of 128, 10 epochs)",
            published=_MNIST,
        ),
        "resnet101": _variant(
            "bottleneck",
            (3, 4, 23, 3),
            (2, 2),
            "42,514,378 parameters",
            "CIFAR-10: 75.15 %",
        ),
        "resnet152": _variant(
            "bottleneck",
            (3, 8, 36, 3),
            (1, 2),
            "58,158,026 parameters",
            "ImageNet: 21.43 % top-1 and 5.71 % top-5 error on ten crops",
        ),
        "resnet50_v1": _variant(
            "bottleneck",
            (3, 4, 6, 3),
            (1, 1),
            "as first published, and in Keras: the stride in the first 1x1 convolution, biases in convolutions",
            "ImageNet: 22.85 % top-1 and 6.71 % top-5 error on ten crops",
            version="v1",
            conv_bias=True,
            epsilon=1.001e-5,
        ),
        "resnet18_d2l": _variant(
            "basic",
            (2, 2, 2, 2),
            (1, 1),
            "d2l's form: biases in convolutions, no normalization on shortcuts; 11,178,378 parameters",
            "Fashion-MNIST: 91.5 % and 89.2 % (SGD 0.05, batches of 256)",
            conv_bias=True,
            shortcut_norm=False,
        ),
        "resnet34_cifar": _variant(
            "basic",
            (3, 4, 6, 3),
            (1, 1),
            "for images of 32x32 pixels: a 3x3 stem that keeps every pixel",
            "CIFAR-10: none of this form; the paper's, of three stages, has 8.75 % error with 20 layers (SGD 0.1, "
            "momentum 0.9, batches of 128; crops after padding by 4, flips)",
            recipe=_CROPPED,
            stem="cifar",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("he_normal_fan_out"),
        **{f"{name}.weight": Initializer("constant", 1.0) for name in ("bn1", "bn2", "bn3", "downsample.1")},
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
        Difference(
            "D091",
            "average over the border",
            tf="'SAME' divides by the number of real pixels",
            torch="divides by the window's size unless count_include_pad=False",
            ours="pool='padded' counts the zeros: the TensorFlow side pads first",
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
