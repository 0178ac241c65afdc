"""Why gradients differ where the outputs agree."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from parity.causes.cause import Array, Cause, Hypothesis, assume, number
from parity.layer import Fault, LayerRun

__all__ = ["CAUSES", "follows_from"]

BACKWARD = ("backward",)
STEP = 1e-5
DIFFERENCE_LIMIT = 1e-5
"""A central difference tells derivatives apart no finer than this."""
SIXTH = 6 * float(np.float32(1 / 6))
"""What PyTorch's backward pass of hard sigmoid makes of 1: its kernel holds 1/6 in float32."""


def follows_from(side: LayerRun, run: Callable[..., Any]) -> bool:
    """Whether a run's gradients are those of the reference: central differences along a random direction."""
    draw = np.random.default_rng(0)
    moves = [draw.normal(size=np.shape(g)) for g in side.input_gradients]
    named = {name: draw.normal(size=np.shape(g)) for name, g in side.parameter_gradients.items()}
    measured, scale = 0.0, 0.0
    for sign in (1, -1):
        inputs = [x + sign * STEP * move for x, move in zip(side.inputs, moves, strict=False)]
        inputs += side.inputs[len(moves) :]
        moved = {name: side.layer.parameters[name] + sign * STEP * move for name, move in named.items()}
        try:
            result = run(
                side.layer.kind, side.layer.settings, {**side.layer.parameters, **moved}, inputs, train=side.train
            )
        except ValueError:
            return True  # nothing says that it does not
        for cotangent, output in zip(side.cotangents, result.outputs, strict=False):
            measured += sign * float((cotangent * output).sum()) / (2 * STEP)
    told = 0.0
    terms = [*zip(side.input_gradients, moves, strict=True)]
    terms += [(side.parameter_gradients[name], move) for name, move in named.items()]
    for gradient, move in terms:
        told += float((gradient * move).sum())
        scale += float(np.linalg.norm(gradient) * np.linalg.norm(move))
    return abs(measured - told) <= DIFFERENCE_LIMIT * max(scale, abs(measured))


def _parts(fault: Fault) -> Iterator[tuple[str, Callable[[Callable[[Array], Array]], dict[str, Any]]]]:
    """All gradients, those of the inputs or of the parameters, or one alone, to be changed."""
    inputs, named = fault.a.input_gradients, fault.a.parameter_gradients

    def changer(of_inputs: set[int], of_names: set[str]) -> Callable[[Callable[[Array], Array]], dict[str, Any]]:
        return lambda change: {
            "input_gradients": tuple(change(g) if i in of_inputs else g for i, g in enumerate(inputs)),
            "parameter_gradients": {n: change(g) if n in of_names else g for n, g in named.items()},
        }

    everything = set(range(len(inputs)))
    if inputs and named:
        yield "all", changer(everything, set(named))
    yield "the inputs'", changer(everything, set())
    yield "the parameters'", changer(set(), set(named))
    yield from ((f"input {i}'s", changer({i}, set())) for i in everything)
    yield from ((f"{name}'s", changer(set(), {name})) for name in named)


def _times(now: str, factor: float) -> Callable[[Fault], Iterable[Hypothesis]]:
    def hypotheses(fault: Fault) -> Iterable[Hypothesis]:
        for part, changed in _parts(fault):
            yield assume(fault, f"{part} times 1", f"{part} times {now}", **changed(lambda g: factor * g))

    return hypotheses


def _sixth(fault: Fault) -> Iterable[Hypothesis]:
    """The constant of a kernel in float32, on either side."""
    for word, factor in (("float32", SIXTH), ("float64", 1 / SIXTH)):
        gradients = tuple(factor * g for g in fault.a.input_gradients)
        yield assume(fault, "as it is", f"1/6 in {word}", input_gradients=gradients)


def _constant(fault: Fault) -> Iterable[Hypothesis]:
    """Any other factor, measured on each part alone."""
    mine = [*fault.a.input_gradients, *fault.a.parameter_gradients.values()]
    theirs = [*fault.b.input_gradients, *(fault.b.parameter_gradients.get(n) for n in fault.a.parameter_gradients)]
    factors: list[float] = []
    for a, b in zip(mine, theirs, strict=False):
        if b is not None and np.shape(a) == np.shape(b) and np.any(a):
            factors.append(float((a * b).sum() / (a**2).sum()))
    for factor in dict.fromkeys(factors):
        if min(abs(factor - known) for known in (0, 1, 2, -1, SIXTH, 1 / SIXTH)) > 1e-9:
            yield from _times(str(number(factor)), factor)(fault)


def _detached_statistics(fault: Fault) -> Iterable[Hypothesis]:
    """Batch statistics taken for constants: the gradient is gamma / sqrt(variance + epsilon) times what came."""
    side = fault.a
    if not side.train or not side.cotangents or not side.input_gradients:
        return
    x, settings = side.inputs[0], side.layer.settings
    axis = settings.get("axis", 1) % x.ndim
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    variance = x.var(tuple(i for i in range(x.ndim) if i != axis), keepdims=True)
    gamma = side.layer.parameters.get("weight", np.ones(x.shape[axis])).reshape(shape)
    gradient = side.cotangents[0] * gamma / np.sqrt(variance + settings["eps"])
    yield assume(fault, "part of the graph", "constants", input_gradients=(gradient,))


def _summed_cotangent(fault: Fault) -> Iterable[Hypothesis]:
    """Gradients averaged over the batch instead of summed."""
    count = len(fault.a.inputs[0]) if fault.a.inputs and np.ndim(fault.a.inputs[0]) else 1
    for word, factor in ((f"1/{count} (the batch)", 1 / count), (f"{count} (the batch)", float(count))):
        if count > 2:
            yield from _times(word, factor)(fault)


def _padding_blocked(fault: Fault) -> Iterable[Hypothesis]:
    """The row of the padding index gets no gradient in PyTorch."""
    gradient = fault.a.parameter_gradients.get("weight")
    if gradient is not None:
        for row in dict.fromkeys((fault.b.layer.settings.get("padding_idx"), 0)):
            if row is not None:
                blocked = gradient.copy()
                blocked[row] = 0
                yield assume(fault, "no row blocked", f"row {row} blocked", parameter_gradients={
                    **fault.a.parameter_gradients, "weight": blocked
                })  # fmt: skip


def _backward(id: str, title: str, generator: Callable[[Fault], Iterable[Hypothesis]], torch: str, keras: str) -> Cause:
    return Cause(f"gradient.{id}", (), title, generator, "gradient: {}", torch, keras, BACKWARD)


CAUSES = (
    _backward("blocked", "a gradient is blocked", _times("0", 0.0), "no detach(), requires_grad=True: {}",
              "no tf.stop_gradient, layer.trainable = True: {}"),
    _backward("doubled", "a gradient counts twice", _times("2", 2.0), "one backward() for each zero_grad(): {}",
              "one GradientTape.gradient for each use: {}"),
    _backward("sign", "a gradient has the opposite sign", _times("-1", -1.0), "gradient {}", "gradient {}"),
    _backward("batch_mean", "gradients are averaged over the batch instead of summed", _summed_cotangent,
              "reduction of the loss: {}", "reduction of the loss: {}"),
    Cause("batch_norm.detached", ("batch_norm",), "the batch's statistics are taken for constants",
          _detached_statistics, "statistics: {}", "no detach() of mean and variance: {}",
          "no stop_gradient on mean and variance: {}", BACKWARD),
    Cause("embedding.padding_blocked", ("embedding",), "the row of the padding index gets no gradient on one side",
          _padding_blocked, "{}", "nn.Embedding(..., padding_idx=...): {}", "keras.layers.Embedding blocks no row: {}",
          BACKWARD),
    Cause("gradient.float32", ("hard_sigmoid",), "PyTorch's kernel holds 1/6 in float32, whatever the layer's dtype",
          _sixth, "gradient: {}", "F.relu6(x + 3) / 6 has float64's digits: {}", "gradient: {}", BACKWARD),
    _backward("scaled", "a gradient is multiplied by a constant", _constant, "gradient {}", "gradient {}"),
)  # fmt: skip
