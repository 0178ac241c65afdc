"""The Inception block: four paths look at the same maps at different scales, and their maps stand side by side."""

from dualnet.interface import (
    Concept,
    Config,
    Difference,
    Initializer,
    Optimizer,
    Recipe,
    Spec,
    Stage,
    Variant,
)

__all__ = ["CONCEPT", "EPSILON", "MOMENTUM"]

EPSILON = 1e-3
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""


def _inputs(config: Config) -> dict[str, Spec]:
    return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}


def _stages(config: Config) -> dict[str, Stage]:
    one, _, three, _, five, pooled = config["channels"]
    size = config["image_size"]
    maps = {"branch1": one, "branch2": three, "branch3": five, "branch4": pooled}
    return {
        "stem": Stage("NCHW", (config["stem_channels"], size, size)),
        **{f"block.{name}": Stage("NCHW", (channels, size, size)) for name, channels in maps.items()},
        "block": Stage("NCHW", (one + three + five + pooled, size, size)),
        "fc": Stage("NK", (config["num_classes"],)),
    }


_ADAM = Recipe(data="digits", optimizer=Optimizer("adam", 1e-2, epsilon=1e-4), batch_size=64, epochs=10)

_SMALL = {"image_size": 8}  # few summands: PyTorch adds a bias' gradient up in float32, one pixel after the other

CONCEPT = Concept(
    module=__name__,
    title="Inception block: four parallel paths",
    kind="model",
    summary="1x1, 3x3 and 5x5 convolutions and a pooling in parallel: the network chooses its scale by itself.",
    sources=(
        "Szegedy et al. (2015), Going deeper with convolutions, section 4 and figure 2 (b)",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.4.1",
    ),
    config={
        "in_channels": 1,
        "image_size": 16,
        "stem_channels": 6,
        "channels": (5, 4, 7, 3, 6, 2),
        "kernel_size": 5,
        "batch_norm": False,
        "num_classes": 10,
    },
    variants={
        "plain": Variant(
            builder="InceptionNet",
            recipe=_ADAM,
            small=_SMALL,
            about="a 3x3 convolution, one block as in the paper, the mean of every map and a dense layer",
        ),
        "batch_norm": Variant(
            builder="InceptionNet",
            config={"kernel_size": 3, "batch_norm": True},
            recipe=_ADAM,
            small=_SMALL,
            about="torchvision's: batch normalization, and 3x3 where the paper has 5x5",
        ),
    },
    inputs=_inputs,
    targets=lambda config: Spec("N", classes=config["num_classes"]),
    outputs={"logits": "NK"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("xavier_uniform"),
        "bn.weight": Initializer("constant", 1.0),
        "bias": Initializer("constant", 0.0),
    },
    differences=(
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
    ),
)  # fmt: skip
