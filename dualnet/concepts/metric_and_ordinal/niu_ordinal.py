"""Ordinal regression by K - 1 yes-or-no questions: is the rank above this one."""

from typing import Any

import numpy as np

from dualnet.concepts.metric_and_ordinal._ordinal import (
    CONFIG,
    DIFFERENCES,
    EPSILON,
    INITIALIZERS,
    MOMENTUM,
    ON_DIGITS,
    TABLE_RECIPE,
    OrdinalOutput,
    exhibits,
    hidden_stages,
    inputs,
    levels,
    rows,
    targets,
)
from dualnet.interface import Array, Case, Concept, Stage, Variant

__all__ = ["CONCEPT", "EPSILON", "MOMENTUM", "OrdinalOutput"]

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
    config=CONFIG,
    variants={
        "mlp": Variant(
            builder="NiuOrdinal",
            loss="niu_loss",
            recipe=TABLE_RECIPE,
            loss_scale=16.0,
            about="ten columns of a table; the source's AlexNet reports MAE 3.91, RMSE 5.40 on AFAD-Lite (22 ages)",
        ),
        "digits": Variant(builder="NiuOrdinal", loss="niu_loss", **ON_DIGITS),
    },
    inputs=inputs,
    targets=targets,
    outputs={"rank": "N", "probabilities": "NK", "logits": "NKT"},
    stages=lambda config: {**hidden_stages(config), "output": Stage("NF", (2 * (config["num_classes"] - 1),))},
    initializers=lambda config: INITIALIZERS,
    scales={"output": 2.0**-5},
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
