"""Conditional variational autoencoder: encoder and decoder are told the label, so that it can be chosen."""

from dualnet.concepts.autoencoders._common import (
    FLOAT32_SLOPE,
    GAUSSIAN_SCALES,
    INITIALIZERS,
    ONE_HOT,
    START,
    Variational,
    VariationalLoss,
    conditional_exhibits,
    labelled_pixels,
)
from dualnet.interface import Concept, Config, Optimizer, Recipe, Spec, Stage, Variant

__all__ = ["CONCEPT", "Variational", "VariationalLoss"]


def _target(config: Config) -> Spec:
    labels = config["label_in_reconstruction"] * config["num_classes"]
    return Spec("NF", (config["num_features"] + labels,), values="unit")


def _stages(config: Config) -> dict[str, Stage]:
    return {
        "encoder": Stage("NF", (config["hidden"],)),
        "mean": Stage("NF", (config["latent"],)),
        "log_variance": Stage("NF", (config["latent"],)),
        "decoder": Stage("NF", _target(config).shape),
    }


_RECIPE = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50)

CONCEPT = Concept(
    module=__name__,
    title="Conditional VAE, with and without labels in the reconstruction loss",
    kind="model",
    summary="Encoder and decoder get the label beside the image and the code: the code keeps the style alone.",
    sources=(
        "Sohn, Lee, Yan (2015), Learning structured output representation using deep conditional generative models",
        "Raschka, deeplearning-models, autoencoder/ae-cvae and ae-cvae_no-out-concat",
    ),
    config={
        "num_features": 784,
        "hidden": 500,
        "latent": 35,
        "num_classes": 10,
        "label_in_reconstruction": True,
        "negative_slope": 0.0001,
    },
    variants={
        "label_in_reconstruction": Variant(
            builder="ConditionalVariationalAutoencoder",
            loss="variational_loss",
            recipe=_RECIPE,
            about="the decoder gives 794 values, 853,364 parameters",
            claim="MNIST: 12,191 nats per batch of 128 (Adam 0.001, 50 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            loss_scale=4096.0,
        ),
        "no_label_in_reconstruction": Variant(
            builder="ConditionalVariationalAutoencoder",
            config={"label_in_reconstruction": False},
            loss="variational_loss",
            recipe=_RECIPE,
            about="the decoder gives 784 values, 848,354 parameters",
            claim="MNIST: 12,619 nats per batch of 128 (Adam 0.001, 50 epochs)",
            published=Recipe(data="mnist", optimizer=Optimizer("adam", 1e-3), batch_size=128, epochs=50),
            loss_scale=4096.0,
        ),
    },
    inputs=lambda config: {
        "pixels": Spec("NF", (config["num_features"],), values="unit"),
        "labels": Spec("N", classes=config["num_classes"]),
        "noise": Spec("NF", (config["latent"],), values="noise"),
    },
    targets=_target,
    outputs={"reconstruction": "NF", "mean": "NF", "log_variance": "NF", "latent": "NF", "logits": "NF"},
    stages=_stages,
    initializers=lambda config: INITIALIZERS,
    scales=GAUSSIAN_SCALES,
    metric="mean_squared_error",
    rows=labelled_pixels,
    exhibits=conditional_exhibits,
    differences=(*START, FLOAT32_SLOPE, ONE_HOT),
)
