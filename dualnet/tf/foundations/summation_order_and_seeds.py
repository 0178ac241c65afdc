"""Sums in several orders, and seeds, in TensorFlow."""

import random

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dualnet.concepts.foundations.summation_order_and_seeds import Repeat, check_seed

__all__ = ["kahan_sum", "pairwise_sum", "repeated_draws", "repeated_training", "seed_everything", "sequential_sum"]


# --- sums of the rows of x (M, N): (M,)  # differs: D261 -------------------------------------------------------


def sequential_sum(x: tf.Tensor) -> tf.Tensor:
    """One number after the other: rounds N times, and the error grows as N does, or its root."""
    total = tf.zeros(len(x), x.dtype)  # M
    for column in tf.unstack(x, axis=1):
        total = total + column
    return total


def pairwise_sum(x: tf.Tensor) -> tf.Tensor:
    """Neighbours, then neighbours among their sums: each number is rounded log2(N) times."""
    while x.shape[1] > 1:
        pairs = x.shape[1] // 2 * 2
        x = tf.concat((x[:, :pairs:2] + x[:, 1:pairs:2], x[:, pairs:]), 1)  # M ceil(N/2)
    return tf.reduce_sum(x, 1)


def kahan_sum(x: tf.Tensor) -> tf.Tensor:
    """One after the other, and what rounding took from the sum is given back with the next number."""
    total, taken = tf.zeros(len(x), x.dtype), tf.zeros(len(x), x.dtype)  # M
    for column in tf.unstack(x, axis=1):
        addend = column - taken
        new = total + addend
        taken = (new - total) - addend  # 0 if numbers were exact
        total = new
    return total


# --- seeds -----------------------------------------------------------------------------------------------------


def seed_everything(seed: int) -> tf.Tensor:
    """Seed Python, NumPy and the framework.

    Returns:
        (), the seed.

    Raises:
        ValueError: it is below 0, or 2**32 or more.
    """
    check_seed(seed)
    keras.utils.set_random_seed(seed)  # differs: X-seed-everything
    return tf.constant(seed, tf.int64)


def _draws() -> list[float]:
    return [random.random(), np.random.random(), float(tf.random.uniform(()))]  # differs: D273


def repeated_draws(seed: int) -> Repeat:
    """Whether each generator gives the same number after each seeding, and another one without."""
    seed_everything(seed)
    first, next_ = _draws(), _draws()
    seed_everything(seed)
    again = _draws()
    return Repeat(
        tf.constant([a == b for a, b in zip(first, again, strict=True)]),
        tf.constant([a != b for a, b in zip(first, next_, strict=True)]),
    )


def _training(seed: int) -> tf.Tensor:
    """The weight of a layer that starts at random, is shown rows in random order, and drops some of their numbers."""
    seed_everything(seed)
    layer, x = layers.Dense(3), tf.reshape(tf.linspace(-1.0, 1.0, 35), (5, 7))
    layer.build(x.shape)
    for row in tf.random.shuffle(tf.range(5)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(tf.nn.dropout(layer(x[row][None]), 0.5)))
        layer.kernel.assign_sub(0.125 * tape.gradient(loss, layer.kernel.value))
    return layer.kernel.value


def repeated_training(seed: int) -> tf.Tensor:
    """Whether two runs of one seed end with the same parameters, bit for bit: ()."""
    return tf.reduce_all(_training(seed) == _training(seed))
