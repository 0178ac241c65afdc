"""Ordinal regression by K - 1 yes-or-no questions: is the rank above this one."""

from typing import Any

import numpy as np

from dualnet.concepts.metric_and_ordinal._ordinal import (
    CONFIG,
    DIFFERENCES,
    EPSILON,
    MOMENTUM,
    ON_DIGITS,
    RESNET34,
    TABLE_RECIPE,
    OrdinalOutput,
    backbone_stages,
    buffers,
    exhibits,
    initializers,
    inputs,
    levels,
    rows,
    targets,
)
from dualnet.interface import Array, Case, Concept, Config, Optimizer, Recipe, Stage, Variant

__all__ = ["CONCEPT", "EPSILON", "MOMENTUM", "PUBLISHED", "OrdinalOutput"]

PUBLISHED: Config = {
    "in_channels": 3,
    "image_size": 120,
    "num_classes": 22,
    "channels": (64, 192, 384, 256, 256),
    "pooled_size": 6,
    "hidden": (4096, 4096),
}
"""Settings of the AlexNet in the source: faces of 22 ages (AFAD-Lite), too large for every day."""

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(53)
_LOGITS, _LABELS = _RNG.normal(size=(7, 4, 2)), np.array([3, 0, 4, 1, 2, 4, 0])


def _pairwise_cross_entropy(logits: Array, labels: Array) -> Any:
    log_softmax = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    above = levels(labels, logits.shape[1] + 1)
    return -np.where(above, log_softmax[..., 1], log_softmax[..., 0]).sum(axis=1).mean()


CONCEPT = Concept(
    module=__name__,
    title="Ordinal regression by K - 1 binary outputs",
    kind="model",
    summary="Is the rank above 0, above 1, ...? A two-class softmax of its own answers each question.",
    sources=(
        "Niu, Zhou, Wang, Gao, Hua (2016), Ordinal regression with multiple output CNN for age estimation, section 3",
        "Raschka, deeplearning-models, ordinal/ordinal-cnn-niu-afadlite",
    ),
    config={**CONFIG, "pooled_size": 3},
    variants={
        "mlp": Variant(
            builder="NiuOrdinal",
            loss="niu_loss",
            recipe=TABLE_RECIPE,
            loss_scale=16.0,
            about="ten columns of a table",
        ),
        "digits": Variant(builder="NiuOrdinal", loss="niu_loss", **ON_DIGITS),
        "alexnet": Variant(
            builder="NiuOrdinal",
            config={
                "backbone": "alexnet",
                "image_size": 95,
                "channels": (16, 24, 32, 24, 24),
                "hidden": (48, 40),
                "dropout": 0.5,
                "num_classes": 10,
            },
            loss="niu_loss",
            recipe=RESNET34["recipe"],
            loss_scale=100.0,
            about="images; in AlexNet's full widths, 57,175,914 parameters on faces of 22 ages",
            claim="AFAD-Lite, 22 ages: MAE 3.91, RMSE 5.40; 0.65 and 1.13 in training (Adam 0.0005, batches of 512, "
            "150 epochs); told to be a ResNet-34's, the notebook builds an AlexNet",
            published=Recipe(
                data="folder", optimizer=Optimizer("adam", 5e-4), batch_size=512, epochs=150, config=PUBLISHED
            ),
        ),
        "resnet34": Variant(
            builder="NiuOrdinal",
            loss="niu_loss",
            loss_scale=16.0,
            **RESNET34,
            about="images, as CORAL sees them",
        ),
    },
    inputs=inputs,
    targets=targets,
    outputs={"rank": "N", "probabilities": "NK", "logits": "NKT"},
    stages=lambda config: {**backbone_stages(config), "output": Stage("NF", (2 * (config["num_classes"] - 1),))},
    initializers=initializers,
    scales={"output": 2.0**-5},
    buffers=buffers,
    metric="mean_absolute_error",
    rows=rows,
    exhibits=exhibits,
    differences=DIFFERENCES,
    cases=(
        Case(
            "pairwise_cross_entropy", {"logits": _LOGITS, "labels": _LABELS}, _pairwise_cross_entropy, wrt=("logits",)
        ),
        Case(
            "pairwise_cross_entropy",
            {"logits": _LOGITS + 1e3, "labels": _LABELS},
            _pairwise_cross_entropy,
            wrt=("logits",),
            label="shifted",
        ),
    ),
)
