"""Devices in PyTorch: a tensor has one, and operations run where their tensors are.

Source: Dive into Deep Learning, section 6.7.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dualnet.concepts.computation.device_placement import Copies

__all__ = ["copy", "cpu", "gpu", "try_gpu"]


@contextmanager
def _float32() -> Iterator[None]:
    """Products of float32 numbers in full precision."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False  # differs: D260
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _product(x: torch.Tensor, device: torch.device) -> torch.Tensor:
    moved = x.to(device)  # differs: X-device-choice
    with _float32():
        return moved @ moved.T


def _gpu_or_cpu(index: int) -> torch.device:
    exists = 0 <= index < torch.cuda.device_count()
    return torch.device("cuda", index) if exists else torch.device("cpu")


def cpu(x: torch.Tensor) -> torch.Tensor:
    """The products of the rows (N, F) with each other, (N, N), by the CPU."""
    return _product(x, torch.device("cpu"))


def gpu(x: torch.Tensor, index: int = 0) -> torch.Tensor:
    """The products of the rows (N, F) with each other, (N, N), by the GPU of this number.

    Raises:
        ValueError: there is none.
    """
    count = torch.cuda.device_count()
    if not 0 <= index < count:
        raise ValueError(f"GPU {index}: this machine has {count}; try_gpu takes the CPU where there is none")
    return _product(x, torch.device("cuda", index))


def try_gpu(x: torch.Tensor, index: int = 0) -> torch.Tensor:
    """The products of the rows (N, F) with each other, (N, N), by the GPU of this number, or else by the CPU."""
    return _product(x, _gpu_or_cpu(index))


def copy(x: torch.Tensor) -> Copies:
    """A copy on the first GPU, or on the CPU where there is none; it is changed, and the original is not.

    Args:
        x: any shape.

    Returns:
        The copies, of the same shape.
    """
    there = x.to(_gpu_or_cpu(0), copy=True)  # differs: X-device-copy
    back = there.to(x.device, copy=True)
    there += 1
    return Copies(back, there, x)
