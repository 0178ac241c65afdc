"""Vanishing and exploding gradients, in TensorFlow.

    the gradient by what enters layer l has a factor W_k diag(f'(z_k)) for each layer k from l on

Factors below 1 make it vanish with depth, factors above 1 explode; a float has an end: 65504 in float16.

Source: Dive into Deep Learning, section 5.4.1; Glorot & Bengio (2010), section 4.2.
On this side DType.max is the largest number, and `tf.debugging.enable_check_numerics` stops at the first NaN.
"""

import tensorflow as tf

from dualnet.concepts.perceptrons.vanishing_exploding_gradients import Detection, Product, Saturation
from dualnet.interface import choose

__all__ = ["gradient_norms", "matrix_product_100", "nan_inf_detector", "rounded", "sigmoid_saturation"]


def sigmoid_saturation(x: tf.Tensor) -> Saturation:
    """The sigmoid and its derivative, by automatic differentiation: at most 1/4, and next to 0 far from 0.

    Args:
        x: any shape.
    """
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.sigmoid(x)
    return Saturation(value, tape.gradient(value, x))


def matrix_product_100(factors: tf.Tensor) -> Product:
    """Matrices, a hundred or any number, multiplied from left to right.

    Args:
        factors: (L, F, F).
    """
    product = factors[0]
    norms = [tf.sqrt(tf.reduce_sum(tf.square(product)))]
    for factor in factors[1:]:
        product = product @ factor  # F F
        norms.append(tf.sqrt(tf.reduce_sum(tf.square(product))))
    return Product(product, tf.stack(norms))


def gradient_norms(features: tf.Tensor, weights: tf.Tensor, activation: str) -> tf.Tensor:
    """The Frobenius norm of the gradient by what enters each layer, of the summed outputs.

    Args:
        features: (N, F).
        weights: (L, F, F): features @ weight.
        activation: sigmoid, tanh or relu.

    Returns:
        (L,), from the first layer to the last.

    Raises:
        ConfigError: no such activation.
    """
    bend = choose({"sigmoid": tf.sigmoid, "tanh": tf.tanh, "relu": tf.nn.relu}, activation, "activation")
    states = [features]
    with tf.GradientTape() as tape:
        tape.watch(features)
        for weight in weights:
            states.append(bend(states[-1] @ weight))  # N F
        total = tf.reduce_sum(states[-1])
    gradients = tape.gradient(total, states[:-1])
    return tf.stack([tf.sqrt(tf.reduce_sum(tf.square(gradient))) for gradient in gradients])


def rounded(values: tuple[float, ...], dtype: str) -> tf.Tensor:
    """What a format keeps of numbers: beyond its largest one, infinity.

    Args:
        values: N of them.
        dtype: float16, bfloat16 or float32.

    Returns:
        (N,), float64.
    """
    return tf.cast(tf.cast(tf.constant(values, tf.float64), dtype), tf.float64)


def nan_inf_detector(features: tf.Tensor, weights: tf.Tensor, dtype: str) -> Detection:
    """The first linear layer whose outputs are not finite, computed in a format.

    Args:
        features: (N, F).
        weights: (L, F, F): features @ weight.
        dtype: float16, bfloat16 or float32.
    """
    features, weights = tf.cast(features, dtype), tf.cast(weights, dtype)
    infinite, undefined = [], []
    for weight in weights:
        features = features @ weight  # differs: X-first-nan-compiled, N F
        infinite.append(bool(tf.reduce_any(tf.math.is_inf(features))))
        undefined.append(bool(tf.reduce_any(tf.math.is_nan(features))))
    return Detection(*(tf.constant(first(flags), tf.int64) for flags in (infinite, undefined)))  # differs: D234


def first(flags: list[bool]) -> int:
    """Where the first True stands; -1 if there is none."""
    return flags.index(True) if True in flags else -1
