"""A convolutional autoencoder: pooling shrinks the maps, transposed convolutions let them grow again."""

from dualnet.concepts.autoencoders._common import (
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
        "encoder.0": Stage("NCHW", (first, 28, 28)),
        "encoder.1": Stage("NCHW", (second, 14, 14)),
        "decoder.0": Stage("NCHW", (first, 15, 15)),
        "decoder.1": Stage("NCHW", (config["in_channels"], 31, 31)),
    }


def _images(config: Config) -> Spec:
    return Spec("NCHW", (config["in_channels"], IMAGE_SIZE, IMAGE_SIZE), values="unit")


CONCEPT = Concept(
    module=__name__,
    title="Convolutional autoencoder with transposed convolutions",
    kind="model",
    summary="Two convolutions with pooling make the code, two transposed convolutions draw the image from it.",
    sources=(
        "Masci, Meier, Ciresan, Schmidhuber (2011), Stacked convolutional auto-encoders for hierarchical features",
        "Raschka, deeplearning-models, autoencoder/ae-conv-deconv",
    ),
    config={"in_channels": 1, "channels": (4, 8), "negative_slope": 0.01},
    variants={
        "pool_deconv_crop": Variant(
            builder="DeconvolutionalAutoencoder",
            loss="reconstruction_loss",
            recipe=Recipe(data="digits", optimizer=Optimizer("adam", 0.005), batch_size=128, epochs=30),
            about="28-14-7-15-31, cropped to 28; 665 parameters",
            claim="MNIST: cross entropy 0.0959 (Adam 0.005, 10 epochs); 0.084 in TensorFlow is of another, wider "
            "network, 28-14-7-14-28",
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
    differences=(*START, FLOAT32_SLOPE),
)
