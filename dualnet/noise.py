"""Randomness as an input: one counter-based stream from which both sides draw the same numbers. NumPy only."""

import hashlib

import numpy as np

from dualnet.interface import Array

__all__ = ["Stream", "normal", "signed", "uniform"]


def uniform(seed: int, name: str, call: int, shape: tuple[int, ...]) -> Array:
    """Uniform numbers in [0, 1) that depend on nothing but these arguments.

    They are multiples of 2**-24, so that float32 holds them exactly. Another seed or name is another key of the
    generator, another call another block of its counter: no two of them overlap.

    Args:
        seed: decides every number.
        name: who draws: a layer's canonical dotted name.
        call: how often it has drawn before.
        shape: of the result, canonical (channels first).

    Returns:
        A float64 array.

    Source:
        Salmon, Moraes, Dror, Shaw (2011), Parallel random numbers: as easy as 1, 2, 3 (Philox4x64-10).
    """
    key = np.frombuffer(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:16], "<u8")
    generator = np.random.Philox(counter=np.array([0, 0, call, 0], np.uint64), key=key)
    bits = generator.random_raw(int(np.prod(shape, dtype=int)))
    return (bits >> np.uint64(40)).reshape(shape) * 2.0**-24


def normal(seed: int, name: str, call: int, shape: tuple[int, ...]) -> Array:
    """Standard normal numbers that depend on nothing but these arguments; see `uniform`.

    Returns:
        A float64 array, exact in float32; no number is beyond 5.5.
    """
    from scipy.special import ndtri  # only here: most draws are uniform

    middle = uniform(seed, name, call, shape) + 2.0**-25  # never 0 or 1
    drawn: Array = ndtri(middle).astype(np.float32).astype(np.float64)
    return drawn


def signed(seed: int, name: str, call: int, shape: tuple[int, ...]) -> Array:
    """Uniform numbers in [-1, 1) that depend on nothing but these arguments; see `uniform`."""
    return 2.0 * uniform(seed, name, call, shape) - 1.0


class Stream:
    """What one layer draws, call after call.

    Args:
        seed: decides every number.
        name: the layer's canonical dotted name.
    """

    def __init__(self, seed: int, name: str) -> None:
        self.seed, self.name, self.calls = seed, name, 0

    def keep(self, rate: float, shape: tuple[int, ...]) -> Array:
        """The next mask of a dropout of this rate: 1.0 where a number is kept, 0.0 where it is dropped."""
        drawn = uniform(self.seed, self.name, self.calls, shape)
        self.calls += 1
        return (drawn >= rate).astype(np.float64)
