"""Edges: a kernel of two weights finds them, and gradient descent finds the kernel from the edges."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Call, Case, Concept, Dataset, Difference, Exhibit

__all__ = ["CONCEPT", "EDGE_KERNEL", "Course", "check_target", "stripe"]


class Course(NamedTuple):
    """How a kernel changes while it learns."""

    kernels: Any
    """(steps + 1, A, B): the start, then the kernel after each step."""
    losses: Any
    """(steps,): the sum of squared errors before each step."""


EDGE_KERNEL = np.array([[1.0, -1.0]])
"""1 where white becomes black from left to right, -1 where black becomes white, 0 within."""


def stripe(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Array:
    """A white image (1) with a black stripe (0) from column left to column right - 1."""
    image = np.ones((height, width))
    image[:, left:right] = 0.0
    return image


def check_target(image: tuple[int, ...], target: tuple[int, ...], kernel: tuple[int, ...], steps: int) -> None:
    """ValueError unless the kernel's windows are as many as the target has pixels, and no step is asked back."""
    expected = tuple(size - window + 1 for size, window in zip(image, kernel, strict=True))
    if tuple(target) != expected:
        raise ValueError(
            f"target of shape {tuple(target)}: expected {expected}, the windows of shape {tuple(kernel)} "
            f"in an image of shape {tuple(image)}"
        )
    if steps < 0:
        raise ValueError(f"steps {steps}: expected 0 or more")


# Distinct sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(53)
_STRIPE = stripe()
_PHOTO = _RNG.normal(size=(7, 5))
_KERNELS = {"row": _RNG.normal(size=(1, 2)), "block": _RNG.normal(size=(3, 2))}


# --- the third opinion ---------------------------------------------------------------------------------------


def _correlated(image: Array, kernel: Array) -> Array:
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    found: Array = np.einsum("ijab,ab->ij", windows, kernel)
    return found


def _course(image: Array, target: Array, start: Array, learning_rate: float, steps: int) -> Course:
    kernels, losses = [start], []
    for _ in range(steps):
        error = _correlated(image, kernels[-1]) - target
        losses.append((error**2).sum())
        kernels.append(kernels[-1] - learning_rate * 2 * _correlated(image, error))
    return Course(np.array(kernels), np.array(losses, start.dtype))


def _learning(image: Array, target: Array, start: Array, rate: float, steps: int) -> dict[str, Any]:
    return {"image": image, "target": target, "start": start, "learning_rate": rate, "steps": steps}


def _study(call: Call, dataset: Dataset | None) -> tuple[Exhibit, ...]:
    target = call("edges", image=_STRIPE, kernel=EDGE_KERNEL)["value"]
    course = call("learned_kernel", image=_STRIPE, target=target, start=_KERNELS["row"], learning_rate=3e-2, steps=20)
    steps, left, right = np.arange(21), *course["kernels"].reshape(21, 2).T
    pictures = np.stack([_STRIPE, np.pad((target + 1) / 2, ((0, 0), (0, 1)), constant_values=0.5)])
    return (
        Exhibit("the image, and its edges", "images", {"images": pictures[None, :, None]}),
        Exhibit("squared error", "lines", {"error": course["losses"]}, x="step", y="error", scale="log"),
        Exhibit("the kernel", "lines", {"x": steps, "left weight": left, "right weight": right}, x="step", y="weight"),
    )


CONCEPT = Concept(
    module=__name__,
    title="Edge detector and learning its kernel by gradient descent",
    kind="procedure",
    summary="A kernel of 1 and -1 marks vertical edges; from image and edges alone, a convolution learns that kernel.",
    sources=("Zhang, Lipton, Li, Smola, Dive into Deep Learning, sections 7.2.3 and 7.2.4",),
    differences=(
        Difference("D007", "layout of kernels", tf="(A, B, in, out)", torch="(out, in, A, B)", ours="(A, B)"),
        Difference(
            "D051",
            "the kernel that a new layer starts with",
            tf="Glorot uniform",
            torch="uniform, bounded by 1/sqrt(fan_in)",
            ours="an argument",
        ),
        Difference(
            "D175",
            "gradients of a second step",
            tf="a new tape has new ones",
            torch="are added to those of the first unless they are cleared",
            ours="of each step alone",
        ),
    ),
    cases=(
        *(
            Case("edges", {"image": image, "kernel": kernel}, _correlated, wrt=("image", "kernel"), label=label)
            for label, image, kernel in (
                ("stripe", _STRIPE, EDGE_KERNEL),
                ("lying_stripe", _STRIPE.T.copy(), EDGE_KERNEL),  # no vertical edge: zeros
                ("photo_row", _PHOTO, _KERNELS["row"]),
                ("photo_block", _PHOTO, _KERNELS["block"]),
                ("one_window", _PHOTO, _PHOTO[::-1].copy()),
            )
        ),
        *(
            Case("learned_kernel", _learning(image, _correlated(image, goal), start, rate, steps), _course, label=label)
            for label, image, goal, start, rate, steps in (
                ("stripe", _STRIPE, EDGE_KERNEL, _KERNELS["row"], 3e-2, 10),
                ("photo", _PHOTO, _KERNELS["block"], _KERNELS["block"][::-1].copy(), 1e-2, 25),
                ("found_already", _STRIPE, EDGE_KERNEL, EDGE_KERNEL, 3e-2, 2),
                ("no_step", _STRIPE, EDGE_KERNEL, _KERNELS["row"], 3e-2, 0),
                ("rate_too_high", _STRIPE, EDGE_KERNEL, _KERNELS["row"], 0.1, 5),  # diverges
            )
        ),
        Case(
            "learned_kernel",
            _learning(_STRIPE, _STRIPE, _KERNELS["row"], 3e-2, 2),
            raises=ValueError,
            label="target_too_large",
        ),
        Case(
            "learned_kernel",
            _learning(_STRIPE, _correlated(_STRIPE, EDGE_KERNEL), _KERNELS["row"], 3e-2, -1),
            raises=ValueError,
            label="steps_below_0",
        ),
    ),
    study=_study,
)
