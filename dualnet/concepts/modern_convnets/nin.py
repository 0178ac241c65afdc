"""Network in network: a small perceptron slides over the image, and the mean of a map is a class's logit."""

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

__all__ = ["CONCEPT", "POOLINGS", "PUBLISHED", "map_sizes"]

POOLINGS = ("avg", "max")

PUBLISHED: dict[str, Config] = {
    "d2l": {"image_size": 224, "channels": (96, 256, 384, 10), "mixers": (96, 96, 256, 256, 384, 384, 10, 10)},
    "cifar": {"in_channels": 3, "channels": (192, 192, 192), "mixers": (160, 96, 192, 192, 192, 10)},
}
"""What the settings of each variant were when it was published: too wide for every day."""


def map_sizes(
    image_size: int,
    kernel_sizes: tuple[int, ...],
    strides: tuple[int, ...],
    paddings: tuple[int, ...],
    poolings: tuple[str, ...],
    pool_padding: int,
) -> list[tuple[int, int]]:
    """Height (and width) of the maps that leave each block and its pooling, in pixels.

    Raises:
        ConfigError: nothing is left of the image, or an unknown pooling.
    """
    if unknown := [kind for kind in poolings if kind not in POOLINGS]:
        raise ConfigError(f"pooling {unknown[0]!r} is unknown: choose one of {', '.join(POOLINGS)}")
    sizes, size = [], image_size
    for i, (kernel, stride, padding) in enumerate(zip(kernel_sizes, strides, paddings, strict=True)):
        before = size = (size + 2 * padding - kernel) // stride + 1
        if i < len(poolings):
            size = (size + 2 * pool_padding - 3) // 2 + 1
        sizes.append((before, size))
        if size < 1:
            raise ConfigError(f"image_size {image_size} is too small: nothing is left after block {i + 1}, {sizes}")
    return sizes


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    keys = ("image_size", "kernel_sizes", "strides", "paddings", "poolings", "pool_padding")
    sizes = map_sizes(*(config[key] for key in keys))
    stages = {}
    for i, (before, after) in enumerate(sizes):
        channels = config["mixers"][2 * i + 1]
        stages[f"block{i + 1}"] = Stage("NCHW", (channels, before, before))
        if i < len(config["poolings"]):
            stages[f"pool{i + 1}"] = Stage("NCHW", (channels, after, after))
    return stages


_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=128, epochs=20)

CONCEPT = Concept(
    module=__name__,
    title="Network in network and global average pooling",
    kind="model",
    summary="1x1 convolutions mix the channels of each pixel, and averaging whole maps replaces the dense layers.",
    sources=(
        "Lin, Chen, Yan (2014), Network in network, sections 3.1 and 3.2",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.3",
        "Raschka, deeplearning-models, cnn/nin-cifar10",
    ),
    config={
        "in_channels": 1,
        "image_size": 95,
        "channels": (16, 24, 32, 10),
        "mixers": (16, 16, 24, 24, 32, 32, 10, 10),
        "kernel_sizes": (11, 5, 3, 3),
        "strides": (4, 1, 1, 1),
        "paddings": (0, 2, 1, 1),
        "poolings": ("max", "max", "max"),
        "pool_padding": 0,
        "dropouts": (0.0, 0.0, 0.5),
    },
    variants={
        "d2l": Variant(
            builder="NetworkInNetwork",
            recipe=_ADAM,
            loss_scale=100.0,
            about="AlexNet's shapes, 10 classes; published: 1,992,166 parameters for 224x224 in gray",
            claim="Fashion-MNIST: 68.9 % (SGD 0.1, batches of 128, 10 epochs)",
        ),
        "cifar": Variant(
            builder="NetworkInNetwork",
            config={
                "image_size": 32,
                "channels": (24, 24, 24),
                "mixers": (20, 16, 24, 24, 24, 10),
                "kernel_sizes": (5, 5, 3),
                "strides": (1, 1, 1),
                "paddings": (2, 2, 1),
                "poolings": ("max", "avg"),
                "pool_padding": 1,
                "dropouts": (0.5, 0.5),
            },
            recipe=_ADAM,
            loss_scale=100.0,
            about="three blocks for 32x32, padded poolings; published: 966,986 parameters for colour images",
            claim="CIFAR-10: 70.67 %, which is a ResNet-34's, left in a copied notebook; later 80.20 % of the "
            "validation rows, none of the test rows (Adam 0.0005, batches of 256, 100 epochs)",
            published=Recipe(
                data="cifar10",
                optimizer=Optimizer("adam", 5e-4),
                batch_size=256,
                epochs=100,
                config={"in_channels": 3, "channels": (192, 192, 192), "mixers": (160, 96, 192, 192, 192, 10)},
            ),
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["mixers"][-1]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("xavier_uniform"),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
        Difference(
            "D001",
            "padding of a convolution that strides",
            tf='"same" pads the end alone where one zero is to be added',
            torch="a number of zeros on both sides",
            ours="a number of zeros on both sides: the TensorFlow side pads first",
        ),
        Difference(
            "D051",
            "initial kernels of convolution layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D091",
            "average pooling of padded maps",
            tf='"same" leaves the padding out of the mean',
            torch="counts the zeros",
            ours="counts the zeros: the TensorFlow side pads first",
        ),
        Difference(
            "D093",
            "max pooling of padded maps with stride 2",
            tf='"same" pads the end alone on even sizes',
            torch="pads both ends",
            ours="pads both ends; zeros do, where no value is below 0",
        ),
    ),
)
