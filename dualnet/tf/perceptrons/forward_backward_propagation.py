"""Forward and backward propagation through one hidden layer, in TensorFlow.

    forward:  z = W1 x,  h = tanh(z),  o = W2 h,  L = |o - y|^2 / 2,  s = decay / 2 (|W1|^2 + |W2|^2),  J = L + s

    backward: dJ/dL = dJ/ds = 1
              dJ/do = o - y,  dJ/dy = y - o
              dJ/dW2 = dJ/do h^T + decay W2
              dJ/dh = W2^T dJ/do
              dJ/dz = dJ/dh (1 - h^2)
              dJ/dW1 = dJ/dz x^T + decay W1
              dJ/dx = W1^T dJ/dz

Source: Dive into Deep Learning, section 5.3.
On this side a tape remembers what is computed while it watches, and is asked for gradients afterwards.
"""

import tensorflow as tf

from dualnet.concepts.perceptrons.forward_backward_propagation import Gradients, Values

__all__ = ["automatic_gradients", "intermediate_values", "manual_chain_rule"]


def intermediate_values(
    inputs: tf.Tensor,
    targets: tf.Tensor,
    hidden_weight: tf.Tensor,
    output_weight: tf.Tensor,
    decay: float,
) -> Values:
    """The forward pass of one row, with every value on the way.

    Args:
        inputs: (I,).
        targets: (K,).
        hidden_weight: (H, I).
        output_weight: (K, H).
        decay: how strong the penalty on the weights is.
    """
    hidden_score = tf.linalg.matvec(hidden_weight, inputs)  # H
    hidden = tf.tanh(hidden_score)
    output = tf.linalg.matvec(output_weight, hidden)  # K
    loss = tf.reduce_sum(tf.square(output - targets)) / 2
    penalty = decay / 2 * (tf.reduce_sum(tf.square(hidden_weight)) + tf.reduce_sum(tf.square(output_weight)))
    return Values(hidden_score, hidden, output, loss, penalty, loss + penalty)


def manual_chain_rule(
    inputs: tf.Tensor,
    targets: tf.Tensor,
    hidden_weight: tf.Tensor,
    output_weight: tf.Tensor,
    decay: float,
) -> Gradients:
    """The backward pass of one row by hand; arguments as those of `intermediate_values`."""
    values = intermediate_values(inputs, targets, hidden_weight, output_weight, decay)
    by_loss = by_penalty = tf.ones_like(values.objective)
    by_output = by_loss * (values.output - targets)  # K
    by_output_weight = tf.tensordot(by_output, values.hidden, axes=0) + by_penalty * decay * output_weight  # K H
    by_hidden = tf.linalg.matvec(output_weight, by_output, transpose_a=True)  # H
    by_hidden_score = by_hidden * (1 - tf.square(values.hidden))  # H
    by_hidden_weight = tf.tensordot(by_hidden_score, inputs, axes=0) + by_penalty * decay * hidden_weight  # H I
    by_inputs = tf.linalg.matvec(hidden_weight, by_hidden_score, transpose_a=True)  # I
    return Gradients(
        loss=by_loss,
        penalty=by_penalty,
        output=by_output,
        targets=-by_output,
        output_weight=by_output_weight,
        hidden=by_hidden,
        hidden_score=by_hidden_score,
        hidden_weight=by_hidden_weight,
        inputs=by_inputs,
    )


def automatic_gradients(
    inputs: tf.Tensor,
    targets: tf.Tensor,
    hidden_weight: tf.Tensor,
    output_weight: tf.Tensor,
    decay: float,
) -> Gradients:
    """The same by automatic differentiation; arguments as those of `intermediate_values`."""
    given = {"inputs": inputs, "targets": targets, "hidden_weight": hidden_weight, "output_weight": output_weight}
    with tf.GradientTape() as tape:
        tape.watch(given)
        values = intermediate_values(**given, decay=decay)
    every = {**given, **values._asdict()}
    sources = [every[name] for name in Gradients._fields]
    return Gradients(*tape.gradient(values.objective, sources))  # differs: X-gradients-between
