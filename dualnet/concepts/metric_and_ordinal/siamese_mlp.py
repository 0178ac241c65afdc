"""A siamese network: one network sees two images, and learns to put like ones close and others apart."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import (
    Array,
    Case,
    Concept,
    Config,
    DataError,
    Dataset,
    Difference,
    Exhibit,
    Initializer,
    Optimizer,
    Probe,
    Recipe,
    Spec,
    Stage,
    Variant,
    each,
)

__all__ = ["CONCEPT", "MARGIN", "SiameseOutput"]

MARGIN = 1.0
"""Pairs of different classes are pushed apart up to this distance; closer than half of it counts as the same."""


class SiameseOutput(NamedTuple):
    """What a siamese network gives: 1 where both are taken for the same, their distance, and both embeddings."""

    same: Any
    distance: Any
    left: Any
    right: Any


# Distinct prime sizes, no zeros, no symmetry; distances on both sides of the margin.
_RNG = np.random.default_rng(61)
_LEFT, _RIGHT = _RNG.normal(size=(2, 7, 3))
_DISTANCE, _SAME = _RNG.uniform(0.1, 1.9, 7), np.array([1, 0, 0, 1, 0, 1, 0])


def _euclidean_distance(left: Array, right: Array) -> Any:
    return np.linalg.norm(left - right, axis=1)


def _contrastive_loss(distance: Array, same: Array, margin: float) -> Any:
    apart = np.maximum(margin - distance, 0.0)
    return np.where(same == 1, distance**2, apart**2).mean()


def _rows(dataset: Dataset, config: Config) -> Dataset:
    """Each row with a partner, in half of the pairs one of its own class; the aim is whether it is."""

    def pairs(images: Array, labels: Array, seed: int) -> tuple[tuple[Array, Array], Array]:
        if labels.dtype != np.int64:
            raise DataError(f"data set {dataset.name!r} has no labels: pairs of the same class need them")
        rng = np.random.default_rng(seed)
        pixels, same = images.reshape(len(images), -1), rng.permutation(len(images)) % 2
        partners = np.empty(len(labels), int)
        for label in np.unique(labels):
            for wanted, rows in ((1, np.flatnonzero(labels == label)), (0, np.flatnonzero(labels != label))):
                chosen = np.flatnonzero((labels == label) & (same == wanted))
                partners[chosen] = rng.choice(rows, len(chosen))
        return (pixels, pixels[partners]), same

    (train_images,), (test_images,) = each(dataset.train_inputs), each(dataset.test_inputs)
    train_inputs, train_targets = pairs(train_images, dataset.train_targets, 0)
    test_inputs, test_targets = pairs(test_images, dataset.test_targets, 1)
    return replace(
        dataset,
        train_inputs=train_inputs,
        train_targets=train_targets,
        test_inputs=test_inputs,
        test_targets=test_targets,
    )


def _exhibits(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """Distances of both kinds of pairs, and the embeddings."""
    paired = _rows(dataset, config)
    found, same = probe(*each(paired.test_inputs)), paired.test_targets
    distances = {
        "same": found["distance"][same == 1],
        "different": found["distance"][same == 0],
    }
    embeddings = found["left"]
    if embeddings.shape[1] == 1:
        embeddings = np.column_stack([embeddings, dataset.test_targets])
    return (
        Exhibit(f"distances, margin {MARGIN:g}", "histogram", distances),
        Exhibit("embeddings, the first two dimensions", "points", {
            "points": embeddings[:, :2], "labels": dataset.test_targets,
        }),
    )  # fmt: skip


_RECIPE = Recipe(data="digits", optimizer=Optimizer("adam", 1e-3, epsilon=1e-4), batch_size=100, epochs=30)

CONCEPT = Concept(
    module=__name__,
    title="Siamese network with the contrastive loss",
    kind="model",
    summary="Two images go through the same weights; the loss pulls pairs of one class together, others apart.",
    sources=(
        "Hadsell, Chopra, LeCun (2006), Dimensionality reduction by learning an invariant mapping, equation 4",
        "Raschka, deeplearning-models, metric/siamese-1 (whose loss ignores the labels; here it is as in the paper)",
    ),
    config={"num_features": 784, "hidden": (256, 256), "embedding": 2, "relu_embedding": False},
    variants={
        "mlp_contrastive": Variant(
            builder="Siamese",
            loss="siamese_loss",
            recipe=_RECIPE,
            about="784-256-256 and a plane to look at",
        ),
        "single_unit": Variant(
            builder="Siamese",
            config={"embedding": 1, "relu_embedding": True},
            loss="siamese_loss",
            recipe=_RECIPE,
            about="784-256-256-1 with a ReLU, as in the source",
            claim="MNIST: cost 0.250 after 5 epochs, which is no contrastive loss: both embeddings stand in it for "
            "label and distance, the labels are never used",
            published=Recipe(data="mnist", optimizer=Optimizer("sgd", 1e-3), batch_size=100, epochs=5),
        ),
    },
    inputs=lambda config: {
        "left": Spec("NF", (config["num_features"],), values="unit"),
        "right": Spec("NF", (config["num_features"],), values="unit"),
    },
    targets=lambda config: Spec("N", classes=2),
    outputs={"same": "N", "distance": "N", "left": "NF", "right": "NF"},
    stages=lambda config: {
        "embedding": Stage("NF", (config["embedding"],)),
    },
    initializers=lambda config: {"weight": Initializer("xavier_uniform"), "bias": Initializer("constant", 0.0)},
    scales={"embedding": 2.0**-5},
    rows=_rows,
    exhibits=_exhibits,
    differences=(
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="Glorot (Xavier) uniform, set on both sides",
        ),
        Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
        Difference(
            "D201",
            "gradient of max(x, 0) at 0, by clamping",
            tf="1",
            torch="0",
            ours="0: both sides take a ReLU",
        ),
        Difference(
            "D205",
            "gradient of a Euclidean norm at 0",
            tf="NaN",
            torch="0",
            ours="0: both sides take the root of what is not 0 alone",
        ),
    ),
    cases=(
        Case(
            "euclidean_distance",
            {"left": _LEFT, "right": _RIGHT},
            _euclidean_distance,
            wrt=("left", "right"),
        ),
        Case(
            "euclidean_distance",
            {"left": _LEFT, "right": _LEFT},
            _euclidean_distance,
            wrt=("left", "right"),
            label="equal",
            smooth=False,
            gradients={"left": np.zeros((7, 3)), "right": np.zeros((7, 3))},
        ),
        Case(
            "contrastive_loss",
            {"distance": _DISTANCE, "same": _SAME, "margin": 1.0},
            _contrastive_loss,
            wrt=("distance",),
        ),
        Case(
            "contrastive_loss",
            {"distance": _DISTANCE, "same": _SAME, "margin": 0.5},
            _contrastive_loss,
            wrt=("distance",),
            label="narrow",
        ),
        Case(
            "contrastive_loss",
            {"distance": np.array([0.5, 0.5, 0.0]), "same": np.array([0, 1, 0]), "margin": 0.5},
            _contrastive_loss,
            wrt=("distance",),
            label="at_margin",
            smooth=False,
            gradients={"distance": np.array([0.0, 1.0, -1.0]) / 3},
        ),
    ),
)
