"""Image data sets in PyTorch: torchvision reads idx files; CIFAR-10's binary batches are bytes in a row.

Sources: LeCun et al., The MNIST database; Xiao et al. (2017); Krizhevsky (2009).
"""

import os
from pathlib import Path

import torch
from torchvision.datasets.mnist import read_image_file, read_label_file

from dualnet.concepts.linear.image_classification_datasets import CIFAR10_ROW, Images, cifar10_files, idx_files

__all__ = ["cifar10", "fashion_mnist", "mnist", "unit"]

Folder = str | os.PathLike[str]


def mnist(folder: Folder, train: bool) -> Images:
    """70,000 handwritten digits of 28x28 pixels.

    Args:
        folder: has ``MNIST/raw`` with the idx files, uncompressed.
        train: the 60,000 for training, or the 10,000 for testing.

    Returns:
        The images (N, 1, H, W) and their labels.

    Raises:
        DataError: a file is missing or damaged.
    """
    return _idx(folder, "MNIST", train)


def fashion_mnist(folder: Folder, train: bool) -> Images:
    """70,000 pictures of clothes, as large as `mnist` and in such files, in ``FashionMNIST/raw``."""
    return _idx(folder, "FashionMNIST", train)


def _idx(folder: Folder, name: str, train: bool) -> Images:
    images, labels = idx_files(folder, name, train)
    return Images(read_image_file(str(images))[:, None], read_label_file(str(labels)))  # differs: X-idx-reader


def _content(path: Path) -> torch.Tensor:
    """A file's bytes."""
    return torch.frombuffer(bytearray(path.read_bytes()), dtype=torch.uint8)


def cifar10(folder: Folder, train: bool) -> Images:
    """60,000 colour images of 32x32 pixels in ten classes.

    Args:
        folder: has ``cifar-10-batches-bin`` with the binary version.
        train: the 50,000 for training, or the 10,000 for testing.

    Returns:
        The images (N, 3, 32, 32) and their labels.

    Raises:
        DataError: a file is missing or damaged.
    """
    content = torch.cat([_content(path) for path in cifar10_files(folder, train)])
    rows = content.reshape(-1, CIFAR10_ROW)  # differs: X-cifar10-reader, N 3073
    return Images(rows[:, 1:].reshape(-1, 3, 32, 32), rows[:, 0].to(torch.int64))


def unit(images: torch.Tensor) -> torch.Tensor:
    """Pixels from 0 to 255 (N, C, H, W) as float32 from 0 to 1."""
    return images.to(torch.float32) / 255  # differs: D279
