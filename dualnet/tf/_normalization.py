"""Batch normalization that keeps the same running statistics as PyTorch's."""

import tensorflow as tf
from keras import layers

__all__ = ["BatchNorm"]


class BatchNorm(layers.BatchNormalization):
    """Batch normalization over all axes but the last; its running variance is the unbiased one, as in PyTorch.

    Args:
        epsilon: added to the variance.
        momentum: the share of the running statistics that comes from the newest batch, as in PyTorch.
        name: the layer's name.
    """

    def __init__(self, epsilon: float, momentum: float, *, name: str) -> None:
        super().__init__(epsilon=epsilon, momentum=1.0 - momentum, name=name)
        self.share = momentum

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The normalised input; in training, the running statistics move."""
        if not training:
            return super().call(x, training=False)
        if x.dtype == tf.float32 and x.shape.rank == 4:  # one kernel for all of it, with the unbiased variance
            y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
                x=x, scale=self.gamma, offset=self.beta, mean=[], variance=[], epsilon=self.epsilon, is_training=True
            )
        else:
            mean, biased = tf.nn.moments(x, axes=list(range(x.shape.rank - 1)))
            count = tf.cast(tf.size(x) // x.shape[-1], x.dtype)
            variance = biased * count / (count - 1)
            y = tf.nn.batch_normalization(x, mean, biased, self.beta, self.gamma, self.epsilon)
        share = tf.constant(self.share, x.dtype)
        self.moving_mean.assign((1 - share) * self.moving_mean + share * mean)
        self.moving_variance.assign((1 - share) * self.moving_variance + share * variance)
        return y
