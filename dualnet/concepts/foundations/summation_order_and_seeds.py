"""Rounding and randomness: the order of a sum decides its last digits, a seed decides every draw."""

from math import fsum
from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Demo, Difference, Exhibit

__all__ = ["CONCEPT", "Repeat", "check_seed"]


class Repeat(NamedTuple):
    """Whether numbers come back: (3,) bool each, of Python's generator, NumPy's and the framework's."""

    same_after_seeding: Any
    other_without: Any


def check_seed(seed: int) -> None:
    """ValueError unless every generator takes the seed."""
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed}: expected 0 to 2**32 - 1, which is what NumPy takes")


# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(71)
_X = _RNG.normal(size=(3, 101))
_LOST = np.array([[1.0, *[2.0**-25] * 8, -1.0]], np.float32)  # 2**-25 is less than half a unit in the last place of 1
_SUMS = ("sequential_sum", "pairwise_sum", "kahan_sum")


# --- the third opinion: exact sums, or the same order in NumPy -------------------------------------------------


def _exact(x: Array) -> Array:
    return np.array([fsum(row) for row in x], x.dtype)


def _in_order(x: Array) -> Array:
    found: Array = np.cumsum(x, 1)[:, -1]  # NumPy's sum is pairwise, its cumulative sum cannot be
    return found


def _repeat(seed: int) -> Repeat:
    return Repeat(np.array([True] * 3), np.array([True] * 3))


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    sizes = 2 ** np.arange(1, 12)
    numbers = np.random.default_rng(3).uniform(size=(61, sizes[-1])).astype(np.float32)
    errors: dict[str, Array] = {}
    for name in _SUMS:
        found = [call(name, x=numbers[:, :size])["value"] for size in sizes]
        exact = [_exact(numbers[:, :size].astype(np.float64)) for size in sizes]
        errors[name] = np.array([np.sqrt(np.mean((f / e - 1) ** 2)) for f, e in zip(found, exact, strict=True)])
    curves = {"x": np.log2(sizes), **errors}
    exhibit = Exhibit("rounding of float32 sums", "lines", curves, "log2 of how many numbers", "relative error", "log")
    return (exhibit,)


CONCEPT = Concept(
    module=__name__,
    title="Floating-point summation order and control of random seeds",
    kind="procedure",
    summary="Sums of the same numbers in another order end otherwise: by n roundings, by log n, or by hardly any.",
    sources=(
        "Higham (1993), The accuracy of floating point summation, sections 2 to 4",
        "Kahan (1965), Further remarks on reducing truncation errors",
    ),
    differences=(
        Difference(
            "D261",
            "order of a built-in sum",
            tf="depends on the kernel and the threads",
            torch="depends on the kernel and the threads",
            ours="written out: both sides round alike, to the last bit",
            demo=Demo(
                tf="tf.reduce_sum(tf.fill((100_000, 2), 0.1), axis=0)",
                torch="torch.sum(torch.full((100_000, 2), 0.1, dtype=torch.float32), dim=0)",
            ),
        ),
        Difference(
            "D273",
            "random numbers of a seed",
            tf="its own",
            torch="its own",
            ours="those of one side come back; those of the two are not compared",
        ),
        Difference(
            "X-seed-everything",
            "one call that seeds Python, NumPy and the framework",
            tf="keras.utils.set_random_seed",
            torch="none: random.seed, numpy.random.seed, torch.manual_seed",
            ours="all three",
            demo=Demo(
                tf="""
                    import random

                    keras.utils.set_random_seed(7)
                    first = random.random(), np.random.random(), float(tf.random.uniform(()))
                    keras.utils.set_random_seed(7)
                    again = random.random(), np.random.random(), float(tf.random.uniform(()))
                    [a == b for a, b in zip(first, again)]
                """,
                torch="""
                    import random

                    torch.manual_seed(7)
                    first = random.random(), np.random.random(), float(torch.rand(()))
                    torch.manual_seed(7)
                    again = random.random(), np.random.random(), float(torch.rand(()))
                    [a == b for a, b in zip(first, again)]
                """,
            ),
        ),
    ),
    cases=(
        Case("sequential_sum", {"x": _X}, _in_order),
        Case("pairwise_sum", {"x": _X}, _exact),
        Case("kahan_sum", {"x": _X}, _exact),
        Case("sequential_sum", {"x": _LOST}, lambda x: np.zeros(1, x.dtype), label="lost"),
        Case("pairwise_sum", {"x": _LOST}, lambda x: np.array([2.0**-23], x.dtype), label="half_lost"),
        Case("kahan_sum", {"x": _LOST}, _exact, label="kept"),
        *(
            Case(function, {"x": x}, lambda x: x.sum(1), label=label)
            for function in _SUMS
            for label, x in (("one", _X[:, :1]), ("none", _X[:, :0]), ("no_row", _X[:0]))
        ),
        Case("seed_everything", {"seed": 7}, lambda seed: np.array(seed)),
        *(Case("seed_everything", {"seed": s}, raises=ValueError, label=f"seed_{s}") for s in (-1, 2**32)),
        Case("repeated_draws", {"seed": 11}, _repeat),
        Case("repeated_training", {"seed": 13}, lambda seed: np.array(True)),
    ),
    study=_study,
)
