"""Convolutional variational autoencoder: the dense layers of a VAE replaced by convolutions."""

from dualnet.concepts.autoencoders._common import (
    CROP,
    FLATTEN,
    FLOAT32_SLOPE,
    GAUSSIAN_SCALES,
    INITIALIZERS,
    START,
    Variational,
    VariationalLoss,
    own_images,
    variational_exhibits,
)
from dualnet.interface import Concept, Config, Optimizer, Recipe, Spec, Stage, Variant

__all__ = [
    "CONCEPT",
    "CROPS",
    "DECODER_KERNELS",
    "DECODER_SIZES",
    "DECODER_STRIDES",
    "IMAGE_SIZE",
    "KERNELS",
    "SIZES",
    "STRIDES",
    "Variational",
    "VariationalLoss",
]

KERNELS, STRIDES = (6, 4, 2), (2, 2, 2)
"""Of the encoder's convolutions: 28 -> 12 -> 5 -> 2 pixels."""
DECODER_KERNELS, DECODER_STRIDES, CROPS = (2, 4, 6), (2, 3, 3), (0, 1, 4)
"""Of the decoder's transposed convolutions, and what is cropped at either end: 2 -> 4 -> 11 -> 28 pixels."""
SIZES, DECODER_SIZES = (12, 5, 2), (4, 11, 28)
"""Height and width after each of them, in pixels."""
IMAGE_SIZE = 28


def _stages(config: Config) -> dict[str, Stage]:
    down = zip(config["channels"], SIZES, strict=True)
    up = zip((*config["channels"][1::-1], config["in_channels"]), DECODER_SIZES, strict=True)
    return {
        **{f"encoder.{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(down)},
        "mean": Stage("NF", (config["latent"],)),
        "log_variance": Stage("NF", (config["latent"],)),
        **{f"decoder.up.{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(up)},
    }


def _images(config: Config) -> Spec:
    return Spec("NCHW", (config["in_channels"], IMAGE_SIZE, IMAGE_SIZE), values="unit")


CONCEPT = Concept(
    module=__name__,
    title="Convolutional variational autoencoder",
    kind="model",
    summary="Strided convolutions shrink the image to a Gaussian, transposed convolutions draw one from its samples.",
    sources=(
        "Kingma, Welling (2014), Auto-encoding variational Bayes, sections 2.4 and 3, appendix B",
        "Raschka, deeplearning-models, autoencoder/ae-conv-var",
    ),
    config={"in_channels": 1, "channels": (16, 32, 64), "latent": 15, "negative_slope": 0.01},
    variants={
        "conv_15": Variant(
            builder="ConvolutionalVariationalAutoencoder",
            loss="variational_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 1e-3), batch_size=32, epochs=30),
            about="28 pixels, 45,887 parameters",
            claim="MNIST: 13,924 nats per batch of 128 (Adam 0.001, 50 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            loss_scale=4096.0,
        ),
    },
    inputs=lambda config: {"images": _images(config), "noise": Spec("NF", (config["latent"],), values="noise")},
    targets=_images,
    outputs={"reconstruction": "NCHW", "mean": "NF", "log_variance": "NF", "latent": "NF", "logits": "NCHW"},
    stages=_stages,
    initializers=lambda config: INITIALIZERS,
    scales=GAUSSIAN_SCALES,
    metric="mean_squared_error",
    rows=own_images,
    exhibits=variational_exhibits,
    differences=(*START, FLOAT32_SLOPE, FLATTEN, CROP),
)
