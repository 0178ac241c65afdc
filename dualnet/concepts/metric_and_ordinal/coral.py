"""CORAL: one weight vector and K - 1 biases, so that no threshold contradicts another."""

from typing import Any

import numpy as np

from dualnet.concepts.metric_and_ordinal._ordinal import (
    CONFIG,
    DIFFERENCES,
    EPSILON,
    MOMENTUM,
    ON_DIGITS,
    PUBLISHED,
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
from dualnet.interface import Array, Case, Concept, Initializer, Optimizer, Recipe, Stage, Variant

__all__ = ["CONCEPT", "EPSILON", "MOMENTUM", "PUBLISHED", "OrdinalOutput"]

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(47)
_LOGITS, _LABELS = _RNG.normal(size=(7, 4)), np.array([3, 0, 4, 1, 2, 4, 0])


def _cumulative_cross_entropy(logits: Array, labels: Array) -> Any:
    losses = np.logaddexp(0.0, logits) - levels(labels, logits.shape[1] + 1) * logits
    return losses.sum(axis=1).mean()


CONCEPT = Concept(
    module=__name__,
    title="CORAL ordinal regression",
    kind="model",
    summary="Is the rank above 0, above 1, ...? One score answers all, compared with a threshold for each question.",
    sources=(
        "Cao, Mirjalili, Raschka (2020), Rank consistent ordinal regression for neural networks, sections 3.2 to 3.4",
        "Raschka, deeplearning-models, ordinal/ordinal-cnn-coral-afadlite and coral-mlp-cement",
    ),
    config=CONFIG,
    variants={
        "mlp": Variant(
            builder="Coral",
            loss="coral_loss",
            recipe=TABLE_RECIPE,
            loss_scale=16.0,
            about="ten columns of a table",
        ),
        "digits": Variant(builder="Coral", loss="coral_loss", **ON_DIGITS),
        "resnet34": Variant(
            builder="Coral",
            loss="coral_loss",
            loss_scale=16.0,
            **RESNET34,
            about="images; 21,286,741 parameters on faces of 22 ages",
            claim="AFAD-Lite, 22 ages: MAE 3.38, RMSE 4.71; 0.55 and 0.88 in training (Adam 0.0005, batches of 512, "
            "150 epochs)",
            published=Recipe(
                data="folder", optimizer=Optimizer("adam", 5e-4), batch_size=512, epochs=150, config=PUBLISHED
            ),
        ),
    },
    inputs=inputs,
    targets=targets,
    outputs={"rank": "N", "probabilities": "NK", "logits": "NK"},
    stages=lambda config: {**backbone_stages(config), "head": Stage("NK", (config["num_classes"] - 1,))},
    initializers=lambda config: {**initializers(config), "head.bias": Initializer("descending")},
    scales={"score": 2.0**-5},
    buffers=buffers,
    metric="mean_absolute_error",
    rows=rows,
    exhibits=exhibits,
    differences=DIFFERENCES,
    cases=(
        Case("levels", {"labels": _LABELS, "num_classes": 5}, levels),
        Case("levels", {"labels": _LABELS[:0], "num_classes": 5}, levels, label="no_rows"),
        Case("levels", {"labels": np.array([0, 1]), "num_classes": 2}, levels, label="two_ranks"),
        Case(
            "cumulative_cross_entropy",
            {"logits": _LOGITS, "labels": _LABELS},
            _cumulative_cross_entropy,
            wrt=("logits",),
        ),
        Case(
            "cumulative_cross_entropy",
            {"logits": 1e6 * _LOGITS, "labels": _LABELS},
            _cumulative_cross_entropy,
            wrt=("logits",),
            label="saturated",
            smooth=False,
            gradients={"logits": ((_LOGITS > 0).astype(np.float64) - levels(_LABELS, 5)) / 7},
        ),
    ),
)
