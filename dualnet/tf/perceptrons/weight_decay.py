"""Weight decay of a linear regression, in TensorFlow and Keras 3.

    L2 in the loss:       loss + decay / 2 * sum(w^2)
    L2 in the optimizer:  g = gradient + decay * w            the same
    decoupled:            w = (1 - rate * decay) * w - rate * momentum's step
    L1:                   loss + decay * sum(|w|)

The bias does not decay.

Source: Loshchilov & Hutter (2019), algorithm 1; Dive into Deep Learning, section 3.7.
On this side `keras.optimizers.SGD(weight_decay=...)` shrinks the weights, beside the momentum.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from dualnet.concepts.perceptrons.weight_decay import Course

__all__ = ["builtin", "decoupled", "l1", "l1_penalty", "l2_in_loss", "l2_in_optimizer", "l2_penalty", "regularizer"]


def l2_penalty(weight: tf.Tensor, decay: float) -> tf.Tensor:
    """Half the sum of squares, times the decay: its gradient is decay * weight."""
    return decay * tf.nn.l2_loss(weight)  # differs: D145


def regularizer(weight: tf.Tensor, decay: float) -> tf.Tensor:
    """The sum of squares, times the decay: its gradient is 2 * decay * weight."""
    return keras.regularizers.L2(decay)(weight)  # differs: D146


def l1_penalty(weight: tf.Tensor, decay: float) -> tf.Tensor:
    """The sum of sizes, times the decay: its gradient is decay, whatever the size of a weight, and 0 at 0."""
    return decay * tf.reduce_sum(tf.abs(weight))


def trained(
    rows: tuple[tf.Tensor, tf.Tensor],
    start: tuple[tf.Tensor, tf.Tensor],
    learning_rate: float,
    momentum: float,
    steps: int,
    *,
    penalty: Callable[[tf.Tensor], tf.Tensor] | None = None,
    coupled: float = 0.0,
    shrinking: float = 0.0,
) -> Course:
    """Gradient descent on all rows, with a penalty in the loss, a decay in the gradient, or one beside it."""
    (features, targets), (weight, bias) = rows, start
    weights, biases, losses = [weight], [bias], []
    by_weight, by_bias = tf.zeros_like(weight), tf.zeros_like(bias)  # velocities
    for _ in range(steps):
        with tf.GradientTape() as tape:
            tape.watch((weight, bias))
            loss = tf.reduce_mean(tf.square(features @ weight + bias - targets))
            total = loss + penalty(weight) if penalty else loss
        slopes = tape.gradient(total, (weight, bias))  # differs: D175
        by_weight = momentum * by_weight + slopes[0] + coupled * weight
        by_bias = momentum * by_bias + slopes[1]
        weight = (1 - learning_rate * shrinking) * weight - learning_rate * by_weight
        bias = bias - learning_rate * by_bias
        weights.append(weight)
        biases.append(bias)
        losses.append(loss)
    return Course(tf.stack(weights), tf.stack(biases), tf.convert_to_tensor(losses, features.dtype))


def l2_in_loss(
    features: tf.Tensor,
    targets: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training with `l2_penalty` added to the mean squared error.

    Args:
        features: (N, F).
        targets: (N, 1).
        weight: (F, 1), at first.
        bias: (1,), at first.
        decay: how strong the penalty is.
        learning_rate: per step, all rows at each.
        momentum: the share of the last step that is repeated.
        steps: how many.
    """
    rows, start = (features, targets), (weight, bias)
    return trained(rows, start, learning_rate, momentum, steps, penalty=lambda w: l2_penalty(w, decay))


def l2_in_optimizer(
    features: tf.Tensor,
    targets: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training with decay * weight added to each gradient; arguments as those of `l2_in_loss`."""
    return trained((features, targets), (weight, bias), learning_rate, momentum, steps, coupled=decay)


def decoupled(
    features: tf.Tensor,
    targets: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training in which weights shrink at each step, beside the momentum; arguments as those of `l2_in_loss`."""
    return trained((features, targets), (weight, bias), learning_rate, momentum, steps, shrinking=decay)


def l1(
    features: tf.Tensor,
    targets: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training with `l1_penalty` added to the mean squared error; arguments as those of `l2_in_loss`."""
    rows, start = (features, targets), (weight, bias)
    return trained(rows, start, learning_rate, momentum, steps, penalty=lambda w: l1_penalty(w, decay))


def builtin(
    features: tf.Tensor,
    targets: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    decay: float,
    learning_rate: float,
    momentum: float,
    steps: int,
) -> Course:
    """Training by the framework's own SGD(weight_decay=...); arguments as those of `l2_in_loss`.

    Without momentum it is `l2_in_optimizer` and `decoupled`, which are the same then.
    """
    weight, bias = tf.Variable(weight), tf.Variable(bias)
    optimizer = keras.optimizers.SGD(learning_rate, momentum, weight_decay=decay)  # differs: D155, D163
    optimizer.exclude_from_weight_decay([bias])
    weights, biases, losses = [tf.identity(weight)], [tf.identity(bias)], []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(features @ weight + bias - targets))
        slopes = tape.gradient(loss, (weight, bias))
        optimizer.apply(slopes, (weight, bias))
        weights.append(tf.identity(weight))
        biases.append(tf.identity(bias))
        losses.append(loss)
    return Course(tf.stack(weights), tf.stack(biases), tf.convert_to_tensor(losses, features.dtype))
