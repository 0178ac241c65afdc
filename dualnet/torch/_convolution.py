"""Convolution with the same number of zeros on every side."""

from typing import Any

import torch
from torch import nn

__all__ = ["Conv2D"]


class Conv2D(nn.Conv2d):
    """A convolution of odd kernels, padded alike on every side so that stride 1 keeps the size (differs: D001).

    Args:
        in_channels: feature maps that enter it.
        channels: feature maps that leave it.
        kernel: height and width of the kernel, in pixels; odd.
        stride: pixels from one window to the next.
        settings: any other setting of the PyTorch layer.
    """

    def __init__(self, in_channels: int, channels: int, kernel: int, stride: int = 1, **settings: Any) -> None:
        # A 1x1 window sees every stride-th pixel and nothing else: taking those first is the same, and PyTorch's
        # float32 gradient of a strided 1x1 kernel writes past its memory on some shapes on a CPU (oneDNN).
        self.step = stride if kernel == 1 else 1
        super().__init__(in_channels, channels, kernel, stride // self.step, padding=kernel // 2, **settings)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, H, W) to (N, channels, ceil(H / stride), ceil(W / stride))."""
        if self.step > 1:
            x = x[:, :, :: self.step, :: self.step]
        return super().forward(x)
