"""House prices, in TensorFlow.

    columns of numbers -> (x - mean) / std, 0 in gaps;  a column of categories -> a column for each, one of gaps too
    log-RMSE = sqrt(mean((log of the predicted price - log of the price)^2))

The models predict the logarithm of a price, by which an error is a share of the price.

Source: Dive into Deep Learning, section 5.7.
On this side the optimizer is written out, and a step is one graph.
"""

from collections.abc import Callable

import tensorflow as tf

from dualnet.concepts.perceptrons.kaggle_house_prices import MLP, Linear

__all__ = ["design_matrix", "linear", "linear_predictions", "log_rmse", "mlp", "mlp_predictions"]


def design_matrix(numbers: tf.Tensor, categories: tf.Tensor) -> tf.Tensor:
    """One row of features for each house.

    Args:
        numbers: (N, P), NaN in gaps.
        categories: (N, Q) int64, 0 in gaps.

    Returns:
        (N, F): the standardised numbers, then 0s and a 1 for each column of categories.
    """
    known = ~tf.math.is_nan(numbers)  # N P
    values = tf.where(known, numbers, tf.zeros_like(numbers))
    counts = tf.reduce_sum(tf.cast(known, numbers.dtype), axis=0)  # P
    centred = tf.where(known, values - tf.reduce_sum(values, axis=0) / counts, tf.zeros_like(numbers))  # N P
    deviations = tf.sqrt(tf.reduce_sum(tf.square(centred), axis=0) / (counts - 1))  # differs: D049, P
    standardised = centred / tf.where(deviations > 0, deviations, tf.ones_like(deviations))
    columns = [
        tf.one_hot(column, int(tf.reduce_max(column)) + 1, dtype=numbers.dtype) for column in tf.transpose(categories)
    ]
    return tf.concat([standardised, *columns], axis=1)


def log_rmse(log_predictions: tf.Tensor, prices: tf.Tensor) -> tf.Tensor:
    """The root of the mean squared difference of logarithms.

    Args:
        log_predictions: (N,), logarithms of predicted prices.
        prices: (N,), above 0.
    """
    return tf.sqrt(tf.reduce_mean(tf.square(log_predictions - tf.math.log(prices))))


def linear_predictions(features: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """The log prices (N,) of a linear regression: features (N, F), weight (F,), bias ()."""
    return tf.linalg.matvec(features, weight) + bias


def mlp_predictions(
    features: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
) -> tf.Tensor:
    """The log prices (N,) of a perceptron: features (N, F), weights (H, F) and (H,), biases (H,) and ()."""
    hidden = tf.nn.relu(features @ tf.transpose(hidden_weight) + hidden_bias)  # N H
    return tf.linalg.matvec(hidden, output_weight) + output_bias


def trained(
    predictions: Callable[..., tf.Tensor],
    start: tuple[tf.Tensor, ...],
    rows: tuple[tf.Tensor, tf.Tensor, tf.Tensor],
    learning_rate: float,
    momentum: float,
    decay: float,
) -> list[tf.Tensor]:
    """Weights and biases in turn after training, then the losses."""
    features, prices, order = rows
    parameters = [tf.Variable(parameter) for parameter in start]
    velocities = [tf.Variable(tf.zeros_like(parameter)) for parameter in start]
    logs = tf.math.log(prices)

    @tf.function(autograph=False)
    def step(batch: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            errors = predictions(tf.gather(features, batch), *parameters) - tf.gather(logs, batch)
            loss = tf.reduce_mean(tf.square(errors))
        slopes = tape.gradient(loss, parameters)
        for place, (parameter, velocity, slope) in enumerate(zip(parameters, velocities, slopes, strict=True)):
            decayed = slope if place % 2 else slope + decay * parameter
            velocity.assign(momentum * velocity + decayed)  # differs: D161
            parameter.assign_sub(learning_rate * velocity)
        return loss

    losses = tf.convert_to_tensor([step(batch) for batch in order], features.dtype)
    return [*(tf.identity(parameter) for parameter in parameters), losses]


def linear(
    features: tf.Tensor,
    prices: tf.Tensor,
    order: tf.Tensor,
    weight: tf.Tensor,
    bias: tf.Tensor,
    learning_rate: float,
    momentum: float,
    decay: float,
) -> Linear:
    """Train a linear regression on the mean squared error of log prices.

    Args:
        features: (N, F).
        prices: (N,), above 0.
        order: (steps, B) int64, the rows of each batch.
        weight: (F,), at first.
        bias: (), at first.
        learning_rate: per step.
        momentum: the share of the last step that is repeated.
        decay: times the weights, added to their gradient.
    """
    rows = features, prices, order
    return Linear(*trained(linear_predictions, (weight, bias), rows, learning_rate, momentum, decay))


def mlp(
    features: tf.Tensor,
    prices: tf.Tensor,
    order: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
    learning_rate: float,
    momentum: float,
    decay: float,
) -> MLP:
    """Train a perceptron with one hidden layer; weights as those of `mlp_predictions`, the rest as for `linear`."""
    rows, start = (features, prices, order), (hidden_weight, hidden_bias, output_weight, output_bias)
    return MLP(*trained(mlp_predictions, start, rows, learning_rate, momentum, decay))
