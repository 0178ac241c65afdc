"""What the ordinal networks share: backbones, outputs, rows, and what there is to see of them. NumPy only."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from dualnet.concepts.modern_convnets.alexnet import CONCEPT as ALEXNET
from dualnet.concepts.modern_convnets.resnet import CONCEPT as RESNET
from dualnet.interface import (
    Array,
    Concept,
    Config,
    Dataset,
    Difference,
    Exhibit,
    Initializer,
    Optimizer,
    Probe,
    Recipe,
    Spec,
    Stage,
    each,
)

__all__ = [
    "CONFIG",
    "DIFFERENCES",
    "EPSILON",
    "MOMENTUM",
    "ON_DIGITS",
    "PUBLISHED",
    "RESNET34",
    "TABLE_RECIPE",
    "ExpectedRank",
    "OrdinalOutput",
    "backbone_stages",
    "buffers",
    "exhibits",
    "initializers",
    "inputs",
    "levels",
    "rows",
    "targets",
]

EPSILON = 1e-5
"""Added to the variance in batch normalization."""
MOMENTUM = 0.1
"""Weight of the newest batch in the running statistics of batch normalization."""


class OrdinalOutput(NamedTuple):
    """What an ordinal network gives: the rank, the probability of being above each of the K - 1 lower ranks, logits."""

    rank: Any
    probabilities: Any
    logits: Any


class ExpectedRank(NamedTuple):
    """An `OrdinalOutput` whose rank is a rounded expectation."""

    rank: Any
    probabilities: Any
    logits: Any
    expectation: Any


CONFIG: Config = {
    "backbone": "mlp",
    "num_features": 10,
    "hidden": (300, 300),
    "num_classes": 5,
    "dropout": 0.2,
    "batch_norm": True,
    "negative_slope": 0.01,
    "in_channels": 1,
    "image_size": 28,
    "layers": (3, 4, 6, 3),
    "channels": (64, 128, 256, 512),
    "pool": "global",
}
TABLE_RECIPE = Recipe(data="diabetes", optimizer=Optimizer("adam", 0.01), batch_size=128, epochs=50)
ON_DIGITS: Mapping[str, Any] = {
    "config": {"num_features": 784, "hidden": (128,), "num_classes": 10, "batch_norm": False},
    "recipe": Recipe(data="digits", optimizer=Optimizer("adam", 0.001, epsilon=1e-4), batch_size=64, epochs=15),
    "about": "images whose label is their rank",
}
RESNET34: Mapping[str, Any] = {
    "config": {"backbone": "resnet", "num_classes": 10},
    "recipe": Recipe(data="digits", optimizer=Optimizer("adam", 5e-4, epsilon=1e-4), batch_size=128, epochs=5),
    "small": {
        "in_channels": 3, "image_size": 26, "num_classes": 5, "layers": (1, 2), "channels": (5, 7), "pool": "padded",
    },
}  # fmt: skip
PUBLISHED: Config = {"in_channels": 3, "image_size": 120, "num_classes": 22, "pool": "padded"}
"""Settings of a ResNet-34 in the source: faces of 22 ages (AFAD-Lite), too large for every day."""
IMAGE_NETWORKS: Mapping[str, Concept] = {"resnet": RESNET, "alexnet": ALEXNET}
"""The backbones that see images."""
DIFFERENCES = (
    Difference(
        "D030",
        "epsilon of batch normalization",
        tf="1e-3 by default",
        torch="1e-5 by default",
        ours="1e-5 on both sides",
    ),
    Difference(
        "D031",
        "momentum of batch normalization",
        tf="weight of the old statistics, 0.99",
        torch="weight of the new statistics, 0.1",
        ours="0.1 for the new ones: 0.9 in Keras' sense",
    ),
    Difference(
        "D033",
        "running variance of batch normalization",
        tf="biased, divided by n",
        torch="unbiased, divided by n - 1",
        ours="unbiased; both normalise with the biased one",
    ),
    Difference(
        "D051",
        "initial kernels of dense layers",
        tf="Glorot uniform",
        torch="uniform, bounded by 1/sqrt(fan_in)",
        ours="Glorot (Xavier) uniform, set on both sides",
    ),
    Difference("D052", "initial biases", tf="zeros", torch="uniform", ours="zeros, set on both sides"),
    Difference(
        "D199",
        "slope of a leaky ReLU in float64",
        tf="rounded to float32 on its way into the operation",
        torch="exact",
        ours="exact: the TensorFlow side writes the function out",
    ),
)


def inputs(config: Config) -> dict[str, Spec]:
    """Rows of numbers, or images."""
    if config["backbone"] in IMAGE_NETWORKS:
        return {"images": Spec("NCHW", (config["in_channels"], config["image_size"], config["image_size"]))}
    return {"features": Spec("NF", (config["num_features"],))}


def targets(config: Config) -> Spec:
    """Ranks 0 .. num_classes - 1."""
    return Spec("N", classes=config["num_classes"])


def backbone_stages(config: Config) -> dict[str, Stage]:
    """The hidden layers of a multilayer perceptron, or the stages of an image network, without its output layer."""
    name = config["backbone"]
    if name not in IMAGE_NETWORKS:
        return {f"mlp.{i}": Stage("NF", (units,)) for i, units in enumerate(config["hidden"])}
    *found, _ = IMAGE_NETWORKS[name].stages(_settings(config)).items()
    return {f"{name}.{stage}": shape for stage, shape in found}


def initializers(config: Config) -> dict[str, Initializer]:
    """Of the backbone, and of a dense layer named output or score."""
    xavier, zero = Initializer("xavier_uniform"), Initializer("constant", 0.0)
    found = {"weight": xavier, "norm.weight": Initializer("constant", 1.0), "bias": zero}
    if config["backbone"] in IMAGE_NETWORKS:
        found = dict(IMAGE_NETWORKS[config["backbone"]].initializers(_settings(config)))
    return {**found, "output.weight": xavier, "score.weight": xavier}


def buffers(config: Config) -> bool:
    """Whether there is batch normalization."""
    return bool({"mlp": config["batch_norm"], "resnet": True}.get(config["backbone"], False))


def _settings(config: Config) -> dict[str, Any]:
    """All settings of an image network, where these do not say them those of its first variant."""
    network = IMAGE_NETWORKS[config["backbone"]]
    return network.settings(None, {name: value for name, value in config.items() if name in network.config})


def levels(labels: Array, num_classes: int) -> Array:
    """Whether each label is above each of the lower ranks: (N, num_classes - 1), bool."""
    above = [[label > k for k in range(num_classes - 1)] for label in labels]
    return np.array(above, bool).reshape(-1, num_classes - 1)


def rows(dataset: Dataset, config: Config) -> Dataset:
    """Rows of a table as they are, images too where the backbone sees them, else rows of pixels (channels first)."""
    if config["backbone"] in IMAGE_NETWORKS:
        return dataset
    train, test = (array.reshape(len(array), -1) for (array,) in map(each, (dataset.train_inputs, dataset.test_inputs)))
    return replace(dataset, train_inputs=train, test_inputs=test)


def exhibits(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    """Errors by rank, and the mean probability of being above each rank."""
    (features,), ranks = each(rows(dataset, config).test_inputs), dataset.test_targets
    found = probe(features)
    errors = (found["rank"] - ranks).astype(np.float64)
    by_rank = [errors[ranks == rank] for rank in range(config["num_classes"])]
    rising = (np.diff(found["probabilities"], axis=1) > 0).any(axis=1).mean()
    mae, rmse = np.abs(errors).mean(), np.sqrt(np.square(errors).mean())
    return (
        Exhibit(
            f"error by rank; MAE {mae:.3f}, RMSE {rmse:.3f} in all",
            "bars",
            {
                "MAE": np.array([np.abs(part).mean() if part.size else 0.0 for part in by_rank]),
                "RMSE": np.array([np.sqrt(np.square(part).mean()) if part.size else 0.0 for part in by_rank]),
            },
        ),
        Exhibit(
            f"probability of being above a rank; inconsistent in {rising:.1%} of the rows",
            "bars",
            {
                "predicted": found["probabilities"].mean(axis=0),
                "true": levels(ranks, config["num_classes"]).mean(axis=0),
            },
        ),
    )
