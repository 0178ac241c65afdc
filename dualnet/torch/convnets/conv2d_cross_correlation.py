"""Cross-correlation and convolution of one channel, in PyTorch.

    y[i, j] = sum over a, b of x[i + a, j + b] kernel[a, b]

is a cross-correlation, which PyTorch calls convolution; a true convolution reads x[i - a, j - b].
The native operations want N C H W images and (out, in, height, width) kernels.
"""

import torch
from torch.nn import functional as F

from dualnet.concepts.convnets.conv2d_cross_correlation import padding

__all__ = [
    "conv1d",
    "conv2d",
    "convolve_1d",
    "convolve_2d",
    "cross_correlate_1d",
    "cross_correlate_2d",
    "learned_kernel",
]


def _pad(x: torch.Tensor, paddings: list[tuple[int, int]]) -> torch.Tensor:
    return F.pad(x, [size for pair in reversed(paddings) for size in pair])  # differs: D026 last axis first


# --- from scratch: one shifted copy of the input for each element of the kernel -----------------------------


def _slide_1d(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    count = len(x) - len(kernel) + 1
    return sum(kernel[a] * x[a : a + count] for a in range(len(kernel)))


def _slide_2d(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    height, width = kernel.shape
    rows, columns = x.shape[0] - height + 1, x.shape[1] - width + 1
    return sum(kernel[a, b] * x[a : a + rows, b : b + columns] for a in range(height) for b in range(width))


def cross_correlate_1d(x: torch.Tensor, kernel: torch.Tensor, mode: str) -> torch.Tensor:
    """Each window of a signal weighed by the kernel, from scratch.

    Args:
        x: (T,).
        kernel: (K,).
        mode: "valid", "same" or "full".

    Returns:
        (T - K + 1,), (T,) or (T + K - 1,).

    Raises:
        ValueError: the mode is unknown, or the kernel is empty or larger than the input.
    """
    return _slide_1d(_pad(x, padding(mode, x.shape, kernel.shape)), kernel)


def cross_correlate_2d(x: torch.Tensor, kernel: torch.Tensor, mode: str) -> torch.Tensor:
    """Each window of an image weighed by the kernel, from scratch.

    Args:
        x: (H, W).
        kernel: (A, B).
        mode: "valid", "same" or "full".

    Returns:
        (H - A + 1, W - B + 1), (H, W) or (H + A - 1, W + B - 1).

    Raises:
        ValueError: the mode is unknown, or the kernel is empty or larger than the input.
    """
    return _slide_2d(_pad(x, padding(mode, x.shape, kernel.shape)), kernel)


def convolve_1d(x: torch.Tensor, kernel: torch.Tensor, mode: str) -> torch.Tensor:
    """The true convolution of a signal, as numpy.convolve: `cross_correlate_1d` with all of it flipped."""
    paddings = [(after, before) for before, after in padding(mode, x.shape, kernel.shape)]  # differs: D004, D272
    return _slide_1d(_pad(x, paddings), kernel.flip(0))


def convolve_2d(x: torch.Tensor, kernel: torch.Tensor, mode: str) -> torch.Tensor:
    """The true convolution of an image, as scipy.signal.convolve2d: `cross_correlate_2d` with all of it flipped."""
    paddings = [(after, before) for before, after in padding(mode, x.shape, kernel.shape)]  # differs: D004, D272
    return _slide_2d(_pad(x, paddings), kernel.flip(0, 1))


# --- native -------------------------------------------------------------------------------------------------


def conv1d(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, mode: str) -> torch.Tensor:
    """`cross_correlate_1d` plus a bias (), by PyTorch's own operation."""
    x = _pad(x, padding(mode, x.shape, kernel.shape))[None, None]  # (1, 1, T)
    y = F.conv1d(x, kernel[None, None], bias[None])  # differs: D009
    return y[0, 0]  # (T,)


def conv2d(x: torch.Tensor, kernel: torch.Tensor, bias: torch.Tensor, mode: str) -> torch.Tensor:
    """`cross_correlate_2d` plus a bias (), by PyTorch's own operation."""
    x = _pad(x, padding(mode, x.shape, kernel.shape))[None, None]  # (1, 1, H, W)
    y = F.conv2d(x, kernel[None, None], bias[None])  # differs: D007
    return y[0, 0]  # (H, W)


# --- a kernel found from what it does -----------------------------------------------------------------------


def learned_kernel(
    image: torch.Tensor, target: torch.Tensor, start: torch.Tensor, learning_rate: float, steps: int
) -> torch.Tensor:
    """The kernel after gradient descent on the mean squared error of its valid cross-correlation.

    Args:
        image: (H, W).
        target: (H - A + 1, W - B + 1).
        start: (A, B), the kernel at first.
        learning_rate: per step.
        steps: how many.

    Returns:
        (A, B); itself differentiable by all three tensors.

    Source:
        Dive into Deep Learning, section 7.2.4.
    """
    kernel = start if start.requires_grad else start.clone().requires_grad_()
    for _ in range(steps):
        loss = F.mse_loss(_slide_2d(image, kernel), target)
        (slope,) = torch.autograd.grad(loss, kernel, create_graph=True)
        kernel = kernel - learning_rate * slope
    return kernel
