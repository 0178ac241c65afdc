"""Training in Keras 3: every model has compile and fit, whose step may be overridden; or the loop is written out.

for each epoch, for each batch: loss, gradients, one step against them
"""

from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dualnet.concepts.computation.high_level_training_api import Trained

__all__ = ["compile_fit", "custom_train_step", "explicit_loop"]


def _network(hidden_weight: tf.Tensor, output_weight: tf.Tensor, kind: type = keras.Model) -> keras.Model:
    """Dense, ReLU, dense, with these weights and biases of 0."""
    like = {"dtype": hidden_weight.dtype.name}
    source = keras.Input((hidden_weight.shape[1],), **like)
    hidden = layers.Dense(len(hidden_weight), activation="relu", **like)
    output = layers.Dense(len(output_weight), **like)
    network = kind(source, output(hidden(source)))
    for layer, weight in ((hidden, hidden_weight), (output, output_weight)):
        layer.set_weights([tf.transpose(weight), tf.zeros_like(weight[:, 0])])  # differs: D008
    return network


def _trained(network: keras.Model, losses: tf.Tensor) -> Trained:
    hidden_weight, hidden_bias, output_weight, output_bias = (
        tf.transpose(variable.value) for variable in network.trainable_variables
    )
    return Trained(hidden_weight, hidden_bias, output_weight, output_bias, losses)


def _compiled(network: keras.Model, learning_rate: float, dtype: str) -> keras.Model:
    """How to train it; the metric is the loss once more, since the loss that fit reports is rounded to float32."""
    network.compile(
        optimizer=keras.optimizers.SGD(learning_rate),  # differs: D155
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True, dtype=dtype),  # differs: D123
        metrics=[keras.metrics.SparseCategoricalCrossentropy(from_logits=True, dtype=dtype, name="cross_entropy")],
        jit_compile=False,
    )
    return network


def _batches(features: tf.Tensor, labels: tf.Tensor, batch_size: int) -> tf.data.Dataset:
    """All rows in their order: fit would shuffle plain tensors, and round them to float32."""
    return tf.data.Dataset.from_tensor_slices((features, labels)).batch(batch_size)  # differs: D227, D288


def compile_fit(
    features: tf.Tensor,
    labels: tf.Tensor,
    hidden_weight: tf.Tensor,
    output_weight: tf.Tensor,
    learning_rate: float,
    batch_size: int,
    epochs: int,
) -> Trained:
    """Training by two calls.

    Args:
        features: (N, F).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, F), at the start.
        output_weight: (K, H), at the start.
        learning_rate: per step.
        batch_size: rows of a step.
        epochs: how often all rows are seen.

    Returns:
        The parameters, and the loss of each epoch.
    """
    network = _compiled(_network(hidden_weight, output_weight), learning_rate, features.dtype.name)  # differs: X-fit
    history = network.fit(_batches(features, labels, batch_size), epochs=epochs, shuffle=False, verbose=0)
    return _trained(network, tf.constant(history.history["cross_entropy"], features.dtype))


class OwnStep(keras.Model):
    """A model whose training step is our own; the loop around it is not."""

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, Any]:  # differs: X-train-step
        """Gradient descent without an optimizer."""
        x, y = data
        with tf.GradientTape() as tape:
            logits = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=logits)
        gradients = tape.gradient(loss, [variable.value for variable in self.trainable_variables])
        for variable, gradient in zip(self.trainable_variables, gradients, strict=True):
            variable.assign_sub(tf.cast(self.optimizer.learning_rate, gradient.dtype) * gradient)
        return self.compute_metrics(x, y, logits)


def custom_train_step(
    features: tf.Tensor,
    labels: tf.Tensor,
    hidden_weight: tf.Tensor,
    output_weight: tf.Tensor,
    learning_rate: float,
    batch_size: int,
    epochs: int,
) -> Trained:
    """Training by two calls, with a training step of one's own; see `compile_fit`."""
    network = _compiled(_network(hidden_weight, output_weight, OwnStep), learning_rate, features.dtype.name)
    history = network.fit(_batches(features, labels, batch_size), epochs=epochs, shuffle=False, verbose=0)
    return _trained(network, tf.constant(history.history["cross_entropy"], features.dtype))


def explicit_loop(
    features: tf.Tensor,
    labels: tf.Tensor,
    hidden_weight: tf.Tensor,
    output_weight: tf.Tensor,
    learning_rate: float,
    batch_size: int,
    epochs: int,
) -> Trained:
    """Training by a loop that shows all it does; see `compile_fit`."""
    network, losses = _network(hidden_weight, output_weight), []
    variables = network.trainable_variables
    for _ in range(epochs):
        total = tf.zeros((), features.dtype)
        for start in range(0, len(labels), batch_size):
            x, y = features[start : start + batch_size], labels[start : start + batch_size]
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, network(x, training=True)))
            gradients = tape.gradient(loss, [variable.value for variable in variables])
            for variable, gradient in zip(variables, gradients, strict=True):
                variable.assign_sub(learning_rate * gradient)
            total += loss * len(y) / len(labels)
        losses.append(total)
    return _trained(network, tf.stack(losses))
