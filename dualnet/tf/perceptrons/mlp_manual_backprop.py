"""A multilayer perceptron with hand-written backpropagation in Keras 3.

    flatten -> dense -> sigmoid -> dense

    squared error of sigmoids a:  d loss / d score = 2 (a - target) / N * a (1 - a)
    cross entropy of softmax p:   d loss / d score = (p - target) / N
    then, for both:               d loss / d hidden score = (d loss / d score) @ W * h (1 - h)

Source: Raschka, deeplearning-models, mlp/mlp-fromscratch__sigmoid-mse and mlp/mlp-lowlevel.
On this side a kernel is (in, out), and a step is given its gradients.
"""

from collections.abc import Callable, Mapping
from functools import partial

import keras
import tensorflow as tf
from keras import layers
from keras.initializers import RandomNormal

from dualnet.concepts.perceptrons.mlp_manual_backprop import DEVIATION, Backpropagation
from dualnet.interface import Loss, choose
from dualnet.tf._model import KerasModel
from dualnet.tf._training import Rule

__all__ = [
    "SigmoidMLP",
    "autograd_gradients",
    "sigmoid_mse_gradients",
    "sigmoid_mse_step",
    "sigmoid_softmax_ce_gradients",
    "sigmoid_softmax_ce_step",
    "squared_error_of_sigmoids",
    "tf_gradients_step",
]


# --- gradients ----------------------------------------------------------------------------------------------


def sigmoid_mse_gradients(
    pixels: tf.Tensor,
    labels: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
) -> Backpropagation:
    """The squared error of sigmoid outputs, summed over classes and averaged over rows, and its gradient by hand.

    Args:
        pixels: (N, I).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, I).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).

    Raises:
        ValueError: a label is no class.
    """
    targets = one_hot(labels, output_bias)  # N K
    hidden = tf.sigmoid(pixels @ tf.transpose(hidden_weight) + hidden_bias)  # N H
    outputs = tf.sigmoid(hidden @ tf.transpose(output_weight) + output_bias)  # N K
    loss = tf.reduce_mean(tf.reduce_sum(tf.square(outputs - targets), axis=1))
    by_score = 2 * (outputs - targets) / tf.cast(tf.shape(pixels)[0], pixels.dtype) * outputs * (1 - outputs)  # N K
    return backpropagated(loss, by_score, hidden, pixels, output_weight)


def sigmoid_softmax_ce_gradients(
    pixels: tf.Tensor,
    labels: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
) -> Backpropagation:
    """The cross entropy of a softmax, averaged over rows, and its gradient by hand.

    Args:
        pixels: (N, I).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, I).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).

    Raises:
        ValueError: a label is no class.
    """
    targets = one_hot(labels, output_bias)  # N K
    hidden = tf.sigmoid(pixels @ tf.transpose(hidden_weight) + hidden_bias)  # N H
    log_probabilities = tf.nn.log_softmax(hidden @ tf.transpose(output_weight) + output_bias)  # N K
    loss = -tf.reduce_mean(tf.reduce_sum(targets * log_probabilities, axis=1))
    by_score = (tf.exp(log_probabilities) - targets) / tf.cast(tf.shape(pixels)[0], pixels.dtype)  # N K
    return backpropagated(loss, by_score, hidden, pixels, output_weight)


def backpropagated(
    loss: tf.Tensor,
    by_score: tf.Tensor,
    hidden: tf.Tensor,
    pixels: tf.Tensor,
    output_weight: tf.Tensor,
) -> Backpropagation:
    """From the gradient by the scores (N, K) to those by the parameters of both layers."""
    by_hidden_score = by_score @ output_weight * hidden * (1 - hidden)  # N H
    return Backpropagation(
        loss,
        hidden_weight=tf.transpose(by_hidden_score) @ pixels,
        hidden_bias=tf.reduce_sum(by_hidden_score, axis=0),
        output_weight=tf.transpose(by_score) @ hidden,
        output_bias=tf.reduce_sum(by_score, axis=0),
    )


def autograd_gradients(
    pixels: tf.Tensor,
    labels: tf.Tensor,
    hidden_weight: tf.Tensor,
    hidden_bias: tf.Tensor,
    output_weight: tf.Tensor,
    output_bias: tf.Tensor,
    loss: str,
) -> Backpropagation:
    """The same by automatic differentiation.

    Args:
        pixels: (N, I).
        labels: (N,) int64 in [0, K).
        hidden_weight: (H, I).
        hidden_bias: (H,).
        output_weight: (K, H).
        output_bias: (K,).
        loss: squared_error or cross_entropy.

    Raises:
        ConfigError: no such loss.
    """
    losses: dict[str, Loss] = {"squared_error": squared_error_of_sigmoids, "cross_entropy": cross_entropy}
    weights = [hidden_weight, hidden_bias, output_weight, output_bias]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        hidden = tf.sigmoid(pixels @ tf.transpose(hidden_weight) + hidden_bias)  # N H
        scores = hidden @ tf.transpose(output_weight) + output_bias  # N K
        value = choose(losses, loss, "loss")(scores, labels)
    return Backpropagation(value, *tape.gradient(value, weights))


def cross_entropy(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The framework's own, averaged over rows."""
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores))


def one_hot(labels: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """A row of zeros with a 1 at the label, of the type and the last axis of another tensor."""
    classes = like.shape[-1]
    if tf.executing_eagerly() and tf.reduce_any((labels < 0) | (labels >= classes)):  # differs: X-one-hot-range
        raise ValueError(f"labels {labels.numpy().tolist()}: expected integers in [0, {classes})")
    return tf.one_hot(labels, classes, dtype=like.dtype)


def squared_error_of_sigmoids(scores: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The squared error of sigmoid outputs, summed over classes and averaged over rows.

    Args:
        scores: (N, K).
        labels: (N,) int64 in [0, K).
    """
    return tf.reduce_mean(tf.reduce_sum(tf.square(tf.sigmoid(scores) - one_hot(labels, scores)), axis=1))


# --- the network, and how it is trained -----------------------------------------------------------------------


def dense(features: int, name: str) -> layers.Dense:
    """A dense layer with a normal start."""
    start = {"kernel_initializer": RandomNormal(0.0, DEVIATION), "bias_initializer": "zeros"}  # differs: D051, D052
    return layers.Dense(features, **start, name=name)


class Network(layers.Layer):
    """Dense, sigmoid, dense."""

    def __init__(self, hidden: int, num_classes: int, name: str) -> None:
        super().__init__(name=name)
        self.hidden = dense(hidden, name="hidden")
        self.output_layer = dense(num_classes, name="output")

    def call(self, pixels: tf.Tensor) -> tf.Tensor:
        return self.output_layer(tf.sigmoid(self.hidden(pixels)))  # N K


@keras.saving.register_keras_serializable("dualnet")
class SigmoidMLP(KerasModel):
    """A multilayer perceptron with one hidden layer of sigmoids.

    Args:
        in_channels: colours of the image.
        image_size: its height and width in pixels.
        hidden: units of the hidden layer.
        num_classes: units of the output.

    Input shape: (N, image_size, image_size, in_channels).
    Output shape: (N, num_classes), scores: logits of a softmax, or of a sigmoid for each class.
    """

    def __init__(self, *, in_channels: int = 1, image_size: int = 28, hidden: int = 50, num_classes: int = 10) -> None:
        super().__init__(name="sigmoid_mlp")
        self.network = Network(hidden, num_classes, name="network")
        self(keras.Input((image_size, image_size, in_channels)))  # creates the variables

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Scores of a batch of images."""
        return self.network(flat(images))  # N K


def flat(images: tf.Tensor) -> tf.Tensor:
    """The pixels of each image in a row."""
    x = tf.transpose(images, (0, 3, 1, 2))  # differs: D019, N C H W
    return tf.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3]))  # N C*H*W


def step_by(
    gradients: Callable[..., Backpropagation],
    model: SigmoidMLP,
    optimizers: Mapping[str, Rule],
    images: tf.Tensor,
    labels: tf.Tensor,
) -> tuple[tf.Tensor]:
    """One update by gradients that a function of pixels, labels and parameters gives."""
    network = model.network.hidden, model.network.output_layer
    parameters = [p for layer in network for p in (tf.transpose(layer.kernel), layer.bias.value)]  # differs: D008
    loss, *slopes = gradients(flat(images), labels, *parameters)
    optimizers["network"].apply([tf.transpose(slope) for slope in slopes])  # a bias stays as it is
    return (loss,)


def sigmoid_mse_step(
    model: SigmoidMLP,
    optimizers: Mapping[str, Rule],
    inputs: list[tf.Tensor],
    targets: tf.Tensor,
) -> tuple[tf.Tensor]:
    """One update by `sigmoid_mse_gradients`.

    Args:
        model: to be trained.
        optimizers: of its network.
        inputs: images.
        targets: labels.

    Returns:
        The loss before the update.
    """
    return step_by(sigmoid_mse_gradients, model, optimizers, inputs[0], targets)


def sigmoid_softmax_ce_step(
    model: SigmoidMLP,
    optimizers: Mapping[str, Rule],
    inputs: list[tf.Tensor],
    targets: tf.Tensor,
) -> tuple[tf.Tensor]:
    """One update by `sigmoid_softmax_ce_gradients`; arguments as those of `sigmoid_mse_step`."""
    return step_by(sigmoid_softmax_ce_gradients, model, optimizers, inputs[0], targets)


def tf_gradients_step(
    model: SigmoidMLP,
    optimizers: Mapping[str, Rule],
    inputs: list[tf.Tensor],
    targets: tf.Tensor,
) -> tuple[tf.Tensor]:
    """One update by `autograd_gradients` of the cross entropy; arguments as those of `sigmoid_mse_step`."""
    return step_by(partial(autograd_gradients, loss="cross_entropy"), model, optimizers, inputs[0], targets)
