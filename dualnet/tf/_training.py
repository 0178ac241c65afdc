"""Training on the TensorFlow side: the step as one graph, with update rules that follow the written formulas."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from dualnet.interface import Array, Arrays, Loss, Optimizer, Step, check_memory, total
from dualnet.tf._variables import Slot, slots

__all__ = ["Rule", "TensorFlowTrainer"]


class Rule(Protocol):
    """An update rule over fixed variables."""

    variables: Sequence[tf.Variable]
    memory: dict[str, list[tf.Variable]]
    """See `dualnet.interface.Trainer.memory`; in the order of the variables."""
    counters: tuple[tf.Variable, ...]
    """Of the steps taken, where the formula needs their number."""

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        """One step."""


class TensorFlowTrainer:
    """See `dualnet.interface.Trainer`."""

    def __init__(self, model: keras.Model, loss: Loss, optimizer: Optimizer, own: Step | None) -> None:
        self._model, self._optimizer = model, optimizer
        self._many: Any = None
        parts = {part: getattr(model, part) for part in own.players} if own else {"": model}
        rules = own.optimizers(optimizer) if own else {"": optimizer}
        self._rules = {part: _rule(rule, parts[part]) for part, rule in rules.items()}
        dtype = next(iter(self._rules.values())).variables[0].dtype

        def step(inputs: list[tf.Tensor], targets: tf.Tensor) -> tf.Tensor:
            if own:
                return tf.stack(own.function(model, self._rules, inputs, targets))
            rule = self._rules[""]
            with tf.GradientTape() as tape:
                value = total(loss(model(*inputs, training=True), targets))
            gradients = tape.gradient(value, rule.variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
            rule.apply([tf.convert_to_tensor(g) for g in gradients])  # differs: D177 sparse gradients are summed first
            return value

        def steps(inputs: list[tf.Tensor], targets: tf.Tensor, order: tf.Tensor, batch_size: tf.Tensor) -> tf.Tensor:
            def one(start: tf.Tensor) -> tf.Tensor:
                rows = order[start : start + batch_size]
                return step([tf.gather(x, rows) for x in inputs], tf.gather(targets, rows))

            starts = tf.range(0, tf.size(order), batch_size)
            return tf.map_fn(one, starts, fn_output_signature=dtype, parallel_iterations=1)

        self._steps = steps
        self.step: Any = tf.function(step, reduce_retracing=True, autograph=False)
        self.predict: Any = tf.function(
            lambda inputs: tf.nest.flatten(model(*inputs, training=False)), reduce_retracing=True, autograph=False
        )

    def steps(self, inputs: list[tf.Tensor], targets: tf.Tensor, order: Array, batch_size: int) -> tf.Tensor:
        """All of them in one graph: the processor does not wait for Python between two steps."""
        if self._many is None:  # traced once for all numbers of rows and batch sizes
            given = tf.nest.map_structure(lambda x: tf.TensorSpec((None, *x.shape[1:]), x.dtype), (inputs, targets))
            signature = (*given, tf.TensorSpec((None,), tf.int64), tf.TensorSpec((), tf.int32))
            self._many = tf.function(self._steps, input_signature=signature, autograph=False)
        return self._many(inputs, targets, order, batch_size)

    def memory(self) -> dict[str, dict[str, Array]]:
        found: dict[str, dict[str, Array]] = {}
        for kind, name, slot, remembered in self._remembered():
            found.setdefault(kind, {})[name] = slot.canonical(remembered.numpy())
        return found

    def restore(self, memory: Mapping[str, Arrays], steps: int) -> None:
        remembered = [*self._remembered()]
        shapes = {name: slot.canonical(np.empty(slot.variable.shape, bool)).shape for _, name, slot, _ in remembered}
        check_memory(self._optimizer, shapes, memory)
        for kind, name, slot, variable in remembered:
            if name in memory.get(kind, {}):
                variable.assign(slot.native(memory[kind][name]))
        for counter in (counter for rule in self._rules.values() for counter in rule.counters):
            counter.assign(steps)

    def _remembered(self) -> Iterator[tuple[str, str, Slot, tf.Variable]]:
        """What is remembered: its kind, the name and slot of the parameter, and the variable that holds it."""
        owners = {id(slot.variable.value): (name, slot) for name, slot in slots(self._model).items()}
        for rule in self._rules.values():
            for kind, held in rule.memory.items():
                for variable, remembered in zip(rule.variables, held, strict=True):
                    yield kind, *owners[id(variable)], remembered


def _rule(optimizer: Optimizer, part: keras.Layer) -> Rule:
    variables = [variable.value for variable in part.trainable_variables]
    return _SGD(optimizer, variables) if optimizer.name == "sgd" else _Adam(optimizer, variables)


class _SGD:
    """`dualnet.interface.Optimizer`, sgd.  differs: D161 Keras keeps the rate inside the velocity."""

    def __init__(self, rule: Optimizer, variables: Sequence[tf.Variable]) -> None:
        self.rule, self.variables = rule, variables
        self.velocities = [tf.Variable(tf.zeros_like(v)) for v in variables] if rule.momentum else []
        self.memory = {"velocity": self.velocities} if rule.momentum else {}
        self.counters: tuple[tf.Variable, ...] = ()

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        rate, momentum = self.rule.learning_rate, self.rule.momentum
        if not momentum:
            for variable, g in zip(self.variables, gradients, strict=True):
                _descend(variable, _exact(rate, g), g)
            return
        for variable, velocity, g in zip(self.variables, self.velocities, gradients, strict=True):
            tf.raw_ops.ResourceApplyMomentum(
                var=variable.handle, accum=velocity.handle, lr=_exact(rate, g), grad=g, momentum=_exact(momentum, g)
            )


class _Adam:
    """`dualnet.interface.Optimizer`, adam.

    differs: D158 Keras adds epsilon before the bias correction; D155, D156 and it rounds the rate and the betas
    to float32, also for float64 variables.
    """

    def __init__(self, rule: Optimizer, variables: Sequence[tf.Variable]) -> None:
        self.rule, self.variables = rule, variables
        self.first = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self.second = [tf.Variable(tf.zeros_like(v)) for v in variables]
        self.memory = {"first_moment": self.first, "second_moment": self.second}
        self.steps = tf.Variable(0.0, dtype=tf.float64)
        self.counters: tuple[tf.Variable, ...] = (self.steps,)

    def apply(self, gradients: Sequence[tf.Tensor]) -> None:
        steps = self.steps.assign_add(tf.constant(1.0, tf.float64))
        beta1, beta2 = (tf.constant(beta, tf.float64) for beta in self.rule.betas)
        root = tf.sqrt(1 - beta2**steps)
        rate = tf.constant(self.rule.learning_rate, tf.float64) * root / (1 - beta1**steps)
        for variable, m, v, g in zip(self.variables, self.first, self.second, gradients, strict=True):
            _descend(m, _exact(1 - self.rule.betas[0], g), m - g)
            _descend(v, _exact(1 - self.rule.betas[1], g), v - g * g)
            epsilon = tf.cast(self.rule.epsilon * root, g.dtype)  # beside sqrt(v), not sqrt(v_hat): root times as large
            _descend(variable, tf.cast(rate, g.dtype), m / (tf.sqrt(v) + epsilon))


def _descend(variable: tf.Variable, rate: tf.Tensor, direction: tf.Tensor) -> None:
    """Subtract rate * direction in one pass over memory: the step of a large network is bound by these."""
    tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=rate, delta=direction)


def _exact(value: float, like: tf.Tensor) -> tf.Tensor:
    """differs: D228 tf.cast(0.1, tf.float64) is rounded to float32 on the way; a constant is not."""
    return tf.constant(value, like.dtype)
