"""K-fold cross-validation, in PyTorch.

    for each fold: train on all others, measure on it;  the score is the mean over the folds

The model here is a ridge regression: its training is one solution of linear equations.

Source: Stone (1974); Dive into Deep Learning, sections 3.6.4 and 5.7.
On this side a tensor is split into k parts by tensor_split.
"""

import torch

from dualnet.concepts.perceptrons.k_fold_cross_validation import Fold, Scores, check_folds

__all__ = ["cross_validation", "fold"]


def fold(order: torch.Tensor, k: int, index: int) -> Fold:
    """Which rows train and which validate, when one fold is left out.

    Args:
        order: (N,) int64, the rows, shuffled.
        k: how many folds.
        index: the fold that validates, from 0.

    Raises:
        ValueError: there is no row for each fold, or only one fold.
        IndexError: no such fold.
    """
    check_folds(len(order), k)
    parts = list(order.tensor_split(k))  # differs: X-uneven-split
    validation = parts.pop(index)
    return Fold(torch.cat(parts), validation)


def cross_validation(
    features: torch.Tensor, targets: torch.Tensor, order: torch.Tensor, k: int, penalty: float
) -> Scores:
    """The errors of a ridge regression, trained k times.

    Args:
        features: (N, F).
        targets: (N,).
        order: (N,) int64, the rows, shuffled.
        k: how many folds.
        penalty: on the sum of squared weights; the bias has none.

    Raises:
        ValueError: there is no row for each fold, or only one fold.
    """
    rows = torch.cat([features, torch.ones_like(features[:, :1])], dim=1)  # N F+1
    penalties = torch.diag(torch.tensor([penalty] * features.shape[1] + [0.0], dtype=features.dtype))
    errors: tuple[list[torch.Tensor], list[torch.Tensor]] = [], []
    for index in range(k):
        parts = fold(order, k, index)
        x, y = rows[parts.train], targets[parts.train]
        weights = torch.linalg.solve(x.T @ x + penalties, x.T @ y)  # F+1
        for kind, part in zip(errors, parts, strict=True):
            gaps = rows[part] @ weights - targets[part]
            kind.append(gaps.square().mean().sqrt())
    return Scores(*map(torch.stack, errors))
