"""Batch normalization, and what else is normalized over: layers, groups, instances."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "Normalized", "Running", "check_count", "check_groups"]


class Normalized(NamedTuple):
    """What leaves the layer in train mode, and the running values after it."""

    output: Any
    running_mean: Any
    running_var: Any


class Running(NamedTuple):
    """The running values, one for each channel."""

    mean: Any
    var: Any


def check_count(shape: tuple[int, ...], axes: tuple[int, ...]) -> int:
    """How many values are normalized together.

    Raises:
        ValueError: fewer than 2, which have no variance.
    """
    count = int(np.prod([shape[axis] for axis in axes]))
    if count < 2:
        raise ValueError(f"input of shape {tuple(shape)}: {count} value per channel; expected at least 2 to normalize")
    return count


def check_groups(channels: int, groups: int) -> None:
    """ValueError unless so many groups have equally many of these channels."""
    if groups < 1 or channels % groups:
        raise ValueError(f"{channels} channels in {groups} groups: expected a number of groups that divides it")


# Distinct sizes, no zeros, no symmetry, channels of unlike mean and scale.
_RNG = np.random.default_rng(67)
_FEATURES = _RNG.normal(size=(5, 3)) * [0.1, 1.0, 7.0] + [2.0, -0.7, 0.3]
_IMAGES = _RNG.normal(size=(3, 4, 2, 3)) * np.array([0.1, 1.0, 7.0, 0.6])[:, None, None] + 1.3
_WEIGHTS = {3: _RNG.uniform(0.5, 1.5, 3), 4: _RNG.uniform(0.5, 1.5, 4)}
_BIASES = {3: _RNG.normal(size=3), 4: _RNG.normal(size=4)}
_MEANS = {3: _RNG.normal(size=3), 4: _RNG.normal(size=4)}
_VARS = {3: _RNG.uniform(0.5, 1.5, 3), 4: _RNG.uniform(0.5, 1.5, 4)}
_FLAT = _FEATURES[:4].copy()
_FLAT[:, 1] = 1.75  # of four values, so that their mean is exact


# --- the third opinion ---------------------------------------------------------------------------------------


def _by_channel(v: Array, x: Array) -> Array:
    return v.reshape(-1, *[1] * (x.ndim - 2))


def _scaled(x: Array, epsilon: float, mean: Array, var: Array, weight: Array, bias: Array) -> Any:
    return (x - mean) / np.sqrt(var + epsilon) * weight + bias


def _train(
    x: Array, weight: Array, bias: Array, running_mean: Array, running_var: Array, momentum: float, epsilon: float
) -> Normalized:
    rows = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)  # (C, values)
    mean, var = rows.mean(1), rows.var(1)
    channels = [_by_channel(v, x) for v in (mean, var, weight, bias)]
    return Normalized(
        _scaled(x, epsilon, *channels),
        running_mean + momentum * (mean - running_mean),
        running_var + momentum * (rows.var(1, ddof=1) - running_var),
    )


def _eval(x: Array, weight: Array, bias: Array, running_mean: Array, running_var: Array, epsilon: float) -> Any:
    return _scaled(x, epsilon, *(_by_channel(v, x) for v in (running_mean, running_var, weight, bias)))


def _native_train(x: Array, weight: Array, bias: Array, epsilon: float) -> Any:
    return _train(x, weight, bias, weight, weight, 0.0, epsilon).output


def _statistics(batches: Array, momentum: float) -> Running:
    mean, var = np.zeros(batches.shape[2]), np.ones(batches.shape[2])
    for batch in batches:
        _, mean, var = _train(batch, mean, mean, mean, var, momentum, 1.0)
    return Running(mean, var)


def _layer(x: Array, weight: Array, bias: Array, epsilon: float) -> Any:
    rows = x.reshape(*x.shape[: x.ndim - weight.ndim], weight.size)
    y = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + epsilon)
    return y.reshape(x.shape) * weight + bias


def _group(x: Array, weight: Array, bias: Array, groups: int, epsilon: float) -> Any:
    parts = [
        (part - part.mean((1, 2, 3), keepdims=True)) / np.sqrt(part.var((1, 2, 3), keepdims=True) + epsilon)
        for part in np.split(x, groups, 1)
    ]
    return np.concatenate(parts, 1) * _by_channel(weight, x) + _by_channel(bias, x)


def _instance(x: Array, weight: Array, bias: Array, epsilon: float) -> Any:
    return _group(x, weight, bias, x.shape[1], epsilon)


_INPUTS = {
    "features": _FEATURES,
    "images": _IMAGES,
    "flat_channel": _FLAT,
    "two_values": _FEATURES[:2],
    "one_example": _IMAGES[:1],
}
_LAYERED = _RNG.normal(size=(4, 2, 3))


def _epsilon(label: str) -> float:
    """A large one where the variance is 0, or where two values would become almost -1 and 1 whatever they are."""
    return 0.5 if label in ("flat_channel", "two_values") else 1e-5


def _train_args(x: Array) -> dict[str, Any]:
    return {"x": x, "weight": _WEIGHTS[x.shape[1]], "bias": _BIASES[x.shape[1]]}


def _running_args(x: Array) -> dict[str, Any]:
    return {"running_mean": _MEANS[x.shape[1]], "running_var": _VARS[x.shape[1]]}


CONCEPT = Concept(
    module=__name__,
    title="Batch normalisation layer: scratch and built in",
    kind="ops",
    summary="Each channel gets mean 0 and variance 1 over the batch, then a learned scale and shift.",
    sources=(
        "Ioffe, Szegedy 2015, Batch Normalization, algorithms 1 and 2",
        "Ba, Kiros, Hinton 2016, Layer Normalization, eq. 3",
        "Wu, He 2018, Group Normalization, section 3.1",
        "Ulyanov, Vedaldi, Lempitsky 2016, Instance Normalization, eq. 2",
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 8.5",
    ),
    differences=(
        Difference("D030", "batch norm's epsilon", tf="1e-3", torch="1e-5", ours="an argument"),
        Difference(
            "D031",
            "momentum of the running values",
            tf="the share of the old value that stays",
            torch="the share of the new value that comes in",
            ours="the share of the new value that comes in",
        ),
        Difference(
            "D033",
            "running variance",
            tf="Keras 3 keeps the biased one, over n",
            torch="unbiased, over n - 1; the outputs are scaled by the biased one",
            ours="unbiased; the outputs are scaled by the biased one",
        ),
        Difference(
            "D036",
            "one value per channel in train mode",
            tf="the bias",
            torch="ValueError",
            ours="ValueError",
            demo=Demo(
                tf="keras.layers.BatchNormalization()(x[:1], training=True)",
                torch="torch.nn.BatchNorm1d(7)(x[:1])",
            ),
        ),
        Difference("D041", "layer norm's epsilon", tf="1e-3", torch="1e-5", ours="an argument"),
        Difference(
            "D042",
            "axes of a layer norm",
            tf="the last one, of N H W C: each pixel by itself",
            torch="normalized_shape, often (C, H, W): the whole example",
            ours="those of the weight",
        ),
        Difference(
            "D043",
            "epsilon and axis of a group norm",
            tf="1e-3, groups of the last axis",
            torch="1e-5, groups of axis 1",
            ours="an argument, groups of axis 1",
        ),
        Difference(
            "D044",
            "scale and shift of an instance norm",
            tf="there by default, epsilon 1e-3",
            torch="none by default, epsilon 1e-5",
            ours="arguments, all three",
        ),
        Difference(
            "D049",
            "variance",
            tf="tf.nn.moments divides by n",
            torch="torch.var divides by n - 1",
            ours="by n, except in the running values",
        ),
        Difference(
            "X-norm-buffers",
            "running values",
            tf="the operation has none; the layer assigns its variables",
            torch="F.batch_norm changes them in place",
            ours="new tensors; the arguments stay as they are",
            demo=Demo(
                tf="""
                    mean, variance = tf.zeros(7, tf.float64), tf.ones(7, tf.float64)
                    tf.nn.batch_normalization(x, mean, variance, None, None, 1e-5)
                    tf.reduce_all(mean == 0)
                """,
                torch="""
                    mean, variance = torch.zeros(7), torch.ones(7)
                    torch.nn.functional.batch_norm(x, mean, variance, training=True)
                    (mean == 0).all()
                """,
            ),
        ),
        Difference(
            "X-instance-one-pixel",
            "instance norm of images of one pixel",
            tf="the bias",
            torch="ValueError",
            ours="ValueError",
            demo=Demo(
                tf="keras.layers.GroupNormalization(groups=-1)(images[:, :1, :1])",
                torch="torch.nn.InstanceNorm2d(4, affine=True)(images[:, :, :1, :1])",
            ),
        ),
        Difference(
            "X-instance-no-example",
            "instance norm of no example",
            tf="an empty result",
            torch="IndexError, if it has weights",
            ours="an empty result",
            demo=Demo(
                tf="keras.layers.GroupNormalization(groups=-1)(images[:0]).shape",
                torch="torch.nn.InstanceNorm2d(4, affine=True)(images[:0]).shape",
            ),
        ),
        Difference(
            "X-group-count",
            "groups that do not divide the channels",
            tf="InvalidArgumentError",
            torch="RuntimeError",
            ours="ValueError",
            demo=Demo(
                tf="tf.nn.moments(tf.reshape(images, (2, 10, 13, 3, -1)), (1, 2, 4))",
                torch="torch.nn.functional.group_norm(images, 3)",
            ),
        ),
    ),
    cases=(
        *(
            Case(
                "batch_norm_train",
                {**_train_args(x), **_running_args(x), "momentum": 0.1, "epsilon": _epsilon(label)},
                _train,
                wrt=("x", "weight", "bias", "running_mean", "running_var"),
                label=label,
            )
            for label, x in _INPUTS.items()
        ),
        Case(
            "batch_norm_train",
            {**_train_args(_FEATURES), **_running_args(_FEATURES), "momentum": 1.0, "epsilon": 0.3},
            _train,
            wrt=("x", "weight", "bias"),
            label="only_new",
        ),
        *(
            Case(
                "native_batch_norm_train",
                {**_train_args(x), "epsilon": epsilon},
                _native_train,
                wrt=("x", "weight", "bias"),
                label=label,
            )
            for label, x, epsilon in (
                *((label, x, _epsilon(label)) for label, x in _INPUTS.items()),
                ("keras_epsilon", _FEATURES, 1e-3),
            )
        ),
        *(
            Case(function, {**_train_args(x), **more, "epsilon": 1e-5}, raises=ValueError, label=label)
            for function, more in (
                ("batch_norm_train", {**_running_args(_FEATURES), "momentum": 0.1}),
                ("native_batch_norm_train", {}),
            )
            for label, x in (("one_value", _FEATURES[:1]), ("no_example", _FEATURES[:0]))
        ),
        *(
            Case(
                function,
                {**_train_args(x), **_running_args(x), "epsilon": 1e-5},
                _eval,
                wrt=wrt if x.size else (),
                label=label,
            )
            for function, wrt in (
                ("batch_norm_eval", ("x", "weight", "bias", "running_mean", "running_var")),
                ("native_batch_norm_eval", ("x", "weight", "bias")),
            )
            for label, x in (*_INPUTS.items(), ("one_value", _FEATURES[:1]), ("no_example", _IMAGES[:0]))
        ),
        *(
            Case("native_running_statistics", {"batches": batches, "momentum": momentum}, _statistics, label=label)
            for label, batches, momentum in (
                ("one_step", _FEATURES[None], 0.1),
                ("five_steps", _RNG.normal(size=(5, 7, 3)) * 2 + 1, 0.1),
                ("images", _RNG.normal(size=(3, 2, 4, 3, 2)) * 0.5 - 1, 0.25),
                ("no_step", _FEATURES[None][:0], 0.1),
            )
        ),
        Case(
            "native_running_statistics",
            {"batches": _FEATURES[:, None], "momentum": 0.1},
            raises=ValueError,
            label="one_value",
        ),
        *(
            Case(
                "layer_norm",
                {"x": x, "weight": weight, "bias": bias, "epsilon": 1e-5},
                _layer,
                wrt=("x", "weight", "bias") if x.size else (),
                label=label,
            )
            for label, x, weight, bias in (
                ("features", _FEATURES, _WEIGHTS[3], _BIASES[3]),
                ("images", _IMAGES, _LAYERED, _LAYERED[:, ::-1].copy()),
                ("last_axis", _IMAGES, _LAYERED[0, 0], _LAYERED[1, 1]),
                ("no_example", _IMAGES[:0], _LAYERED, _LAYERED),
            )
        ),
        Case(
            "layer_norm",
            {"x": _IMAGES, "weight": _WEIGHTS[4], "bias": _BIASES[4], "epsilon": 1e-5},
            raises=ValueError,
            label="another_shape",
        ),
        *(
            Case(
                "group_norm",
                {**_train_args(x), "groups": groups, "epsilon": 1e-5},
                _group,
                wrt=("x", "weight", "bias") if x.size else (),
                label=label,
            )
            for label, x, groups in (
                ("one", _IMAGES, 1),
                ("two", _IMAGES, 2),
                ("each", _IMAGES, 4),
                ("no_example", _IMAGES[:0], 2),
            )
        ),
        *(
            Case(
                "group_norm",
                {**_train_args(_IMAGES), "groups": groups, "epsilon": 1e-5},
                raises=ValueError,
                label=label,
            )
            for label, groups in (("uneven", 3), ("none", 0))
        ),
        *(
            Case(
                "instance_norm",
                {**_train_args(x), "epsilon": epsilon},
                _instance,
                wrt=("x", "weight", "bias") if x.size else (),
                label=label,
            )
            for label, x, epsilon in (
                ("", _IMAGES, 1e-5),
                ("keras_epsilon", _IMAGES, 1e-3),
                ("no_example", _IMAGES[:0], 1e-5),
            )
        ),
        Case(
            "instance_norm",
            {**_train_args(_IMAGES[:, :, :1, :1]), "epsilon": 1e-5},
            raises=ValueError,
            label="one_pixel",
        ),
    ),
)
