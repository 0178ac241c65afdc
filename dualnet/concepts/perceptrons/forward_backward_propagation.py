"""Forward and backward: every value on the way to the objective, and every gradient on the way back."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Gradients", "Values"]


class Values(NamedTuple):
    """What the forward pass computes, in this order."""

    hidden_score: Any
    """(H,): z."""
    hidden: Any
    """(H,): h."""
    output: Any
    """(K,): o."""
    loss: Any
    """(): L."""
    penalty: Any
    """(): s."""
    objective: Any
    """(): J."""


class Gradients(NamedTuple):
    """The gradient of the objective by each value, in the order of the backward pass; each in its value's shape."""

    loss: Any
    penalty: Any
    output: Any
    targets: Any
    output_weight: Any
    hidden: Any
    hidden_score: Any
    hidden_weight: Any
    inputs: Any


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(83)


def _given(inputs: int, hidden: int, outputs: int, decay: float) -> dict[str, Any]:
    return {
        "inputs": _RNG.normal(size=inputs),
        "targets": _RNG.normal(size=outputs),
        "hidden_weight": _RNG.normal(size=(hidden, inputs)),
        "output_weight": _RNG.normal(size=(outputs, hidden)),
        "decay": decay,
    }


_CASES = {
    "": _given(5, 7, 3, 0.3),
    "no_decay": _given(5, 7, 3, 0.0),
    "one_unit": _given(2, 1, 1, 0.3),
    "no_signal": {**_given(5, 7, 3, 0.3), "inputs": np.zeros(5)},
}


# --- the third opinion: each value is moved a little along the imaginary axis, and what follows is computed ---------


def _values(
    inputs: Array, targets: Array, hidden_weight: Array, output_weight: Array, decay: float, **moved: Array
) -> Values:
    z = hidden_weight @ inputs + moved.get("hidden_score", 0)
    h = np.tanh(z) + moved.get("hidden", 0)
    o = output_weight @ h + moved.get("output", 0)
    loss = ((o - targets) ** 2).sum() / 2 + moved.get("loss", 0)
    penalty = decay / 2 * ((hidden_weight**2).sum() + (output_weight**2).sum()) + moved.get("penalty", 0)
    return Values(z, h, o, loss, penalty, loss + penalty)


def _gradients(**given: Any) -> Gradients:
    """The derivative of f at x is the imaginary part of f(x + ih) / h, to the last digit (Squire & Trapp 1998)."""
    shapes = {**_values(**given)._asdict(), **given}
    found = {}
    for name in Gradients._fields:
        gradient = np.zeros(np.shape(shapes[name]))
        for index in np.ndindex(gradient.shape):
            step = np.zeros(gradient.shape, complex)
            step[index] = 1e-30j
            moved = {name: given[name] + step} if name in given else {name: step}
            gradient[index] = _values(**{**given, **moved}).objective.imag / 1e-30
        found[name] = gradient
    return Gradients(**found)


# --- pictures ------------------------------------------------------------------------------------------------


def _study(call: Call, _: Dataset | None) -> tuple[Exhibit, ...]:
    given = _CASES[""]
    values = {**given, **call("intermediate_values", **given)}
    gradients = {"objective": np.array(1.0), **call("manual_chain_rule", **given)}
    nodes = {
        "x": "inputs",
        "W1": "hidden_weight",
        "z <- x W1": "hidden_score",
        "h <- z": "hidden",
        "W2": "output_weight",
        "o <- h W2": "output",
        "y": "targets",
        "L <- o y": "loss",
        "s <- W1 W2": "penalty",
        "J <- L s": "objective",
    }
    norms = {
        node: np.array([np.linalg.norm(values[name]), np.linalg.norm(gradients[name])]) for node, name in nodes.items()
    }
    return (Exhibit("each value's norm, and its gradient's", "graph", norms),)


CONCEPT = Concept(
    module=__name__,
    title="Forward pass, backward pass, computational graph",
    kind="procedure",
    summary="Values are computed from the inputs on, gradients from the objective back, over the edges of one graph.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 5.3",
        "Goodfellow, Bengio, Courville (2016), Deep Learning, section 6.5 (computational graphs, algorithm 6.4)",
    ),
    differences=(
        Difference(
            "X-gradients-between",
            "gradients by values between input and objective",
            tf="asked of a tape, which watches its sources and remembers what came of them",
            torch="asked of torch.autograd.grad; `backward` keeps only those of leaves, unless retain_grad was called",
            ours="asked for, each by name",
            demo=Demo(
                tf="""
                    with tf.GradientTape() as tape:
                        tape.watch(v)
                        between = v * v
                        objective = tf.reduce_sum(between)
                    tape.gradient(objective, between) is not None
                """,
                torch="""
                    between = v * v
                    objective = between.sum()
                    objective.backward()
                    between.grad is not None
                """,
            ),
        ),
    ),
    cases=(
        *(
            Case(
                "intermediate_values",
                given,
                _values,
                wrt=("inputs", "targets", "hidden_weight", "output_weight"),
                label=label,
            )
            for label, given in _CASES.items()
        ),
        *(
            Case(function, given, _gradients, label=label)
            for function in ("manual_chain_rule", "automatic_gradients")
            for label, given in _CASES.items()
        ),
    ),
    study=_study,
)
