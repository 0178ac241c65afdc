"""A large convolutional autoencoder for colour images: five steps down to a vector, five steps back."""

from dualnet.concepts.autoencoders._common import REPEAT, Reconstruction, exhibits, own_images
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

__all__ = ["CONCEPT", "EPSILON", "KERNEL", "MOMENTUM", "Reconstruction", "code_size"]

KERNEL = 4
"""Height and width of every convolution, in pixels."""
EPSILON = 1e-5
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""


def code_size(image_size: int, steps: int) -> int:
    """Height and width of the last maps, in pixels.

    Raises:
        ConfigError: the image cannot be halved so often.
    """
    if image_size < 1 or image_size % 2**steps:
        raise ConfigError(f"image_size {image_size}: expected a multiple of {2**steps}, to be halved {steps} times")
    return image_size // 2**steps


def _stages(config: Config) -> dict[str, Stage]:
    channels, size = config["channels"], config["image_size"]
    up = (*channels[-2::-1], config["in_channels"])
    return {
        **{
            f"encoder.{i}": Stage("NCHW", (c, size // 2 ** (i + 1), size // 2 ** (i + 1)))
            for i, c in enumerate(channels)
        },
        "code": Stage("NF", (config["latent"],)),
        **{
            f"decoder.blocks.{i}": Stage("NCHW", (c, size // 2 ** (len(up) - i - 1), size // 2 ** (len(up) - i - 1)))
            for i, c in enumerate(up)
        },
    }


def _images(config: Config) -> Spec:
    return Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]), values="unit")


CONCEPT = Concept(
    module=__name__,
    title="Nearest-neighbour autoencoder for colour images",
    kind="model",
    summary="Strided convolutions and a dense layer make a vector of a colour image; repeated pixels draw it again.",
    sources=(
        "Raschka, deeplearning-models, autoencoder/ae-conv-nneighbor-celeba",
        "Odena, Dumoulin, Olah (2016), Deconvolution and checkerboard artifacts (why pixels are repeated)",
    ),
    config={
        "in_channels": 3,
        "image_size": 128,
        "channels": (32, 64, 128, 256, 512),
        "latent": 1000,
        "negative_slope": 0.2,
    },
    variants={
        "small": Variant(
            builder="ColourAutoencoder",
            config={"image_size": 32, "channels": (8, 16, 32), "latent": 50},
            loss="squared_error_loss",
            recipe=Recipe(
                data="photographs", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=32, epochs=15
            ),
            about="three steps from 32 pixels",
        ),
        "latent1000": Variant(
            builder="ColourAutoencoder",
            loss="squared_error_loss",
            recipe=Recipe(data="folder", optimizer=Optimizer("adam", 1e-4), batch_size=32, epochs=20),
            about="for a folder of faces: five steps from 128 pixels, 21,971,243 parameters",
            claim="CelebA: no figure, the source shows a model that was trained before (Adam 0.0001, 20 epochs)",
            small={"image_size": 16, "channels": (3, 5), "latent": 7},
        ),
    },
    inputs=lambda config: {"images": _images(config)},
    targets=_images,
    outputs={"reconstruction": "NCHW", "code": "NF", "logits": "NCHW"},
    stages=_stages,
    initializers=lambda config: {
        "weight": Initializer("he_normal"),
        "norm.weight": Initializer("constant", 1.0),
        "bias": Initializer("constant", 0.0),
    },
    buffers=lambda config: True,
    metric="mean_squared_error",
    rows=own_images,
    exhibits=exhibits,
    differences=(
        REPEAT,
        Difference(
            "D019",
            "flattening feature maps, and back",
            tf="(H, W, C)",
            torch="(C, H, W)",
            ours="(C, H, W): the TensorFlow side transposes, so that the dense weights mean the same",
        ),
        Difference(
            "D027",
            "padding by repeating the edge",
            tf="SYMMETRIC mirrors; no mode repeats",
            torch="'replicate'",
            ours="the edge repeated, two rows before and one behind: the TensorFlow side concatenates",
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
            "initial kernels",
            tf="Glorot uniform; he_normal is cut off at two standard deviations",
            torch="uniform; kaiming_normal_ is not cut off",
            ours="Kaiming normal, not cut off",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D199",
            "slope of a leaky ReLU in float64",
            tf="rounded to float32 on its way into the operation",
            torch="exact",
            ours="exact: the TensorFlow side writes the function out",
        ),
    ),
)
