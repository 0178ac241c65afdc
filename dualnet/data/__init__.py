"""Data sets: one NumPy source for both sides, and one order of batches."""

from dualnet.data.batching import order
from dualnet.data.datasets import DATASETS, load

__all__ = ["DATASETS", "load", "order"]
