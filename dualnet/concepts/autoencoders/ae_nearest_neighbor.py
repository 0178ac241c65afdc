"""A convolutional autoencoder that grows by repeating pixels, which leaves no checkerboard."""

from dualnet.concepts.autoencoders._common import (
    FLOAT32_SLOPE,
    INITIALIZERS,
    REPEAT,
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
        "encoder.0": Stage("NCHW", (first, 28, 28)),
        "encoder.1": Stage("NCHW", (second, 14, 14)),
        "decoder.0": Stage("NCHW", (first, 14, 14)),
        "decoder.1": Stage("NCHW", (config["in_channels"], 28, 28)),
    }


def _images(config: Config) -> Spec:
    return Spec("NCHW", (config["in_channels"], IMAGE_SIZE, IMAGE_SIZE), values="unit")


CONCEPT = Concept(
    module=__name__,
    title="Convolutional autoencoder with nearest-neighbour upsampling",
    kind="model",
    summary="Two convolutions with pooling make the code; repeated pixels and two convolutions draw the image from it.",
    sources=(
        "Masci, Meier, Ciresan, Schmidhuber (2011), Stacked convolutional auto-encoders for hierarchical features",
        "Raschka, deeplearning-models, autoencoder/ae-conv-nneighbor and ae-conv-nneighbor-quickdraw",
    ),
    config={"in_channels": 1, "channels": (4, 8), "negative_slope": 0.01},
    variants={
        "mnist": Variant(
            builder="NearestNeighborAutoencoder",
            loss="reconstruction_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 0.05), batch_size=128, epochs=30),
            about="665 parameters",
            claim="MNIST: cross entropy 0.0818 (Adam 0.05, 10 epochs); 0.083 in TensorFlow is of another, wider "
            "network",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 0.05), batch_size=128, epochs=10),
        ),
        "quickdraw": Variant(
            builder="NearestNeighborAutoencoder",
            loss="squared_error_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 0.0005), batch_size=128, epochs=50),
            about="the same network with the squared error",
            claim="Quickdraw, 10 classes: squared error 0.0180 (Adam 0.0005, 50 epochs); the text says cross entropy",
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
    differences=(*START, FLOAT32_SLOPE, REPEAT),
)
