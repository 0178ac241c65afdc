"""The TensorFlow side, in each form that `dualnet bench` measures; see `dualnet.bench.forms`."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import keras
import tensorflow as tf

from dualnet.interface import Loss, Optimizer, Step
from dualnet.tf._training import TensorFlowTrainer

__all__ = ["finish", "multiply_adds", "product", "trainer"]


def trainer(form: str, model: keras.Model, loss: Loss, optimizer: Optimizer, own: Step | None) -> TensorFlowTrainer:
    """A trainer whose steps and predictions run in this form."""
    made = TensorFlowTrainer(model, loss, optimizer, own)
    if form != "graph":
        made.step, made.predict = (_in_form(form, call.python_function) for call in (made.step, made.predict))
    return made


def _in_form(form: str, call: Callable[..., Any]) -> Callable[..., Any]:
    return tf.function(call, jit_compile=True, autograph=False) if form == "compiled" else call


def multiply_adds(call: Callable[..., Any], *args: Any) -> int:
    """How many multiply-adds convolutions and matrix products have in one call; traces it without running it.

    What a loop within the graph repeats is not counted.
    """
    eagerly = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)  # what is a graph of its own becomes part of this one
    try:
        flat, structure = tf.nest.flatten(args), args
        traced = tf.compat.v1.wrap_function(
            lambda *tensors: tf.nest.flatten(call(*tf.nest.pack_sequence_as(structure, tensors))),
            [tf.TensorSpec.from_tensor(tensor) for tensor in flat],
        )
    finally:
        tf.config.run_functions_eagerly(eagerly)
    return sum(COUNTED[op.type](op) for op in _needed(traced.graph) if op.type in COUNTED)


def _needed(graph: Any) -> list[tf.Operation]:
    """The operations that the outputs or a variable's new value depend on; gradients nobody asked for are left out."""
    waiting = [tensor.op for tensor in graph.outputs] + [op for op in graph.get_operations() if op.op_def.is_stateful]
    found: dict[str, tf.Operation] = {}
    while waiting:
        if (op := waiting.pop()).name not in found:
            found[op.name] = op
            waiting += [tensor.op for tensor in op.inputs]
    return list(found.values())


def _product(op: tf.Operation) -> int:
    attribute = "transpose_a" if op.type == "MatMul" else "adj_x"
    return math.prod(op.outputs[0].shape) * op.inputs[0].shape[-2 if op.get_attr(attribute) else -1]


def _einsum(op: tf.Operation) -> int:
    if len(op.inputs) < 2:
        return 0
    letters = op.get_attr("equation").decode().partition("->")[0].split(",")
    sizes = {
        letter: n for term, x in zip(letters, op.inputs, strict=True) for letter, n in zip(term, x.shape, strict=True)
    }
    return math.prod(sizes.values())


def _window(
    places: Callable[[tf.Operation], tf.Tensor], kernel: Callable[[tf.Operation], tf.Tensor]
) -> Callable[..., int]:
    """Of a convolution, or of one of its two gradients: at each place of its output, a product with every weight."""

    def count(op: tf.Operation) -> int:
        depthwise = op.type.startswith("Depthwise")
        return math.prod(places(op).shape) * math.prod(kernel(op).shape[: 2 if depthwise else 3])

    return count


COUNTED: Mapping[str, Callable[[tf.Operation], int]] = {
    "MatMul": _product,
    "BatchMatMulV2": _product,
    "Einsum": _einsum,
    **{
        kind + end: _window(places, kernel)
        for kind in ("Conv2D", "DepthwiseConv2dNative")
        for end, places, kernel in (
            ("", lambda op: op.outputs[0], lambda op: op.inputs[1]),
            ("BackpropInput", lambda op: op.inputs[2], lambda op: op.inputs[1]),
            ("BackpropFilter", lambda op: op.inputs[2], lambda op: op.outputs[0]),
        )
    },
}


def product(size: int) -> Callable[[], tf.Tensor]:
    """A function that multiplies two float32 matrices of this height and width."""
    a, b = (tf.random.uniform((size, size)) for _ in range(2))
    return lambda: tf.linalg.matmul(a, b)


def finish() -> None:
    """Wait until the device has done all that was asked of it."""
    tf.test.experimental.sync_devices()
