"""Devices: where a tensor lies decides who computes with it; between host and device it has to be copied."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "Copies"]


class Copies(NamedTuple):
    """A tensor and its copies, all as it."""

    back: Any
    """Of the copy on the device, one on the host again."""
    changed: Any
    """The copy on the device, after 1 was added to it."""
    original: Any
    """The tensor, after its copy was changed."""


# Distinct prime sizes, no zeros, no symmetry; values that TF32 would round: it keeps 10 bits of 23.
_RNG = np.random.default_rng(53)
_X = _RNG.normal(size=(5, 31))


def _product(x: Array) -> Array:
    found: Array = x @ x.T
    return found


CONCEPT = Concept(
    module=__name__,
    title="Device selection and host/device copies",
    kind="procedure",
    summary="Tensors lie on a device and are computed with there; a program asks for a GPU and lives without one.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 6.7",),
    differences=(
        Difference(
            "D260",
            "precision of float32 products on a GPU",
            tf="TF32, unless it is turned off",
            torch="float32; TF32 in convolutions",
            ours="float32",
            demo=Demo(
                tf="tf.config.experimental.tensor_float_32_execution_enabled()",
                torch="torch.backends.cuda.matmul.allow_tf32",
            ),
        ),
        Difference(
            "X-device-choice",
            "who computes",
            tf="the first GPU, if there is one; with tf.device says otherwise, and copies by itself",
            torch="the device on which the tensors are: all on the same one, or RuntimeError",
            ours="the device that is asked for",
            demo=Demo(
                tf="""
                    with tf.device("GPU:0"):  # the CPU where there is none
                        there = tf.identity(y)
                    x + there
                """,
                torch="""
                    there = y.to("meta")  # the one other device that every machine has
                    x + there
                """,
            ),
        ),
        Difference(
            "X-device-copy",
            "a copy to the device where a tensor is already",
            tf="tf.identity makes one; tensors never change anyway",
            torch="to() returns the tensor itself, to(copy=True) copies",
            ours="a copy",
            demo=Demo(
                tf="""
                    with tf.device(x.device):
                        there = tf.identity(x)
                    there is x
                """,
                torch="""
                    there = x.to(x.device)
                    there is x
                """,
            ),
        ),
    ),
    cases=(
        Case("cpu", {"x": _X}, _product),
        Case("try_gpu", {"x": _X, "index": 0}, lambda x, index: _product(x)),
        Case("try_gpu", {"x": _X, "index": 1000}, lambda x, index: _product(x), label="not_so_many"),
        Case("gpu", {"x": _X, "index": 1000}, raises=ValueError, label="not_so_many"),
        Case("gpu", {"x": _X, "index": -1}, raises=ValueError, label="below_0"),
        Case("copy", {"x": _X}, lambda x: Copies(x, x + 1, x)),
        Case("copy", {"x": _X[:0]}, lambda x: Copies(x, x + 1, x), label="no_row"),
    ),
)
