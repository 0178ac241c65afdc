"""Convolutional conditional variational autoencoder: the label enters as planes beside the image."""

from dualnet.concepts.autoencoders._common import (
    CROP,
    FLATTEN,
    FLOAT32_SLOPE,
    GAUSSIAN_SCALES,
    INITIALIZERS,
    ONE_HOT,
    START,
    Variational,
    VariationalLoss,
    conditional_exhibits,
    labelled_images,
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


def _target(config: Config) -> Spec:
    channels = config["in_channels"] + config["label_in_reconstruction"] * config["num_classes"]
    return Spec("NCHW", (channels, IMAGE_SIZE, IMAGE_SIZE), values="unit")


def _stages(config: Config) -> dict[str, Stage]:
    down = zip(config["channels"], SIZES, strict=True)
    up = zip((*config["channels"][1::-1], _target(config).shape[0]), DECODER_SIZES, strict=True)
    return {
        **{f"encoder.{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(down)},
        "mean": Stage("NF", (config["latent"],)),
        "log_variance": Stage("NF", (config["latent"],)),
        **{f"decoder.up.{i}": Stage("NCHW", (channels, size, size)) for i, (channels, size) in enumerate(up)},
    }


_RECIPE = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3), batch_size=32, epochs=30)

CONCEPT = Concept(
    module=__name__,
    title="Convolutional conditional VAE, with and without labels in the reconstruction loss",
    kind="model",
    summary="A plane for every class says to the encoder which image it is; the decoder is told by a one-hot code.",
    sources=(
        "Sohn, Lee, Yan (2015), Learning structured output representation using deep conditional generative models",
        "Raschka, deeplearning-models, autoencoder/ae-cnn-cvae and ae-cnn-cvae_no-out-concat",
    ),
    config={
        "in_channels": 1,
        "channels": (16, 32, 64),
        "latent": 50,
        "num_classes": 10,
        "label_in_reconstruction": True,
        "negative_slope": 0.01,
    },
    variants={
        "label_in_reconstruction": Variant(
            builder="ConvolutionalConditionalVariationalAutoencoder",
            loss="variational_loss",
            recipe=_RECIPE,
            about="86,927 parameters; reconstructs ten label planes, too",
            claim="MNIST: 22,729 nats per batch of 128, from 767,977 at first (Adam 0.001, 50 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            loss_scale=65536.0,
        ),
        "no_label_in_reconstruction": Variant(
            builder="ConvolutionalConditionalVariationalAutoencoder",
            config={"label_in_reconstruction": False},
            loss="variational_loss",
            recipe=_RECIPE,
            about="81,157 parameters; only the image is reconstructed",
            claim="MNIST: 13,998 nats per batch of 128 (Adam 0.001, 50 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            loss_scale=4096.0,
        ),
    },
    inputs=lambda config: {
        "images": Spec("NCHW", (config["in_channels"], IMAGE_SIZE, IMAGE_SIZE), values="unit"),
        "labels": Spec("N", classes=config["num_classes"]),
        "noise": Spec("NF", (config["latent"],), values="noise"),
    },
    targets=_target,
    outputs={"reconstruction": "NCHW", "mean": "NF", "log_variance": "NF", "latent": "NF", "logits": "NCHW"},
    stages=_stages,
    initializers=lambda config: INITIALIZERS,
    scales=GAUSSIAN_SCALES,
    metric="mean_squared_error",
    rows=labelled_images,
    exhibits=conditional_exhibits,
    differences=(*START, FLOAT32_SLOPE, FLATTEN, CROP, ONE_HOT),
)
