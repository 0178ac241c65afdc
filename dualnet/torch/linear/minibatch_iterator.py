"""Minibatches in PyTorch. Source: Dive into Deep Learning, section 3.3.

On this side a DataLoader asks a data set for rows, in the order of a sampler, and stacks them.
"""

from collections.abc import Iterable, Iterator

import torch
from torch.utils.data import DataLoader, TensorDataset

from dualnet.concepts.linear.minibatch_iterator import Batches, EpochLoss, Examples, check_order

__all__ = ["epoch_loss", "generator", "native_loader", "synthetic_data"]


def synthetic_data(draws: torch.Tensor, noise: torch.Tensor, weight: torch.Tensor, bias: float) -> Examples:
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


def generator(
    features: torch.Tensor, targets: torch.Tensor, order: torch.Tensor, batch_size: int, drop_last: bool
) -> Batches:
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
    check_order(order.numpy(force=True), len(features), batch_size)

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]  # B
            if len(rows) == batch_size or not drop_last:
                yield features[rows], targets[rows]

    return _collected(batches(), features, targets)


def native_loader(
    features: torch.Tensor, targets: torch.Tensor, order: torch.Tensor, batch_size: int, drop_last: bool
) -> Batches:
    """The same epoch by the framework's own loader: a TensorDataset in PyTorch, tf.data in TensorFlow."""
    check_order(order.numpy(force=True), len(features), batch_size)
    rows = TensorDataset(features, targets)  # differs: X-native-loader
    loader = DataLoader(rows, batch_size, sampler=order.tolist(), drop_last=drop_last)  # differs: D282, D288
    return _collected(loader, features, targets)


def _collected(
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]], features: torch.Tensor, targets: torch.Tensor
) -> Batches:
    seen = [(features[:0], targets[:0]), *batches]
    x, y = (torch.cat(parts) for parts in zip(*seen, strict=True))
    return Batches(x, y, torch.tensor([len(part) for part, _ in seen[1:]], dtype=torch.int64))


def epoch_loss(losses: torch.Tensor, sizes: torch.Tensor) -> EpochLoss:
    """The mean of an epoch from the means of its batches: they differ where the last batch is short.

    Args:
        losses: (S,), the mean loss of each batch.
        sizes: (S,) int64, rows of each batch.

    Returns:
        Both means.
    """
    shares = sizes.to(losses.dtype) / sizes.sum()  # S
    return EpochLoss(losses.mean(), (losses * shares).sum())
