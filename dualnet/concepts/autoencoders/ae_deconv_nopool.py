"""A convolutional autoencoder without pooling: strides shrink the maps and let them grow again."""

from dualnet.concepts.autoencoders._common import (
    CROP,
    FLOAT32_SLOPE,
    INITIALIZERS,
    START,
    Reconstruction,
    exhibits,
    own_images,
)
from dualnet.interface import Concept, Config, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT", "IMAGE_SIZE", "Reconstruction"]

IMAGE_SIZE = 28
"""Height and width of the images, in pixels."""


def _stages(config: Config) -> dict[str, Stage]:
    first, second = config["channels"]
    return {
        "encoder.0": Stage("NCHW", (first, 13, 13)),
        "encoder.1": Stage("NCHW", (second, 7, 7)),
        "decoder.0": Stage("NCHW", (first, 15, 15)),
        "decoder.1": Stage("NCHW", (config["in_channels"], 29, 29)),
    }


def _images(config: Config) -> Spec:
    return Spec("NCHW", (config["in_channels"], IMAGE_SIZE, IMAGE_SIZE), values="unit")


CONCEPT = Concept(
    module=__name__,
    title="Convolutional autoencoder without pooling",
    kind="model",
    summary="Two strided convolutions make the code, two transposed convolutions draw the image from it.",
    sources=(
        "Masci, Meier, Ciresan, Schmidhuber (2011), Stacked convolutional auto-encoders for hierarchical features",
        "Raschka, deeplearning-models, autoencoder/ae-conv-deconv-nopool",
    ),
    config={"in_channels": 1, "channels": (4, 8), "negative_slope": 0.01},
    variants={
        "strided_deconv_crop": Variant(
            builder="StridedAutoencoder",
            loss="reconstruction_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 0.005), batch_size=128, epochs=30),
            about="28-13-7-15-29, cropped to 28; 665 parameters",
            claim="MNIST: cross entropy 0.1026 (Adam 0.005, 10 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 0.005), batch_size=128, epochs=10),
        ),
    },
    inputs=lambda config: {"images": _images(config)},
    targets=_images,
    outputs={"reconstruction": "NCHW", "code": "NCHW", "logits": "NCHW"},
    stages=_stages,
    initializers=lambda config: INITIALIZERS,
    metric="mean_squared_error",
    rows=own_images,
    exhibits=exhibits,
    differences=(*START, FLOAT32_SLOPE, CROP),
)
