"""VGG: blocks of 3x3 convolutions, 11 to 19 layers deep, that halve the image and double the channels."""

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

__all__ = ["CONCEPT", "DEPTHS", "PUBLISHED", "convolution_names", "last_size"]

DEPTHS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Convolutions in each block, by the number of layers with weights: configurations A, B, D and E of the paper."""

PUBLISHED: Config = {"channels": (64, 128, 256, 512, 512), "hidden": (4096, 4096)}
"""What the settings of the variants were when they were published: too wide for every day."""


def last_size(image_size: int, blocks: int) -> int:
    """Height (and width) of the maps after all blocks, in pixels.

    Raises:
        ConfigError: nothing is left of the image.
    """
    if (size := image_size >> blocks) < 1:
        raise ConfigError(f"image_size {image_size} is too small: expected at least {2**blocks} for {blocks} blocks")
    return size


def convolution_names(convolutions: tuple[int, ...]) -> list[list[str]]:
    """What the convolutions of each block are called in their stack: a ReLU and a pooling count as one each."""
    names, index = [], 0
    for count in convolutions:
        names.append([str(index + 2 * i) for i in range(count)])
        index += 2 * count + 1
    return names


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    stages: dict[str, Stage] = {}
    size = config["image_size"]
    for names, channels in zip(convolution_names(config["convolutions"]), config["channels"], strict=True):
        stages |= {f"features.{name}": Stage("NCHW", (channels, size, size)) for name in names}
        size //= 2
    last = config["pooled_size"] or size
    units = (*config["hidden"], config["num_classes"])
    return {
        **stages,
        "features": Stage("NCHW", (config["channels"][-1], size, size)),
        "avgpool": Stage("NCHW", (config["channels"][-1], last, last)),
        **{f"classifier.{3 * i}": Stage("NF", (size,)) for i, size in enumerate(units)},
    }


_SGD = Recipe(data="digits", optimizer=Optimizer("sgd", 0.05), batch_size=128, epochs=10)
_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=128, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="VGG: 11, 13, 16 and 19 layers",
    kind="model",
    summary="Two 3x3 convolutions see as far as one of 5x5, with fewer weights and one more ReLU.",
    sources=(
        "Simonyan, Zisserman (2015), Very deep convolutional networks for large-scale image recognition, table 1",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.2",
    ),
    config={
        "in_channels": 1,
        "image_size": 32,
        "convolutions": (1, 1, 2, 2, 2),
        "channels": (8, 16, 24, 32, 32),
        "pooled_size": 0,
        "hidden": (48, 40),
        "dropout": 0.5,
        "num_classes": 10,
    },
    variants={
        "vgg11": Variant(
            builder="VGG",
            config={"convolutions": DEPTHS[11]},
            recipe=_SGD,
            loss_scale=10.0,
            weight_scale=0.7,
            about="published: 132,863,336 parameters for 224x224 in colour, 128,806,154 for gray and 10 classes",
            claim="Fashion-MNIST, a quarter of the channels: 91.7 % and 92.0 % (SGD 0.05, batches of 128, 10 epochs)",
        ),
        "vgg13": Variant(
            builder="VGG",
            config={"convolutions": DEPTHS[13], "image_size": 64, "pooled_size": 3},
            recipe=_SGD,
            loss_scale=10.0,
            weight_scale=0.7,
            about="maps pooled to a fixed size, as torchvision's (there 7x7); published: 133,047,848 parameters",
        ),
        "vgg16": Variant(
            builder="VGG",
            config={"convolutions": DEPTHS[16], "dropout": 0.0},
            recipe=_ADAM,
            loss_scale=10.0,
            weight_scale=0.7,
            about="without dropout, for 32x32; published: 138,357,544 parameters, for CIFAR-10 33,638,218",
            claim="CIFAR-10: 75.43 %, later 76.31 % (Adam 0.001, batches of 128, 10 epochs); 77.2 % in TensorFlow 1, "
            "where convolution 13 leads nowhere",
            published=Recipe(
                data="cifar10",
                optimizer=Optimizer("adam", 1e-3),
                batch_size=128,
                epochs=10,
                config={
                    "in_channels": 3,
                    "image_size": 32,
                    "channels": (64, 128, 256, 512, 512),
                    "hidden": (4096, 4096),
                },
            ),
        ),
        "vgg19": Variant(
            builder="VGG",
            config={"convolutions": DEPTHS[19], "dropout": 0.0},
            recipe=_ADAM,
            loss_scale=10.0,
            weight_scale=0.7,
            about="the deepest; published: 143,667,240 parameters, for CIFAR-10 38,947,914",
            claim="CIFAR-10: 74.56 % (Adam 0.001, batches of 128, 20 epochs)",
            published=Recipe(
                data="cifar10",
                optimizer=Optimizer("adam", 1e-3),
                batch_size=128,
                epochs=20,
                config={
                    "in_channels": 3,
                    "image_size": 32,
                    "channels": (64, 128, 256, 512, 512),
                    "hidden": (4096, 4096),
                },
            ),
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("xavier_uniform"),
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
            ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
    ),
)
