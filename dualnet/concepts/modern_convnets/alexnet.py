"""AlexNet: five convolutions and three dense layers, the network that made deep learning win ImageNet in 2012."""

from dataclasses import replace

from dualnet.interface import (
    Augmentation,
    Concept,
    Config,
    ConfigError,
    Demo,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
    choose,
)

__all__ = [
    "BIASES", "CONCEPT", "EPSILON", "LRN_ALPHA", "LRN_BETA", "LRN_K", "LRN_SIZE", "MOMENTUM", "NORMALIZED", "POOLED",
    "PUBLISHED", "WEIGHT_STD", "convolution_names", "dense_names", "map_sizes",
]  # fmt: skip

POOLED = (0, 1, 4)
"""The convolutions that a 3x3 max pooling with stride 2 follows, from 0."""
NORMALIZED = (0, 1)
"""The convolutions that are normalized, if any is."""
LRN_SIZE, LRN_K, LRN_ALPHA, LRN_BETA = 5, 2.0, 1e-4, 0.75
"""Local response normalization: n, k, alpha and beta of Krizhevsky et al. (2012), section 3.3."""
EPSILON = 1e-5
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""
WEIGHT_STD = 0.01
"""Standard deviation of the weights in the paper's start."""
BIASES = {"xavier_uniform": (0.0,) * 7, "normal": (0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0)}
"""How the biases of the seven hidden layers start; in the paper some ReLUs are to begin with positive inputs."""

PUBLISHED: dict[str, Config] = {
    "torchvision": {
        "in_channels": 3, "image_size": 224, "channels": (64, 192, 384, 256, 256), "pooled_size": 6,
        "hidden": (4096, 4096), "num_classes": 1000,
    },
    "two_towers": {
        "in_channels": 3, "image_size": 227, "channels": (96, 256, 384, 384, 256), "hidden": (4096, 4096),
        "num_classes": 1000,
    },
    "d2l": {"image_size": 224, "channels": (96, 256, 384, 384, 256), "hidden": (4096, 4096)},
    "cifar": {"in_channels": 3, "channels": (96, 256, 384, 384, 256), "hidden": (2048, 2048)},
}  # fmt: skip
"""What the settings of each variant were when it was published: too wide for every day."""


def map_sizes(image_size: int, kernel_sizes: tuple[int, ...], stem_stride: int, paddings: tuple[int, ...]) -> list[int]:
    """Height (and width) of the maps that leave each convolution, and of those after the last pooling, in pixels.

    Raises:
        ConfigError: nothing is left of the image.
    """
    sizes, size = [], image_size
    for i, (kernel, padding) in enumerate(zip(kernel_sizes, paddings, strict=True)):
        size = (size + 2 * padding - kernel) // (stem_stride if i == 0 else 1) + 1
        sizes.append(size)
        if i in POOLED:
            size = (size - 3) // 2 + 1
        if size < 1:
            raise ConfigError(
                f"image_size {image_size} is too small: nothing is left after convolution {i + 1}, sizes {sizes}"
            )
    return [*sizes, size]


def convolution_names(normalization: str) -> list[str]:
    """What the five convolutions are called in their stack: a ReLU, a normalization, a pooling each count as one.

    Raises:
        ConfigError: an unknown normalization.
    """
    extra = choose({"none": 0, "batch": 1, "local_response": 1}, normalization, "normalization")
    names, index = [], 0
    for i in range(5):
        names.append(str(index))
        index += 2 + extra * (i in NORMALIZED) + (i in POOLED)
    return names


def dense_names(dropout_first: bool, hidden: int) -> list[str]:
    """What the dense layers are called in their stack, the output the last: each hidden one has a ReLU and a dropout.

    Args:
        dropout_first: the dropout stands before its layer.
        hidden: the number of hidden layers.
    """
    return [str(3 * i + dropout_first) for i in range(hidden)] + [str(3 * hidden)]


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    *sizes, last = map_sizes(*(config[key] for key in ("image_size", "kernel_sizes", "stem_stride", "paddings")))
    names = convolution_names(config["normalization"])
    maps = {
        f"features.{name}": Stage("NCHW", (channels, size, size))
        for name, channels, size in zip(names, config["channels"], sizes, strict=True)
    }
    units = (*config["hidden"], config["num_classes"])
    names = dense_names(config["dropout_first"], len(config["hidden"]))
    dense = {f"classifier.{name}": Stage("NF", (size,)) for name, size in zip(names, units, strict=True)}
    return {**maps, "features": Stage("NCHW", (config["channels"][-1], last, last)), **dense}


def _initializers(config: Config) -> dict[str, Initializer]:
    law = config["initializer"]
    biases = choose(BIASES, law, "initializer")
    names = [f"features.{name}.bias" for name in convolution_names(config["normalization"])]
    names += [f"classifier.{name}.bias" for name in dense_names(config["dropout_first"], len(config["hidden"]))[:-1]]
    norms = [f"features.{int(name) + 1}" for name in convolution_names("batch")[:2]]
    batch = config["normalization"] == "batch"
    return {
        "weight": Initializer("normal", WEIGHT_STD) if law == "normal" else Initializer("xavier_uniform"),
        "bias": Initializer("constant", 0.0),
        **{name: Initializer("constant", value) for name, value in zip(names, biases, strict=False)},
        **({f"{name}.weight": Initializer("constant", 1.0) for name in norms} if batch else {}),
    }


_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=64, epochs=10)
_MOMENTUM = Recipe(data="digits", optimizer=Optimizer("sgd", 0.01, momentum=0.9), batch_size=128, epochs=10)
# Both sources take random crops, 64 out of 70 pixels and 224 out of 256, that one with flips: a mirrored digit is none.
_SMALL_CROPS = replace(_ADAM, augmentation=Augmentation(padding=4))
_LARGE_CROPS = replace(_MOMENTUM, augmentation=Augmentation(padding=7))

CONCEPT = Concept(
    module=__name__,
    title="AlexNet: one tower, two towers, for small images",
    kind="model",
    summary="Wide strides at the start, ReLU instead of tanh, dropout between dense layers: depth becomes trainable.",
    sources=(
        "Krizhevsky, Sutskever, Hinton (2012), ImageNet classification with deep convolutional neural networks",
        "Krizhevsky (2014), One weird trick for parallelizing convolutional neural networks (one tower; torchvision)",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.1",
    ),
    config={
        "in_channels": 1,
        "image_size": 95,
        "channels": (16, 24, 32, 24, 24),
        "kernel_sizes": (11, 5, 3, 3, 3),
        "stem_stride": 4,
        "paddings": (2, 2, 1, 1, 1),
        "groups": (1, 1, 1, 1, 1),
        "normalization": "none",
        "pooled_size": 3,
        "hidden": (48, 40),
        "dropout": 0.5,
        "dropout_first": True,
        "num_classes": 10,
        "initializer": "xavier_uniform",
    },
    variants={
        "torchvision": Variant(
            builder="AlexNet",
            recipe=_SMALL_CROPS,
            loss_scale=100.0,
            about="one tower, maps pooled to a fixed size, dropout before dense; published: 61,100,840 parameters",
            claim="CIFAR-10: 66.63 % of images resized to 64 (Adam 0.0001, batches of 256, 20 epochs), 73.68 % in a "
            "later version; 72.11 % of crops of 64 out of 70 (40 epochs)",
            published=Recipe(
                data="cifar10",
                optimizer=Optimizer("adam", 1e-4),
                batch_size=256,
                epochs=20,
                config={
                    "in_channels": 3,
                    "image_size": 64,
                    "channels": (64, 192, 384, 256, 256),
                    "pooled_size": 6,
                    "hidden": (4096, 4096),
                },
            ),
        ),
        "two_towers": Variant(
            builder="AlexNet",
            config={
                "image_size": 99,
                "paddings": (0, 2, 1, 1, 1),
                "groups": (1, 2, 1, 2, 2),
                "normalization": "local_response",
                "pooled_size": 0,
                "dropout_first": False,
                "initializer": "normal",
            },
            recipe=_LARGE_CROPS,
            loss_scale=100.0,
            about="the paper's two graphics cards are two groups, its responses are normalized; published: 60,965,224",
            claim="ImageNet 2010: 37.5 % top-1 and 17.0 % top-5 error (SGD 0.01, momentum 0.9, batches of 128, 90 "
            "epochs; crops of 224 out of 256, flips); CIFAR-10, two groups: 70.93 %",
        ),
        "d2l": Variant(
            builder="AlexNet",
            config={"image_size": 97, "paddings": (1, 2, 1, 1, 1), "pooled_size": 0, "dropout_first": False},
            recipe=_ADAM,
            loss_scale=100.0,
            about="no fixed size before the dense layers, dropout after them; published: 46,764,746 (gray, 10 classes)",
            claim="Fashion-MNIST: 87.8 % and 88.3 % (SGD 0.01, batches of 128, 10 epochs)",
        ),
        "cifar": Variant(
            builder="AlexNet",
            config={
                "image_size": 32,
                "kernel_sizes": (3, 3, 3, 3, 3),
                "stem_stride": 1,
                "paddings": (0, 0, 1, 1, 1),
                "normalization": "batch",
                "pooled_size": 0,
                "dropout_first": False,
            },
            recipe=_ADAM,
            loss_scale=100.0,
            about="3x3 kernels for images of 32x32, batch normalization twice; published: 9,638,474 trainable",
            claim="CIFAR-10: no figure (Adam 0.001, batches of 32, 20 epochs)",
            published=Recipe(
                data="cifar10",
                optimizer=Optimizer("adam", 1e-3),
                batch_size=32,
                epochs=20,
                config={
                    "in_channels": 3,
                    "image_size": 32,
                    "channels": (96, 256, 384, 384, 256),
                    "hidden": (2048, 2048),
                },
            ),
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=_initializers,
    buffers=lambda config: config["normalization"] == "batch",
    differences=(
        Difference(
            "D001",
            "padding of a convolution that strides",
            tf='"same" pads the end alone where one zero is to be added',
            torch="a number of zeros on both sides",
            ours="a number of zeros on both sides: the TensorFlow side pads first, d2l's does not pad at all",
        ),
        Difference(
            "D019",
            "Flatten after a convolution",
            tf="flattens (H, W, C)",
            torch="flattens (C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes first, so that the dense weights mean the same",
        ),
        Difference("D030", "epsilon of batch normalization", tf="1e-3", torch="1e-5", ours="1e-5, set on both sides"),
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
            "initial kernels of dense and convolution layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="by the initializer of the configuration, on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="set on both sides"),
        Difference(
            "D101",
            "alpha of local response normalization",
            tf="times the sum of squares; float64 is refused",
            torch="times their mean",
            ours="times the sum, as in the paper: PyTorch's alpha is 5 times as large; written out in TensorFlow",
        ),
        Difference(
            "X-adaptive-pool-of-one",
            "adaptive average pooling of a map of one pixel",
            tf="Keras' layer fails in a graph: one of its windows is two pixels wide",
            torch="repeats the pixel",
            ours="repeats the pixel: the TensorFlow side by upsampling",
            demo=Demo(
                tf="""
                    layer = keras.layers.AdaptiveAveragePooling2D(6)
                    tf.function(layer)(images[:, :1, :1]).shape
                """,
                torch="""
                    layer = torch.nn.AdaptiveAvgPool2d(6)
                    layer(images[:, :, :1, :1]).shape
                """,
            ),
        ),
    ),
)
