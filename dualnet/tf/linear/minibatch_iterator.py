"""Minibatches in TensorFlow. Source: Dive into Deep Learning, section 3.3.

On this side a tf.data.Dataset is a pipeline: each step maps what comes out of the one before.
"""

from collections.abc import Iterable, Iterator

import tensorflow as tf

from dualnet.concepts.linear.minibatch_iterator import Batches, EpochLoss, Examples, check_order

__all__ = ["epoch_loss", "generator", "native_loader", "synthetic_data"]


def synthetic_data(draws: tf.Tensor, noise: tf.Tensor, weight: tf.Tensor, bias: float) -> Examples:
    """Rows with targets that are linear in them, but for a little noise.

    Args:
        draws: (N, F), normal: the features.
        noise: (N, 1), normal: a hundredth of it is added.
        weight: (F, 1).
        bias: added to each target.

    Returns:
        Features and targets.
    """
    return Examples(draws, draws @ weight + bias + 0.01 * noise)


def generator(features: tf.Tensor, targets: tf.Tensor, order: tf.Tensor, batch_size: int, drop_last: bool) -> Batches:
    """An epoch by a generator of our own.

    Args:
        features: (N, F).
        targets: (N, 1).
        order: (R,) int64, the rows as they shall come.
        batch_size: rows of a batch.
        drop_last: leave out what is too little for a whole batch.

    Returns:
        The batches.

    Raises:
        ValueError: the batch size is below 1.
        IndexError: a row is not there.
    """
    check_order(order.numpy(), len(features), batch_size)

    def batches() -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]  # B
            if len(rows) == batch_size or not drop_last:
                yield tf.gather(features, rows), tf.gather(targets, rows)

    return _collected(batches(), features, targets)


def native_loader(
    features: tf.Tensor, targets: tf.Tensor, order: tf.Tensor, batch_size: int, drop_last: bool
) -> Batches:
    """The same epoch by the framework's own loader: a TensorDataset in PyTorch, tf.data in TensorFlow."""
    check_order(order.numpy(), len(features), batch_size)
    rows = tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=drop_last)  # differs: D282, D288
    loader = rows.map(lambda i: (tf.gather(features, i), tf.gather(targets, i)))  # differs: X-native-loader
    return _collected(loader, features, targets)


def _collected(batches: Iterable[tuple[tf.Tensor, tf.Tensor]], features: tf.Tensor, targets: tf.Tensor) -> Batches:
    seen = [(features[:0], targets[:0]), *batches]
    x, y = (tf.concat(parts, 0) for parts in zip(*seen, strict=True))
    return Batches(x, y, tf.constant([len(part) for part, _ in seen[1:]], tf.int64))


def epoch_loss(losses: tf.Tensor, sizes: tf.Tensor) -> EpochLoss:
    """The mean of an epoch from the means of its batches: they differ where the last batch is short.

    Args:
        losses: (S,), the mean loss of each batch.
        sizes: (S,) int64, rows of each batch.

    Returns:
        Both means.
    """
    shares = tf.cast(sizes, losses.dtype) / tf.cast(tf.reduce_sum(sizes), losses.dtype)  # S
    return EpochLoss(tf.reduce_mean(losses), tf.reduce_sum(losses * shares))
