"""Optimizers as functions of (first value, gradients (S, ...)): the value after each of S steps.

A third input gives the norm of all gradients together at each step (S,), for clipping by it. The learning rate is a
number or one for each step.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np

from parity.reference.kind import Array, Call, Kind, choose

__all__ = ["KINDS", "RULES", "Averages"]


@dataclass(frozen=True)
class Preparation:
    """What happens to a gradient before an optimizer's own formula."""

    weight_decay: float = 0.0
    decoupled: bool = False
    decay_times_rate: bool = True
    clip_norm: float | None = None
    clip_value: float | None = None
    global_clip: float | None = None
    clip_eps: float = 0.0

    def clip(self, g: Array, total: float) -> Array:
        """Limit each value, the norm of this gradient, or the norm of all of them."""
        if self.clip_value is not None:
            g = g.clip(-self.clip_value, self.clip_value)
        if self.clip_norm is not None:
            g = g * min(1.0, self.clip_norm / (float(np.linalg.norm(g)) + self.clip_eps))
        if self.global_clip is not None:
            g = g * min(1.0, self.global_clip / (total + self.clip_eps))
        return g

    def decay(self, p: Array, g: Array, rate: float) -> tuple[Array, Array]:
        """Weight decay on the parameter itself (decoupled) or through the gradient."""
        if self.decoupled:
            return p - (rate if self.decay_times_rate else 1.0) * self.weight_decay * p, g
        return p, g + self.weight_decay * p


@dataclass
class Averages:
    """Running values by name, created at their first use."""

    values: dict[str, Array] = field(default_factory=dict)

    def decayed(self, name: str, value: Array, keep: float, start: float = 0.0) -> Array:
        """Keep * old + (1 - keep) * value."""
        self.values[name] = keep * self.values.get(name, start) + (1 - keep) * value
        return self.values[name]

    def accumulated(self, name: str, value: Array, keep: float = 1.0, start: float = 0.0) -> Array:
        """Keep * old + value."""
        self.values[name] = keep * self.values.get(name, start) + value
        return self.values[name]


Step = Callable[[Array, float, int, Averages], Array]
"""What to subtract: of a gradient, the learning rate, the number of the step from 1, and the running values."""


def _root(v: Array, eps: float, inside: bool) -> Array:
    return np.sqrt(v + eps) if inside else np.sqrt(v) + eps


def sgd(momentum: float = 0.0, nesterov: bool = False, dampening: float = 0.0, momentum_form: str = "torch") -> Step:
    """Momentum either of gradients (torch: the rate multiplies the velocity) or of steps (keras: it is inside)."""
    torch_form = choose("momentum_form", momentum_form, {"torch": True, "keras": False})

    def step(g: Array, rate: float, t: int, state: Averages) -> Array:
        if not momentum:
            return rate * g
        share = g if t == 1 else (1 - dampening) * g
        if torch_form:
            velocity = state.accumulated("velocity", share, momentum)
            return rate * (g + momentum * velocity if nesterov else velocity)
        velocity = state.accumulated("velocity", rate * share, momentum)
        return rate * g + momentum * velocity if nesterov else velocity

    return step


def adam(
    betas: Sequence[float] = (0.9, 0.999),
    eps: float = 1e-8,
    eps_inside: bool = False,
    bias_correction: bool = True,
    amsgrad: bool = False,
) -> Step:
    """Adam; `eps_inside` adds epsilon before the bias correction of the second moment, as Keras does."""

    def step(g: Array, rate: float, t: int, state: Averages) -> Array:
        m, v = state.decayed("m", g, betas[0]), state.decayed("v", g**2, betas[1])
        first, second = (1 - betas[0] ** t, 1 - betas[1] ** t) if bias_correction else (1.0, 1.0)
        if amsgrad:
            v = state.values["largest"] = np.maximum(v, state.values.get("largest", 0.0))
        if eps_inside:
            return rate * np.sqrt(second) / first * m / (np.sqrt(v) + eps)
        return rate * (m / first) / (np.sqrt(v / second) + eps)

    return step


def rmsprop(
    rho: float = 0.99,
    eps: float = 1e-8,
    eps_inside: bool = False,
    momentum: float = 0.0,
    momentum_form: str = "torch",
    centered: bool = False,
) -> Step:
    """RMSprop; `eps_inside` the root, as in Keras."""
    torch_form = choose("momentum_form", momentum_form, {"torch": True, "keras": False})

    def step(g: Array, rate: float, t: int, state: Averages) -> Array:
        v = state.decayed("v", g**2, rho)
        if centered:
            v = v - state.decayed("mean", g, rho) ** 2
        scaled = g / _root(v, eps, eps_inside)
        if not momentum:
            return rate * scaled
        if torch_form:
            return rate * state.accumulated("velocity", scaled, momentum)
        return state.accumulated("velocity", rate * scaled, momentum)

    return step


def adagrad(initial_accumulator: float = 0.0, eps: float = 1e-10, eps_inside: bool = False) -> Step:
    """Adagrad; Keras starts at 0.1 and adds epsilon inside the root."""

    def step(g: Array, rate: float, t: int, state: Averages) -> Array:
        return rate * g / _root(state.accumulated("sum", g**2, start=initial_accumulator), eps, eps_inside)

    return step


def adadelta(rho: float = 0.9, eps: float = 1e-6) -> Step:
    """Adadelta; both frameworks add epsilon inside the roots."""

    def step(g: Array, rate: float, t: int, state: Averages) -> Array:
        squares = state.decayed("squares", g**2, rho)
        delta = g * np.sqrt(state.values.get("deltas", 0.0) + eps) / np.sqrt(squares + eps)
        state.decayed("deltas", delta**2, rho)
        return rate * delta

    return step


RULES: dict[str, Callable[..., Step]] = {
    "sgd": sgd, "adam": adam, "rmsprop": rmsprop, "adagrad": adagrad, "adadelta": adadelta,
}  # fmt: skip
"""What to subtract in each step, by the rule's name and settings."""


def _optimizer(rule: Callable[..., Step], **defaults: Any) -> Kind:
    preparing = tuple(signature(Preparation).parameters)

    def compute(
        call: Call, learning_rate: float | Sequence[float], reset_each_step: bool = False, **settings: Any
    ) -> Array:
        chosen = {**defaults, **settings}
        preparation = Preparation(**{name: chosen.pop(name) for name in preparing if name in chosen})
        step, state = rule(**chosen), Averages()
        p, gradients = call.inputs[:2]
        rates = np.broadcast_to(learning_rate, len(gradients))
        norms = call.inputs[2] if len(call.inputs) > 2 else [np.linalg.norm(g) for g in gradients]
        values = []
        for t, (raw, rate, norm) in enumerate(zip(gradients, rates, norms, strict=True), start=1):
            p, g = preparation.decay(p, preparation.clip(raw, float(norm)), float(rate))
            if reset_each_step:
                t, state = 1, Averages()
            p = p - step(g, float(rate), t, state)
            values.append(p)
        return np.stack(values)

    names = ("learning_rate", "reset_each_step", *preparing, *signature(rule).parameters)
    return Kind(compute, inputs=(2, 3), names=names)


KINDS = {
    "sgd": _optimizer(sgd),
    "adam": _optimizer(adam),
    "adamw": _optimizer(adam, decoupled=True),
    "rmsprop": _optimizer(rmsprop),
    "adagrad": _optimizer(adagrad),
    "adadelta": _optimizer(adadelta),
}
