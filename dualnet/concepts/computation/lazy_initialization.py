"""Lazy initialisation: the sizes of parameters are found when the first batch comes, not when layers are made."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "HIDDEN", "Sizes"]

HIDDEN = 7
"""Units of the hidden layer."""


class Sizes(NamedTuple):
    """What is known of two dense layers, all int64."""

    before: Any
    """(): how many numbers they learn before anything has passed."""
    hidden: Any
    """(2,): units and inputs of the first, afterwards."""
    output: Any
    """(2,): of the second."""
    after: Any
    """(): how many numbers they learn."""


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(43)
_X, _NEXT = _RNG.normal(size=(5, 3)), _RNG.normal(size=(2, 3))
_WEIGHT, _BIAS = _RNG.normal(size=(7, 3)), _RNG.normal(size=7)
_GOAL = _RNG.normal(size=(5, 7))


def _sizes(features: int, classes: int) -> Sizes:
    count = (features + 1) * HIDDEN + (HIDDEN + 1) * classes
    return Sizes(*map(np.array, (0, (HIDDEN, features), (classes, HIDDEN), count)))


def _dense(x: Array, weight: Array, bias: Array) -> Array:
    found: Array = x @ weight.T + bias
    return found


def _step(x: Array, target: Array, learning_rate: float) -> Array:
    """From weights of 0 and a bias of 0."""
    found: Array = learning_rate * target.T @ x
    return found


CONCEPT = Concept(
    module=__name__,
    title="Deferred (lazy) shape inference",
    kind="procedure",
    summary="A layer need not be told the size of its input: it creates its parameters when the first batch comes.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 6.4",),
    differences=(
        Difference("D008", "layout of a dense weight", tf="(in, out)", torch="(out, in)", ours="(out, in)"),
        Difference(
            "D155",
            "precision of the learning rate",
            tf="float32 inside the optimizer",
            torch="double",
            ours="a rate that float32 has exactly",
        ),
        Difference(
            "X-lazy-layers",
            "layers that are not told their inputs",
            tf="all of them",
            torch="the Lazy ones, which become ordinary ones at the first call",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    layer = keras.layers.Dense(3)
                    before = type(layer)
                    layer(x)
                    type(layer) is before
                """,
                torch="""
                    layer = torch.nn.LazyLinear(3)
                    before = type(layer)
                    layer(x)
                    type(layer) is before
                """,
            ),
        ),
        Difference(
            "X-lazy-parameters",
            "the parameters before the first call",
            tf="there are none: the list is empty",
            torch="they exist without shape, and count as uninitialised",
            ours="none is counted",
            demo=Demo(
                tf="len(keras.layers.Dense(3).weights)",
                torch="len(list(torch.nn.LazyLinear(3).parameters()))",
            ),
        ),
        Difference(
            "X-layer-build",
            "where a layer of one's own creates its parameters",
            tf="in build, which is called with the shape of the input",
            torch="in initialize_parameters, which is called with the input",
            ours="as each side is used to",
        ),
        Difference(
            "X-lazy-optimizer",
            "an optimizer made before the first call",
            tf="is told the parameters at its first step",
            torch="may hold parameters without shape, which are filled in place; nothing may be asked of them before",
            ours="made after a dry run",
            demo=Demo(
                tf="""
                    layer = keras.layers.Dense(3)
                    optimizer = keras.optimizers.SGD(0.1)
                    optimizer.built
                """,
                torch="""
                    layer = torch.nn.LazyLinear(3)
                    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
                    len(optimizer.param_groups[0]["params"]) > 0
                """,
            ),
        ),
    ),
    cases=(
        Case("lazy_modules", {"x": _X, "classes": 2}, lambda x, classes: _sizes(x.shape[1], classes)),
        Case(
            "lazy_modules",
            {"x": _X.T.copy(), "classes": 11},
            lambda x, classes: _sizes(5, classes),
            label="other_sizes",
        ),
        Case("lazy_modules", {"x": _X[:0], "classes": 2}, lambda x, classes: _sizes(3, classes), label="no_row"),
        Case("build_on_call", {"x": _X, "weight": _WEIGHT, "bias": _BIAS}, _dense),
        Case("build_on_call", {"x": _X, "weight": _WEIGHT.T.copy(), "bias": _BIAS}, raises=ValueError, label="misfit"),
        Case("step_after_dry_run", {"x": _X, "target": _GOAL, "learning_rate": 0.25}, _step),
    ),
)
