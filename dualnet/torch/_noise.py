"""Dropout layers of PyTorch that draw from `dualnet.noise` instead of PyTorch's generator."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from dualnet.noise import Stream

__all__ = ["noise"]

ALPHA = -1.7580993408473766  # the value of SELU far left of 0: Klambauer et al. (2017), section 2
CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
KINDS = (nn.Dropout, *CHANNELS, nn.AlphaDropout)


@contextmanager
def noise(model: nn.Module, seed: int) -> Iterator[dict[str, Stream]]:
    """See `dualnet.interface.Backend.noise`."""
    replaced: list[nn.Module] = []
    streams: dict[str, Stream] = {}
    try:
        for name, module in model.named_modules():
            # A subclass with a forward of its own is nobody's dropout but its author's.
            if any(isinstance(module, kind) and type(module).forward is kind.forward for kind in KINDS):
                streams[name] = Stream(seed, name)
                module.forward = _drawing(module, streams[name])
                replaced.append(module)
        yield streams
    finally:
        for module in replaced:
            del module.forward


def _drawing(module: nn.Module, stream: Stream) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(x: torch.Tensor) -> torch.Tensor:
        if not module.training:
            return x
        rate = module.p
        shape = tuple(x.shape)
        if isinstance(module, CHANNELS):
            shape = (*shape[:2], *(1 for _ in shape[2:]))  # N C 1 ...: whole channels
        keep = torch.as_tensor(stream.keep(rate, shape)).to(x)
        if isinstance(module, nn.AlphaDropout):
            return _affine(x * keep + ALPHA * (1 - keep), rate)
        return x * keep / (1 - rate) if rate < 1 else x * keep

    return forward


def _affine(x: torch.Tensor, rate: float) -> torch.Tensor:
    """Brings mean 0 and variance 1 back after values were set to ALPHA."""
    a = ((1 - rate) * (1 + rate * ALPHA**2)) ** -0.5 if rate < 1 else 0.0
    return a * x - a * ALPHA * rate
