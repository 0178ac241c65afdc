"""Convolutions over several channels: dense, one by one, grouped, depthwise, separable."""

from typing import Any

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "check_fit"]


def check_fit(shape: tuple[int, ...], weight_shape: tuple[int, ...], groups: int = 1) -> None:
    """ValueError unless a weight (out, in / groups, ...) fits the channels and the size of an input (N, in, ...)."""
    channels = shape[1]
    if groups < 1 or weight_shape[1] * groups != channels or weight_shape[0] % groups:
        raise ValueError(
            f"{channels} channels and a weight of shape {tuple(weight_shape)} in {groups} groups: expected a weight "
            f"(out, {channels} / groups, ...), with out a multiple of groups"
        )
    if any(kernel > size for kernel, size in zip(weight_shape[2:], shape[2:], strict=True)):
        raise ValueError(f"a weight of shape {tuple(weight_shape)} on {tuple(shape)}: expected a kernel no larger")


# Distinct sizes, no zeros, no symmetry: exchanged axes or interleaved groups cannot hide.
_RNG = np.random.default_rng(47)
_IMAGES = _RNG.normal(size=(2, 6, 3, 4))
_SIGNALS = _RNG.normal(size=(2, 3, 11))
_VOLUMES = _RNG.normal(size=(2, 2, 3, 2, 4))
_WEIGHT = _RNG.normal(size=(5, 6, 2, 3))
_BIAS = _RNG.normal(size=5)
_SQUARE = _RNG.normal(size=(2, 2, 2, 2))  # every layout of it has the same shape
_D2L_IMAGES = np.stack([np.arange(9.0), np.arange(1.0, 10.0)]).reshape(1, 2, 3, 3)
_D2L_KERNEL = np.stack([np.arange(4.0), np.arange(1.0, 5.0)]).reshape(1, 2, 2, 2)


# --- the third opinion: NumPy gathers the windows -------------------------------------------------------------


def _windows(x: Array, weight: Array) -> Array:
    axes = tuple(range(2, x.ndim))
    return np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axes)


def _conv(x: Array, weight: Array, bias: Array) -> Array:
    kept = x.ndim - 2  # axes of space
    outer, inner = "hwd"[:kept], "abc"[:kept]
    y = np.einsum(f"ni{outer}{inner},oi{inner}->no{outer}", _windows(x, weight), weight)
    return y + bias.reshape(-1, *[1] * kept)


def _grouped(x: Array, weight: Array, bias: Array, groups: int) -> Any:
    windows = _windows(x, weight)
    windows = windows.reshape(len(x), groups, x.shape[1] // groups, *windows.shape[2:])
    y = np.einsum("ngihwab,goiab->ngohw", windows, weight.reshape(groups, -1, *weight.shape[1:]))
    return y.reshape(len(x), len(weight), *y.shape[3:]) + bias[:, None, None]


def _depthwise(x: Array, weight: Array) -> Array:
    return _grouped(x, weight, np.zeros(len(weight)), x.shape[1])


def _separable(x: Array, depthwise: Array, pointwise: Array, bias: Array) -> Array:
    return np.einsum("nmhw,om->nohw", _depthwise(x, depthwise), pointwise[:, :, 0, 0]) + bias[:, None, None]


def _one_by_one(x: Array, weight: Array, bias: Array) -> Any:
    return np.moveaxis(np.tensordot(x, weight[:, :, 0, 0], (1, 1)), -1, 1) + bias[:, None, None]


_CONV = {
    "": (_IMAGES, _WEIGHT, _BIAS),
    "square": (_IMAGES[:, :2], _SQUARE, _BIAS[:2]),
    "one_channel_in": (_IMAGES[:, :1], _WEIGHT[:, :1], _BIAS),
    "one_channel_out": (_IMAGES, _WEIGHT[:1], _BIAS[:1]),
    "one_window": (_IMAGES[:, :, :2, :3], _WEIGHT, _BIAS),
    "d2l": (_D2L_IMAGES, np.concatenate([_D2L_KERNEL + i for i in range(3)]), np.array([0.5, -1.0, 2.0])),
    "no_example": (_IMAGES[:0], _WEIGHT, _BIAS),
}
_ONE_BY_ONE = {
    "": (_IMAGES, _WEIGHT[:, :, :1, :1], _BIAS),
    "as_many": (_IMAGES[:, :2], _SQUARE[:, :, :1, 1:], _BIAS[:2]),
    "one_channel": (_IMAGES[:, :1], _WEIGHT[:, :1, :1, :1], _BIAS),
    "no_example": (_IMAGES[:0], _WEIGHT[:, :, :1, :1], _BIAS),
}
_GROUPED = {
    "1_group": (_IMAGES, _WEIGHT, _BIAS, 1),
    "2_groups": (_IMAGES, _RNG.normal(size=(4, 3, 2, 2)), _RNG.normal(size=4), 2),
    "3_groups": (_IMAGES, _RNG.normal(size=(9, 2, 2, 3)), _RNG.normal(size=9), 3),
    "all_groups": (_IMAGES, _RNG.normal(size=(6, 1, 2, 3)), _RNG.normal(size=6), 6),
    "no_example": (_IMAGES[:0], _RNG.normal(size=(4, 3, 2, 2)), _RNG.normal(size=4), 2),
}
_DEPTHWISE = {f"multiplier_{m}": (_IMAGES, _RNG.normal(size=(6 * m, 1, 2, 3))) for m in (1, 2)} | {
    "no_example": (_IMAGES[:0], _RNG.normal(size=(12, 1, 2, 3)))
}
_NAMES = ("x", "weight", "bias", "groups")


def _cases(functions: tuple[str, ...], oracle: Any, calls: dict[str, tuple[Any, ...]]) -> list[Case]:
    return [
        Case(
            function,
            arguments := dict(zip(_NAMES, args, strict=False)),
            oracle,
            wrt=tuple(name for name in arguments if name != "groups") if args[0].size else (),
            label=label,
        )
        for function in functions
        for label, args in calls.items()
    ]


CONCEPT = Concept(
    module=__name__,
    title="Multiple input and output channels, 1x1 convolution",
    kind="ops",
    summary="Each output channel sums one kernel per input channel; fewer connections make it grouped or depthwise.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 7.4",
        "Lin, Chen, Yan 2014, Network in Network, section 3.1 (1x1)",
        "Krizhevsky, Sutskever, Hinton 2012, ImageNet Classification, section 3.5 (groups)",
        "Chollet 2017, Xception, section 2 (depthwise separable)",
    ),
    differences=(
        Difference(
            "D007",
            "layout of a two-dimensional weight",
            tf="(height, width, in, out)",
            torch="(out, in, height, width)",
            ours="(out, in, height, width)",
            demo=Demo(
                tf="""
                    layer = keras.layers.Conv2D(6, (3, 2))
                    layer(images)
                    tuple(layer.kernel.shape)
                """,
                torch="""
                    layer = torch.nn.Conv2d(4, 6, (3, 2))
                    layer(images)
                    layer.weight.shape
                """,
            ),
        ),
        Difference(
            "D008",
            "layout of a dense weight",
            tf="(in, out): y = x W",
            torch="(out, in): y = x W^T",
            ours="(out, in), of the 1x1 kernel too",
        ),
        Difference(
            "D009",
            "layout of a one-dimensional weight",
            tf="(width, in, out)",
            torch="(out, in, width)",
            ours="(out, in, width)",
            demo=Demo(
                tf="""
                    layer = keras.layers.Conv1D(6, 3)
                    layer(series)
                    tuple(layer.kernel.shape)
                """,
                torch="""
                    layer = torch.nn.Conv1d(4, 6, 3)
                    layer(series)
                    layer.weight.shape
                """,
            ),
        ),
        Difference(
            "D010",
            "layout of a three-dimensional weight",
            tf="(depth, height, width, in, out)",
            torch="(out, in, depth, height, width)",
            ours="(out, in, depth, height, width)",
            demo=Demo(
                tf="""
                    layer = keras.layers.Conv3D(6, (3, 2, 2))
                    layer(volumes)
                    tuple(layer.kernel.shape)
                """,
                torch="""
                    layer = torch.nn.Conv3d(4, 6, (3, 2, 2))
                    layer(volumes)
                    layer.weight.shape
                """,
            ),
        ),
        Difference(
            "D011",
            "layout of a depthwise weight",
            tf="(height, width, in, multiplier); output channel in * multiplier + m",
            torch="(in * multiplier, 1, height, width), with groups=in",
            ours="(in * multiplier, 1, height, width)",
        ),
        Difference(
            "D012",
            "layout of a grouped weight",
            tf="(height, width, in / groups, out), groups side by side on the last axis",
            torch="(out, in / groups, height, width), groups side by side on the first axis",
            ours="(out, in / groups, height, width)",
            demo=Demo(
                tf="""
                    layer = keras.layers.Conv2D(6, (3, 2), groups=2)
                    layer.build(images.shape)
                    tuple(layer.kernel.shape)
                """,
                torch="""
                    layer = torch.nn.Conv2d(4, 6, (3, 2), groups=2)
                    layer.weight.shape
                """,
            ),
        ),
        Difference(
            "D018",
            "biases of a separable convolution",
            tf="one, after the pointwise step",
            torch="one for each of two layers, unless turned off",
            ours="one, after the pointwise step",
        ),
        Difference(
            "D025",
            "channels first on a CPU",
            tf="float32 only",
            torch="always",
            ours="channels first, turned to channels last inside TensorFlow",
        ),
        Difference(
            "X-conv-empty-batch",
            "convolution of no example",
            tf="in float32 on a CPU the result has the input's shape",
            torch="(0, out, H, W)",
            ours="(0, out, H, W)",
        ),
        Difference(
            "X-conv-no-window",
            "a kernel larger than the image",
            tf="an empty result, or an AbortedError",
            torch="RuntimeError",
            ours="ValueError",
        ),
        Difference(
            "X-grouped-gradient",
            "gradient of a grouped convolution on a CPU",
            tf="none in float64, but in XLA",
            torch="in every type",
            ours="in every type: TensorFlow takes the groups one by one, but in float32",
            demo=Demo(
                tf="""
                    with tf.device("CPU"):
                        found = tf.nn.conv2d(images, kernel[:, :, :2], 1, "VALID")
                    found
                """,
                torch="""
                    found = torch.nn.functional.conv2d(images, kernel[:, :2], groups=2)
                    found
                """,
            ),
        ),
        Difference(
            "X-group-guess",
            "a weight that fits fewer channels than there are",
            tf="taken as a grouped convolution wherever the channels divide",
            torch="RuntimeError",
            ours="ValueError",
            demo=Demo(
                tf='tf.nn.conv2d(images, kernel[:, :, :2], 1, "VALID").shape',
                torch="torch.nn.functional.conv2d(images, kernel[:, :2]).shape",
            ),
        ),
    ),
    cases=(
        *_cases(("conv2d_from_scratch", "conv2d"), _conv, _CONV),
        *_cases(
            ("conv1d",),
            _conv,
            {
                "": (_SIGNALS, _RNG.normal(size=(5, 3, 2)), _BIAS),
                "square": (_SIGNALS, _RNG.normal(size=(3, 3, 3)), _BIAS[:3]),
                "no_example": (_SIGNALS[:0], _RNG.normal(size=(5, 3, 2)), _BIAS),
            },
        ),
        *_cases(
            ("conv3d",),
            _conv,
            {
                "": (_VOLUMES, _RNG.normal(size=(3, 2, 1, 2, 3)), _BIAS[:3]),
                "square": (_VOLUMES, _RNG.normal(size=(2, 2, 2, 2, 2)), _BIAS[:2]),
                "no_example": (_VOLUMES[:0], _RNG.normal(size=(3, 2, 1, 2, 3)), _BIAS[:3]),
            },
        ),
        *_cases(("conv_1x1", "conv_1x1_as_matmul"), _one_by_one, _ONE_BY_ONE),
        *_cases(("grouped_conv2d_from_scratch", "grouped_conv2d"), _grouped, _GROUPED),
        *_cases(("depthwise_conv2d_from_scratch", "depthwise_conv2d"), _depthwise, _DEPTHWISE),
        *(
            Case(
                "separable_conv2d",
                {
                    "x": x,
                    "depthwise": _DEPTHWISE[f"multiplier_{m}"][1],
                    "pointwise": _RNG.normal(size=(5, 6 * m, 1, 1)),
                    "bias": _BIAS,
                },
                _separable,
                wrt=("x", "depthwise", "pointwise", "bias") if x.size else (),
                label=label,
            )
            for label, x, m in (("", _IMAGES, 1), ("multiplier_2", _IMAGES, 2), ("no_example", _IMAGES[:0], 2))
        ),
        *(
            Case(function, {"x": x, "weight": weight, "bias": _BIAS}, raises=ValueError, label="too_few_channels")
            for function, x, weight in (
                ("conv2d_from_scratch", _IMAGES, _WEIGHT[:, :3]),
                ("conv2d", _IMAGES, _WEIGHT[:, :3]),
                ("conv1d", _SIGNALS, _RNG.normal(size=(5, 1, 2))),
                ("conv3d", _VOLUMES, _RNG.normal(size=(5, 1, 1, 2, 3))),
                ("conv_1x1", _IMAGES, _WEIGHT[:, :3, :1, :1]),
                ("conv_1x1_as_matmul", _IMAGES, _WEIGHT[:, :3, :1, :1]),
            )
        ),
        *(
            Case(
                function,
                {"x": x, "weight": _RNG.normal(size=shape), "bias": _BIAS},
                raises=ValueError,
                label="kernel_too_large",
            )
            for function, x, shape in (
                ("conv2d_from_scratch", _IMAGES, (5, 6, 1, 5)),
                ("conv2d", _IMAGES, (5, 6, 1, 5)),
                ("conv1d", _SIGNALS, (5, 3, 12)),
                ("conv3d", _VOLUMES, (5, 2, 1, 3, 1)),
            )
        ),
        *(
            Case(function, {"x": _IMAGES, "weight": _WEIGHT, "bias": _BIAS}, raises=ValueError, label="no_1x1_kernel")
            for function in ("conv_1x1", "conv_1x1_as_matmul")
        ),
        *(
            Case(
                function,
                {
                    "x": _IMAGES,
                    "weight": _RNG.normal(size=(outputs, inputs, 3, 2)),
                    "bias": np.ones(outputs),
                    "groups": groups,
                },
                raises=ValueError,
                label=label,
            )
            for function in ("grouped_conv2d_from_scratch", "grouped_conv2d")
            for label, outputs, inputs, groups in (
                ("outputs_not_in_groups", 5, 3, 2),
                ("inputs_not_in_groups", 8, 1, 4),
                ("no_group", 4, 3, 0),
            )
        ),
        *(
            Case(
                function,
                {"x": _IMAGES, "weight": _RNG.normal(size=(8, 1, 3, 2))},
                raises=ValueError,
                label="multiplier",
            )
            for function in ("depthwise_conv2d_from_scratch", "depthwise_conv2d")
        ),
    ),
)
