"""Ordinal regression by a learnt expectation over class probabilities, with a squared error."""

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
    ExpectedRank,
    backbone_stages,
    buffers,
    exhibits,
    initializers,
    inputs,
    rows,
    targets,
)
from dualnet.interface import Array, Case, Concept, Demo, Difference, Initializer, Optimizer, Recipe, Stage, Variant

__all__ = ["CONCEPT", "EPSILON", "MOMENTUM", "PUBLISHED", "ExpectedRank"]

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(59)
_LOGITS, _WEIGHTS = _RNG.normal(size=(7, 5)), _RNG.normal(size=5)
_PROBABILITIES = _RNG.dirichlet(np.ones(5), size=7)


def _expected_rank(logits: Array, rank_weights: Array) -> Any:
    probabilities = np.exp(logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True))
    return (logits.shape[1] - 1) / (1 + np.exp(-probabilities @ rank_weights))


def _above(class_probabilities: Array) -> Any:
    return np.stack([class_probabilities[:, k:].sum(axis=1) for k in range(1, class_probabilities.shape[1])], axis=1)


CONCEPT = Concept(
    module=__name__,
    title="Ordinal regression by the expected class",
    kind="model",
    summary="Class probabilities are weighted by learnt numbers and squeezed into the range of the ranks.",
    sources=(
        "Beckham, Pal (2016), A simple squared-error reformulation for ordinal classification, section 2",
        "Raschka, deeplearning-models, ordinal/ordinal-cnn-beckham2016-afadlite",
    ),
    config=CONFIG,
    variants={
        "mlp": Variant(
            builder="BeckhamOrdinal",
            loss="beckham_loss",
            recipe=TABLE_RECIPE,
            about="ten columns of a table",
        ),
        "digits": Variant(builder="BeckhamOrdinal", loss="beckham_loss", loss_scale=16.0, **ON_DIGITS),
        "resnet34": Variant(
            builder="BeckhamOrdinal",
            loss="beckham_loss",
            **RESNET34,
            about="images; 21,329,772 parameters on faces of 22 ages",
            claim="AFAD-Lite, 22 ages: MAE 3.40, RMSE 4.61; 0.90 and 1.23 in training (Adam 0.0005, batches of 512, "
            "150 epochs)",
            published=Recipe(
                data="folder", optimizer=Optimizer("adam", 5e-4), batch_size=512, epochs=150, config=PUBLISHED
            ),
        ),
    },
    inputs=inputs,
    targets=targets,
    outputs={"rank": "N", "probabilities": "NK", "logits": "NK", "expectation": "N"},
    stages=lambda config: {**backbone_stages(config), "output": Stage("NK", (config["num_classes"],))},
    initializers=lambda config: {**initializers(config), "rank_weights": Initializer("normal", 0.1)},
    scales={"output": 2.0**-5, "rank_weights": 2.0**3},
    buffers=buffers,
    metric="mean_absolute_error",
    rows=rows,
    exhibits=exhibits,
    differences=(
        *DIFFERENCES,
        Difference(
            "X-cumsum-reverse",
            "a cumulative sum from the end",
            tf="tf.cumsum(reverse=True, exclusive=True)",
            torch="none: flip, cumsum, flip",
            ours="the sum of all later elements on both sides",
            demo=Demo(
                tf="tf.cumsum(v, reverse=True, exclusive=True)",
                torch="torch.cumsum(v, 0, reverse=True, exclusive=True)",
            ),
        ),
    ),
    cases=(
        Case(
            "expected_rank",
            {"logits": _LOGITS, "rank_weights": _WEIGHTS},
            _expected_rank,
            wrt=("logits", "rank_weights"),
        ),
        Case(
            "expected_rank",
            {"logits": _LOGITS + 64.0, "rank_weights": _WEIGHTS},
            _expected_rank,
            wrt=("logits", "rank_weights"),
            label="shifted",
        ),
        Case("above", {"class_probabilities": _PROBABILITIES}, _above, wrt=("class_probabilities",)),
    ),
)
