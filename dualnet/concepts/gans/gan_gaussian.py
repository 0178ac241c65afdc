"""A generative adversarial network in its smallest form: a linear generator learns a Gaussian in the plane."""

from typing import Any

import numpy as np

from dualnet.concepts.gans._common import LABELS, Adversarial, AdversarialLoss, binary_cross_entropy, told_apart
from dualnet.interface import (
    Array,
    Case,
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
    Variant,
    each,
)

__all__ = ["CONCEPT", "DEVIATION", "Adversarial", "AdversarialLoss"]

DEVIATION = 0.02
"""Standard deviation of the initial parameters, biases included."""
SHOWN = 300
"""Points in a picture."""

# Distinct prime sizes, no zeros, no symmetry.
_LOGITS = 3.0 * np.random.default_rng(61).normal(size=11)


def _summed(logits: Array, target: float) -> Any:
    return binary_cross_entropy(logits, target).sum()


def _watch(probe: Probe, config: Config) -> Exhibit:
    noise = np.random.default_rng(0).normal(size=(SHOWN, config["latent"])).astype(np.float32)
    points = probe(noise, part="generator", axes="NF", output="generated")["generated"]
    return Exhibit("points from the same noise", "points", {"points": points[:, :2]})


def _exhibits(probe: Probe, dataset: Dataset, config: Config) -> tuple[Exhibit, ...]:
    real, generated = each(dataset.test_inputs)[0][:SHOWN, :2], _watch(probe, config).arrays["points"]
    labels = np.repeat([0, 1], [len(real), len(generated)])
    points = np.concatenate([real, generated])
    return (Exhibit("data (0), generated (1)", "points", {"points": points, "labels": labels}),)


CONCEPT = Concept(
    module=__name__,
    title="GAN on a two-dimensional Gaussian",
    kind="model",
    summary="A generator turns noise into points, a discriminator tells them from data; each learns against the other.",
    sources=(
        "Goodfellow et al. (2014), Generative adversarial nets, section 3 and algorithm 1",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 20.1",
    ),
    config={"num_features": 2, "latent": 2, "hidden": (5, 3)},
    variants={
        "linear_g_mlp_d": Variant(
            builder="GaussianGAN",
            loss="adversarial_loss",
            step="alternate",
            players={"discriminator": 1.0, "generator": 0.1},
            recipe=Recipe(data="gaussian", optimizer=Optimizer("adam", 0.05), batch_size=8, epochs=20),
            about="a linear generator with rate 0.005, a discriminator 2-5-3-1 with rate 0.05",
            loss_scale=8.0,
        ),
    },
    inputs=lambda config: {
        "points": Spec("NF", (config["num_features"],)),
        "noise": Spec("NF", (config["latent"],), values="noise"),
    },
    targets=lambda config: LABELS,
    outputs={"logits": "NK", "generated": "NF"},
    stages=lambda config: {
        "generator": Stage("NF", (config["num_features"],)),
        **{f"discriminator.hidden.{i}": Stage("NF", (units,)) for i, units in enumerate(config["hidden"])},
    },
    initializers=lambda config: {
        "weight": Initializer("normal", DEVIATION),
        "bias": Initializer("normal", DEVIATION),
    },
    rows=lambda dataset, config: told_apart(dataset),
    watch=_watch,
    exhibits=_exhibits,
    differences=(
        Difference(
            "D051",
            "initial kernels of dense layers",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="normal, deviation 0.02, set on both sides",
        ),
        Difference(
            "D052",
            "initial biases",
            tf="zeros",
            torch="uniform",
            ours="normal, deviation 0.02, set on both sides",
        ),
        Difference(
            "D124",
            "summed losses",
            tf="Keras' losses take the mean over the last axis before they sum",
            torch="reduction='sum' sums all elements",
            ours="the sum over the batch",
        ),
    ),
    cases=(
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": 1.0}, _summed, wrt=("logits",), label="real"),
        Case("binary_cross_entropy", {"logits": _LOGITS, "target": 0.0}, _summed, wrt=("logits",), label="generated"),
        Case(
            "binary_cross_entropy",
            {"logits": np.array([0.0, 800.0, -800.0]), "target": 1.0},
            _summed,
            wrt=("logits",),
            label="saturated",
            smooth=False,
            gradients={"logits": np.array([-0.5, 0.0, -1.0])},
        ),
        Case("binary_cross_entropy", {"logits": np.empty(0), "target": 1.0}, _summed, label="no_rows"),
    ),
)
