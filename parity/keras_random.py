"""TensorFlow's and Keras' random functions, drawing from the engine's stream instead of their generators."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import ndtri

from dualnet.interface import Array

__all__ = ["drawing"]

Draw = Callable[[tuple[int, ...]], Array]
"""Uniform numbers in (0, 1) of a shape."""


def _number(value: Any, dtype: Any) -> tf.Tensor:
    """A Python number goes the way by NumPy, as TensorFlow would round it to float32."""
    return tf.cast(value if tf.is_tensor(value) else np.asarray(value, np.float64), dtype)


@contextmanager
def drawing(draw: Draw) -> Iterator[None]:
    """Within it, what draws normal or uniform numbers draws from the stream, images channels first."""
    backend = keras.src.backend.random

    def uniform(shape: Any) -> Array:
        sizes = tuple(int(n) for n in shape)
        if len(sizes) < 4:
            return draw(sizes)
        return np.ascontiguousarray(np.moveaxis(draw((sizes[0], sizes[-1], *sizes[1:-1])), 1, -1))

    def keras_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> tf.Tensor:
        dtype = dtype or keras.config.floatx()
        return tf.cast(ndtri(uniform(shape)), dtype) * _number(stddev, dtype) + _number(mean, dtype)

    def keras_uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
        dtype = dtype or keras.config.floatx()
        low, high = _number(minval, dtype), _number(maxval, dtype)
        return tf.cast(uniform(shape), dtype) * (high - low) + low

    def tf_normal(shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = tf.float32, **_: Any) -> tf.Tensor:
        return keras_normal(shape, mean, stddev, dtype)

    def tf_uniform(shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = tf.float32, **_: Any) -> tf.Tensor:
        return keras_uniform(shape, minval, 1.0 if maxval is None else maxval, dtype)

    def stateless_normal(
        shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = tf.float32, **_: Any
    ) -> Any:
        return keras_normal(shape, mean, stddev, dtype)

    def stateless_uniform(
        shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = tf.float32, **_: Any
    ) -> Any:
        return tf_uniform(shape, minval, maxval, dtype)

    replaced = [
        (backend, "normal", keras_normal), (backend, "uniform", keras_uniform),
        (tf.random, "normal", tf_normal), (tf.random, "uniform", tf_uniform),
        (tf.random, "stateless_normal", stateless_normal), (tf.random, "stateless_uniform", stateless_uniform),
    ]  # fmt: skip
    kept = [(module, name, getattr(module, name)) for module, name, _ in replaced]
    try:
        for module, name, function in replaced:
            setattr(module, name, function)
        yield
    finally:
        for module, name, function in kept:
            setattr(module, name, function)
