"""Cross-correlation and convolution of one channel: a window slides over an image, or over a signal."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Difference, choose

__all__ = ["CONCEPT", "padding"]


def padding(mode: str, sizes: tuple[int, ...], kernel_sizes: tuple[int, ...]) -> list[tuple[int, int]]:
    """Zeros before and after each axis.

    Args:
        mode: "valid": none, the window stays inside; "same": as many outputs as inputs, an odd zero at the end;
            "full": the window meets the input in at least one element.
        sizes, kernel_sizes: of the input and of the kernel, axis by axis.

    Raises:
        ValueError: the mode is unknown, or the kernel is empty or larger than the input.
    """
    if not all(0 < kernel <= size for size, kernel in zip(sizes, kernel_sizes, strict=True)):
        raise ValueError(f"kernel of shape {kernel_sizes}: expected at least 1 and at most the input's {sizes}")
    law: Callable[[int], tuple[int, int]] = choose(
        {
            "valid": lambda size: (0, 0),
            "same": lambda size: ((size - 1) // 2, size // 2),
            "full": lambda size: (size - 1, size - 1),
        },
        mode,
        "mode",
    )
    return [law(size) for size in kernel_sizes]


# Distinct prime sizes, no zeros, no symmetry: a flipped, transposed or shifted kernel cannot hide.
_RNG = np.random.default_rng(41)
_IMAGE = _RNG.normal(size=(5, 7))
_KERNEL = _RNG.normal(size=(3, 2))
_EVEN = _RNG.normal(size=(2, 4))
_SIGNAL = _RNG.normal(size=11)
_TAPS = _RNG.normal(size=5)
_BIAS = np.array(0.73)
_EDGE = np.ones((6, 8))
_EDGE[:, 2:6] = 0
_EDGE_KERNEL = np.array([[1.0, -1.0]])
_BROKEN = _IMAGE.copy()
_BROKEN[2, 3], _BROKEN[4, 5] = np.nan, np.inf
_MODES = ("valid", "same", "full")


# --- the third opinion: SciPy slides in full, the modes cut from it ------------------------------------------


def _correlated(x: Array, kernel: Array, mode: str) -> Array:
    from scipy.signal import correlate

    y: Array = correlate(x, kernel, "full", "direct")
    starts = {"valid": [k - 1 for k in kernel.shape], "same": [k // 2 for k in kernel.shape], "full": [0] * x.ndim}
    sizes = {
        "valid": [n - k + 1 for n, k in zip(x.shape, kernel.shape, strict=True)],
        "same": list(x.shape),
        "full": list(y.shape),
    }
    return y[tuple(slice(start, start + size) for start, size in zip(starts[mode], sizes[mode], strict=True))]


def _convolved(x: Array, kernel: Array, mode: Any) -> Array:
    from scipy.signal import convolve

    result: Array = convolve(x, kernel, mode, "direct")
    return result


def _biased(x: Array, kernel: Array, bias: Array, mode: str) -> Array:
    return _correlated(x, kernel, mode) + bias


def _learned(image: Array, target: Array, start: Array, learning_rate: float, steps: int) -> Array:
    kernel = start
    for _ in range(steps):
        slope = 2 * (_correlated(image, kernel, "valid") - target) / target.size
        kernel = kernel - learning_rate * _correlated(image, slope, "valid")
    return kernel


def _cases(function: str, oracle: Callable[..., Any], x: Array, kernels: dict[str, Array], **more: Any) -> list[Case]:
    return [
        Case(
            function,
            {"x": x, "kernel": kernel, **more, "mode": mode},
            oracle,
            wrt=("x", "kernel", *more),
            label=f"{name}_{mode}",
        )
        for name, kernel in kernels.items()
        for mode in _MODES
    ]


_KERNELS_1D = {"odd": _TAPS, "even": _TAPS[:4], "one": _TAPS[:1], "whole": _SIGNAL[::-1].copy()}
_KERNELS_2D = {"odd": _KERNEL, "even": _EVEN, "one": _KERNEL[:1, :1], "whole": _IMAGE[::-1].copy()}
_ALL: dict[str, tuple[Callable[..., Any], Array, dict[str, Array], dict[str, Array]]] = {
    "cross_correlate_1d": (_correlated, _SIGNAL, _KERNELS_1D, {}),
    "cross_correlate_2d": (_correlated, _IMAGE, _KERNELS_2D, {}),
    "convolve_1d": (_convolved, _SIGNAL, _KERNELS_1D, {}),
    "convolve_2d": (_convolved, _IMAGE, _KERNELS_2D, {}),
    "conv1d": (_biased, _SIGNAL, _KERNELS_1D, {"bias": _BIAS}),
    "conv2d": (_biased, _IMAGE, _KERNELS_2D, {"bias": _BIAS}),
}


CONCEPT = Concept(
    module=__name__,
    title="Two-dimensional cross-correlation and true convolution",
    kind="ops",
    summary="A kernel slides over an image and weighs each window; a convolution slides the kernel flipped.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 7.2",
        "Goodfellow, Bengio, Courville 2016, Deep Learning, section 9.1, eq. 9.4-9.6",
    ),
    differences=(
        Difference(
            "D004",
            "'same' padding of an even kernel",
            tf="the extra zero at the end",
            torch="the extra zero at the end, with a warning; padding=size // 2 gives one output more",
            ours="zeros put explicitly, the extra one at the end; at the beginning in a true convolution, as SciPy",
        ),
        Difference(
            "D007",
            "layout of a kernel over an image",
            tf="(height, width, in, out), over N H W C",
            torch="(out, in, height, width), over N C H W",
            ours="(height, width), over H W; each side adds its own axes of size 1",
        ),
        Difference(
            "D009",
            "layout of a kernel over a signal",
            tf="(width, in, out), over N T C",
            torch="(out, in, width), over N C T",
            ours="(width,), over T; each side adds its own axes of size 1",
        ),
        Difference(
            "D026",
            "order of the paddings",
            tf="first axis first, a pair for each axis",
            torch="last axis first, in one flat tuple",
            ours="first axis first",
        ),
        Difference(
            "D272",
            "what is called convolution",
            tf="cross-correlation: the kernel is not flipped",
            torch="cross-correlation: the kernel is not flipped",
            ours="conv1d and conv2d as both call it; convolve_1d and convolve_2d flip, as NumPy and SciPy do",
        ),
    ),
    cases=(
        *(
            case
            for function, (oracle, x, kernels, more) in _ALL.items()
            for case in _cases(function, oracle, x, kernels, **more)
        ),
        *(
            Case(function, {"x": _BROKEN, "kernel": _KERNEL, **more, "mode": "same"}, oracle, label="nan_and_infinity")
            for function, (oracle, x, _, more) in _ALL.items()
            if x.ndim == 2
        ),
        *(
            Case(
                function,
                {"x": x, "kernel": np.ones((2, 14)[-x.ndim :]), **more, "mode": "same"},
                raises=ValueError,
                label="kernel_too_large",
            )
            for function, (_, x, _, more) in _ALL.items()
        ),
        *(
            Case(
                function,
                {"x": x, "kernel": kernels["odd"][:0], **more, "mode": "full"},
                raises=ValueError,
                label="empty_kernel",
            )
            for function, (_, x, kernels, more) in _ALL.items()
        ),
        Case("cross_correlate_2d", {"x": _IMAGE, "kernel": _KERNEL, "mode": "wrap"}, raises=ValueError, label="mode"),
        Case("cross_correlate_2d", {"x": _EDGE, "kernel": _EDGE_KERNEL, "mode": "valid"}, _correlated, label="d2l"),
        Case(
            "learned_kernel",
            {
                "image": _IMAGE,
                "target": _correlated(_IMAGE, _KERNEL, "valid"),
                "start": -0.5 * _KERNEL,
                "learning_rate": 0.125,
                "steps": 5,
            },
            _learned,
            wrt=("image", "target", "start"),
        ),
        Case(
            "learned_kernel",
            {
                "image": _IMAGE,
                "target": _IMAGE[1:, :4],
                "start": _RNG.normal(size=(2, 4)),
                "learning_rate": 0.125,
                "steps": 0,
            },
            _learned,
            wrt=("start",),
            label="no_step",
        ),
    ),
)
