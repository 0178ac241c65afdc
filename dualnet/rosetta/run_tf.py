"""Texts of the table, executed by TensorFlow and Keras."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dualnet.rosetta.execution import Gradients, Run, cotangent, flat, statements
from dualnet.rosetta.inputs import INPUTS, Array, draw, transposed

__all__ = ["float64", "run"]

SEED = 0


@contextmanager
def float64() -> Iterator[None]:
    """Keras' layers, losses and metrics compute in float64; TensorFlow does not tell that it finds no source file."""
    policy, floatx, level = keras.config.dtype_policy(), keras.config.floatx(), tf.get_logger().level
    tf.get_logger().setLevel("ERROR")
    keras.config.set_dtype_policy("float64")
    keras.config.set_floatx("float64")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
        keras.config.set_floatx(floatx)
        tf.get_logger().setLevel(level)


def run(text: str, inputs: list[str], weights: Mapping[str, Array], result: str, gradients: bool) -> Run:
    """Execute a text.

    Args:
        text: statements, and an expression at the end.
        inputs: the names that it uses.
        weights: what the weights of `layer` are, by the end of their paths, where the text builds one.
        result: the axes of the values here and in PyTorch, where they differ.
        gradients: whether they are wanted.

    Raises:
        ValueError: the weights are not those of the layer.
    """
    keras.utils.set_random_seed(SEED)
    leaves = {name: tf.constant(transposed(draw(name), INPUTS[name].layout)) for name in inputs}
    names = {"tf": tf, "keras": keras, "np": np, "__name__": __name__, **leaves}
    build, rest, value = statements(text)
    variables = {}
    exec(build, names)
    if weights:  # a Keras layer has its weights after its first call
        exec(rest, names)
        eval(value, names)
        variables = _loaded(names["layer"], weights)
    wanted = {name: leaf for name, leaf in leaves.items() if gradients and _floating(leaf)}
    wanted |= {name: variable for name, variable in variables.items() if gradients and variable.trainable}
    with tf.GradientTape() as tape:
        tape.watch([leaf for name, leaf in wanted.items() if name in leaves])
        exec(rest, names)
        values = [leaf if isinstance(leaf, str) else tf.convert_to_tensor(leaf) for leaf in flat(eval(value, names))]
        objective = _objective(values, result)
    found = _gradients(tape, objective, wanted) if wanted and any(map(_floating, values)) else {}
    return Run(
        values=[np.array(v) if isinstance(v, str) else transposed(v.numpy(), result, back=True) for v in values],
        inputs={
            name: None if one is None else transposed(one, INPUTS[name].layout, back=True)
            for name, one in found.items()
            if name in leaves
        },
        weights={name: found[name] for name in variables if name in found},
    )


def _floating(tensor: tf.Tensor | str) -> bool:
    return not isinstance(tensor, str) and (tensor.dtype.is_floating or tensor.dtype.is_complex)


def _loaded(layer: keras.layers.Layer, weights: Mapping[str, Array]) -> dict[str, tf.Variable]:
    """The layer's variables by the names of the weights that they were given."""
    paths = {variable.path: variable for variable in layer.weights if variable.dtype != "uint32"}  # no seeds
    chosen = {
        name: [variable for path, variable in paths.items() if f"/{path}".endswith(f"/{name}")] for name in weights
    }
    if any(len(found) != 1 for found in chosen.values()) or len(chosen) != len(paths):
        raise ValueError(f"weights {list(weights)} for a layer with {list(paths)}")
    for name, (variable,) in chosen.items():
        variable.assign(weights[name])
    return {name: variable for name, (variable,) in chosen.items()}


def _objective(values: list[tf.Tensor | str], result: str) -> tf.Tensor:
    terms = [tf.zeros((), tf.float64)]
    for position, value in enumerate(values):
        if not isinstance(value, str) and _floating(value):
            shape = transposed(np.empty(value.shape), result, back=True).shape
            towards = transposed(cotangent(position, shape), result)
            terms.append(_weighted_sum(tf.math.real(value), towards.real))
            if value.dtype.is_complex:
                terms.append(_weighted_sum(tf.math.imag(value), towards.imag))
    return tf.add_n(terms)


def _weighted_sum(value: tf.Tensor, weights: Array) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(value, tf.float64) * weights)


def _gradients(tape: tf.GradientTape, objective: tf.Tensor, wanted: Mapping[str, Any]) -> Gradients:
    found = tape.gradient(objective, wanted)
    return {name: None if one is None else tf.convert_to_tensor(one).numpy() for name, one in found.items()}
