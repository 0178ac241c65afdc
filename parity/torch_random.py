"""PyTorch's random functions, drawing from the engine's stream instead of PyTorch's generator."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import ndtri
from torch.nn import functional as F

from dualnet.interface import Array

__all__ = ["SAMPLERS"]

Draw = Callable[[tuple[int, ...]], Array]
"""Uniform numbers in (0, 1) of a shape."""
ALPHA = -1.7580993408473766
"""The value of SELU far left of 0: Klambauer et al. (2017), section 2."""


def _like(values: Array, tensor: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values).to(tensor)


def _standard(law: Callable[[Array], Any]) -> Callable[..., torch.Tensor]:
    """A function that makes a tensor: the same tensor with other numbers."""

    def sampler(draw: Draw, function: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        made: torch.Tensor = function(*args, **kwargs)
        return _like(law(draw(tuple(made.shape))), made).requires_grad_(made.requires_grad)

    return sampler


def _normal(draw: Draw, function: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
    made: torch.Tensor = function(*args, **kwargs)
    mean = kwargs.get("mean", args[0] if args else 0.0)
    std = kwargs.get("std", args[1] if len(args) > 1 else 1.0)
    return _like(ndtri(draw(tuple(made.shape))), made) * std + mean


def _bernoulli(draw: Draw, function: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    share = kwargs.get("p", args[0] if args and isinstance(args[0], float) else x)
    return (_like(draw(tuple(x.shape)), x) < share).to(x.dtype)


def _normal_(draw: Draw, function: Any, x: torch.Tensor, mean: float = 0.0, std: float = 1.0, **_: Any) -> torch.Tensor:
    return x.copy_(_like(ndtri(draw(tuple(x.shape))) * std + mean, x))


def _uniform_(draw: Draw, function: Any, x: torch.Tensor, low: float = 0.0, high: float = 1.0, **kwargs: Any) -> Any:
    low, high = kwargs.get("from", low), kwargs.get("to", high)
    return x.copy_(_like(draw(tuple(x.shape)) * (high - low) + low, x))


def _bernoulli_(draw: Draw, function: Any, x: torch.Tensor, p: Any = 0.5, **_: Any) -> torch.Tensor:
    return x.copy_((_like(draw(tuple(x.shape)), x) < p).to(x.dtype))


def _alpha_dropout(channels: bool) -> Callable[..., torch.Tensor]:
    def sampler(
        draw: Draw, function: Any, x: torch.Tensor, p: float = 0.5, training: bool = False, **_: Any
    ) -> torch.Tensor:
        if not training or not p:
            return x
        shape = (*x.shape[:2], *[1] * (x.dim() - 2)) if channels else tuple(x.shape)
        kept = _like(draw(shape) >= p, x)
        scale = float(((1 - p) * (1 + p * ALPHA**2)) ** -0.5)
        return scale * (x * kept + ALPHA * (1 - kept)) - scale * ALPHA * p

    return sampler


SAMPLERS: dict[Any, Callable[..., torch.Tensor]] = {
    torch.randn: _standard(ndtri), torch.randn_like: _standard(ndtri), torch.normal: _normal,
    torch.rand: _standard(np.asarray), torch.rand_like: _standard(np.asarray), torch.bernoulli: _bernoulli,
    torch.Tensor.bernoulli: _bernoulli, torch.Tensor.normal_: _normal_, torch.Tensor.uniform_: _uniform_,
    torch.Tensor.bernoulli_: _bernoulli_, F.alpha_dropout: _alpha_dropout(False),
    F.feature_alpha_dropout: _alpha_dropout(True),
}  # fmt: skip
"""What draws, and how it draws from a stream of uniform numbers."""
