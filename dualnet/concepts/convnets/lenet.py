"""LeNet-5: two convolutions with pooling, then dense layers; the first network that read handwriting at scale."""

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

__all__ = ["CONCEPT", "EPSILON", "KERNEL", "MOMENTUM", "feature_size"]

KERNEL = 5
"""Height and width of both convolutions, in pixels."""
EPSILON = 1e-5
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""


def feature_size(image_size: int, padding: tuple[str, str]) -> list[int]:
    """Height (and width) of the maps after each of the two blocks, in pixels.

    Raises:
        ConfigError: a padding is neither "same" nor "valid", or nothing is left of the image.
    """
    sizes, size = [], image_size
    for kind in padding:
        if kind not in ("same", "valid"):
            raise ConfigError(f"padding {kind!r} is unknown: choose one of same, valid")
        size = (size if kind == "same" else size - KERNEL + 1) // 2
        sizes.append(size)
    if size < 1:
        raise ConfigError(f"image_size {image_size} is too small: nothing is left after two blocks, sizes {sizes}")
    return sizes


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    sizes = feature_size(config["image_size"], config["padding"])
    maps = {
        f"block{i}": Stage("NCHW", (channels, size, size))
        for i, (channels, size) in enumerate(zip(config["channels"], sizes, strict=True), start=1)
    }
    hidden = {f"hidden.{i}": Stage("NF", (size,)) for i, size in enumerate(config["hidden"])}
    return {**maps, **hidden, "output": Stage("NK", (config["num_classes"],))}


_FAST_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-2), batch_size=64, epochs=12)
# A visible epsilon: with 1e-8 the first steps of vanishing gradients are rounding noise, and the two sides part.
_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=16, epochs=10)

CONCEPT = Concept(
    module=__name__,
    title="LeNet-5 and its batch-norm variant",
    kind="model",
    summary="Convolutions find local features, pooling makes them robust to shifts, dense layers read them.",
    sources=(
        "LeCun, Bottou, Bengio, Haffner (1998), Gradient-based learning applied to document recognition, section II.B",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 7.6 (sigmoid and average pooling)",
    ),
    config={
        "in_channels": 1,
        "image_size": 28,
        "channels": (6, 16),
        "padding": ("same", "valid"),
        "hidden": (120, 84),
        "num_classes": 10,
        "activation": "sigmoid",
        "pooling": "avg",
        "batch_norm": False,
    },
    variants={
        "relu_max": Variant(
            builder="LeNet",
            config={"activation": "relu", "pooling": "max"},
            recipe=_ADAM,
            about="the form in use today: ReLU and max pooling",
        ),
        "sigmoid_avg": Variant(
            builder="LeNet",
            recipe=_FAST_ADAM,
            about="LeCun's and d2l's form: sigmoid and average pooling; 61,706 parameters",
            claim="Fashion-MNIST: 80.3 %, where the notebook itself prints 81.0 %, and 79.2 % (SGD 0.9, batches of "
            "256, 10 epochs)",
        ),
        "tanh_max": Variant(
            builder="LeNet",
            config={"image_size": 32, "padding": ("valid", "valid"), "activation": "tanh", "pooling": "max"},
            recipe=_ADAM,
            about="32x32 images without padding, tanh and max pooling; 61,706 parameters",
            claim="MNIST: 98.93 %, CIFAR-10: 67.30 % (Adam 0.001, batches of 128, 10 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=10),
        ),
        "wide_sigmoid_max": Variant(
            builder="LeNet",
            config={"channels": (32, 64), "padding": ("same", "same"), "hidden": (512,), "pooling": "max"},
            recipe=_ADAM,
            about="32 and 64 channels, one hidden layer of 512; 1,663,370 parameters (here with a linear output)",
            claim="MNIST: no figure (Adam 0.001, batches of 100, 40 epochs), sigmoids at the output taken for "
            "probabilities",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=100, epochs=40),
        ),
        "batch_norm": Variant(
            builder="LeNet",
            config={"padding": ("valid", "valid"), "batch_norm": True},
            recipe=Recipe(data="digits", optimizer=Optimizer("sgd", 0.1), batch_size=64, epochs=12),
            about="no padding, batch normalization before every hidden sigmoid; 44,878 parameters",
            claim="Fashion-MNIST: 88.6 % and 83.5 % from scratch, 76.2 % and 84.9 % with the framework's layer (SGD "
            "1.0, batches of 256, 10 epochs)",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("xavier_uniform"),
        "norm.weight": Initializer("constant", 1.0),
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
            "D030",
            "epsilon of batch normalization",
            tf="1e-3 by default",
            torch="1e-5 by default",
            ours="1e-5, set on both sides",
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
            "initial kernels of dense and convolution layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
    ),
)
