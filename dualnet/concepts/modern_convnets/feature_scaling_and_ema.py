"""Features on one scale, by standardisation or from 0 to 1, and averages that forget: exponential moving ones."""

from typing import Any, NamedTuple

import numpy as np

from dualnet.interface import Array, Case, Concept, Difference

__all__ = ["CONCEPT", "Scaling", "check_decay", "check_rows"]


class Scaling(NamedTuple):
    """What is taken off each feature, and what it is then divided by."""

    shift: Any
    """(F,)."""
    scale: Any
    """(F,), 1 where a feature is constant."""


def check_rows(shape: tuple[int, ...]) -> None:
    """ValueError unless there are rows of features, (N, F)."""
    if len(shape) != 2 or shape[0] == 0:
        raise ValueError(f"values of shape {tuple(shape)}: expected (N, F) with at least one row")


def check_decay(decay: float) -> None:
    """ValueError unless the decay is at least 0 and below 1."""
    if not 0.0 <= decay < 1.0:
        raise ValueError(f"decay {decay}: expected at least 0 and below 1")


# Distinct sizes, features of unlike mean and scale, no zeros, no symmetry.
_RNG = np.random.default_rng(61)
_TRAIN = _RNG.normal(size=(7, 3)) * [0.1, 1.0, 20.0] + [2.0, -0.7, 0.3]
_TEST = _RNG.normal(size=(5, 3)) * [0.1, 1.0, 20.0] + [2.0, -0.7, 0.3]
_FLAT = _TRAIN[:4].copy()
_FLAT[:, 1] = 1.75  # of four values, so that their mean is exact
_TIES = np.array([[1.0, 4.0], [3.0, 2.0], [1.0, 4.0], [2.0, 3.0]])
_SHIFT, _SCALE = _RNG.normal(size=3), _RNG.uniform(0.5, 1.5, 3)


# --- the third opinion ---------------------------------------------------------------------------------------


def _or_one(scale: Array) -> Array:
    return np.where(scale > 0, scale, 1)


def _standard(values: Array) -> Scaling:
    return Scaling(values.mean(0), _or_one(values.std(0)))


def _min_max(values: Array) -> Scaling:
    return Scaling(values.min(0), _or_one(np.ptp(values, 0)))


def _scaled(values: Array, shift: Array, scale: Array) -> Array:
    return (values - shift) / scale


def _unscaled(values: Array, shift: Array, scale: Array) -> Array:
    return values * scale + shift


def _weighted(values: Array, decay: float, corrected: bool) -> Array:
    """Every step as a sum over all values before it: weight (1 - decay) decay^age each."""
    age = np.arange(len(values))[:, None] - np.arange(len(values))
    weights = np.where(age >= 0, (1 - decay) * decay ** np.maximum(age, 0), 0)
    if corrected:
        weights = weights / weights.sum(1, keepdims=True)
    found: Array = (weights @ values).astype(values.dtype)
    return found


def _moving(values: Array, decay: float) -> Array:
    return _weighted(values, decay, corrected=False)


def _corrected(values: Array, decay: float) -> Array:
    return _weighted(values, decay, corrected=True)


def _from_first(values: Array, decay: float) -> Array:
    return values[:1] + _weighted(values - values[:1], decay, corrected=False)


CONCEPT = Concept(
    module=__name__,
    title="Standardisation, min-max scaling, exponential moving average",
    kind="ops",
    summary="Features get a common scale from the training rows alone, and a moving average smooths what is noisy.",
    sources=(
        "LeCun, Bottou, Orr, Müller (1998), Efficient backprop, section 4.3 (standardised inputs)",
        "Kingma, Ba (2015), Adam, section 3 (the correction of the bias)",
        "Polyak, Juditsky (1992), Acceleration of stochastic approximation by averaging (averages of weights)",
    ),
    differences=(
        Difference(
            "D049",
            "variance",
            tf="tf.nn.moments and reduce_std divide by n",
            torch="torch.std divides by n - 1",
            ours="by n",
        ),
        Difference(
            "D050",
            "moving average of weights",
            tf="starts as the variable is at the first call of apply",
            torch="the first update copies the weights",
            ours="starts with the first values, which are no update",
        ),
        Difference(
            "D206",
            "gradient of the standard deviation of a constant feature",
            tf="NaN",
            torch="0",
            ours="0: the scale is 1 there",
        ),
        Difference(
            "D228",
            "a Python number as decay",
            tf="tf.train.ExponentialMovingAverage makes it a float32",
            torch="stays exact",
            ours="exact: the TensorFlow side averages by itself",
        ),
    ),
    cases=(
        *(
            Case(function, {"values": _TRAIN}, oracle, wrt=("values",))
            for function, oracle in (("standard_scaling", _standard), ("min_max_scaling", _min_max))
        ),
        Case(
            "standard_scaling",
            {"values": _FLAT},
            _standard,
            wrt=("values",),
            label="constant_feature",
            gradients={
                "values": 0.25 + np.where(_FLAT.std(0) > 0, (_FLAT - _FLAT.mean(0)) / (4 * _or_one(_FLAT.std(0))), 0)
            },
        ),
        Case(
            "min_max_scaling",
            {"values": _FLAT},
            _min_max,
            wrt=("values",),
            label="constant_feature",
            gradients={"values": np.where(np.ptp(_FLAT, 0) > 0, _FLAT.max(0) == _FLAT, 0.25)},
        ),
        Case(
            "min_max_scaling",
            {"values": _TIES},
            _min_max,
            wrt=("values",),
            label="ties",
            gradients={"values": np.array([[0.0, 0.5], [1.0, 0.0], [0.0, 0.5], [0.0, 0.0]])},
        ),
        *(
            Case(f, {"values": _TRAIN[:1]}, o, label="one_row")
            for f, o in (("standard_scaling", _standard), ("min_max_scaling", _min_max))
        ),
        *(
            Case(function, {"values": values}, raises=ValueError, label=label)
            for function in ("standard_scaling", "min_max_scaling")
            for label, values in (("no_row", _TRAIN[:0]), ("one_axis", _TRAIN[0]))
        ),
        *(
            Case(
                function,
                {"values": values, "shift": _SHIFT, "scale": _SCALE},
                oracle,
                wrt=("values", "shift", "scale") if values.size else (),
                label=label,
            )
            for function, oracle in (("scaled", _scaled), ("unscaled", _unscaled))
            for label, values in (("test_rows", _TEST), ("no_row", _TEST[:0]))
        ),
        *(
            Case(function, {"values": values, "decay": decay}, oracle, wrt=wrt, label=label)
            for function, oracle, wrt in (
                ("moving_average", _moving, ("values",)),
                ("corrected_moving_average", _corrected, ("values",)),
                ("weight_average", _from_first, ()),
            )
            for label, values, decay in (
                ("slow", _TRAIN, 0.9),
                ("fast", _TRAIN, 0.3),
                ("only_new", _TRAIN, 0.0),
                ("constant", np.full((11, 2), 1.5), 0.7),
                ("one_row", _TRAIN[:1], 0.9),
            )
        ),
        *(
            Case(function, {"values": values, "decay": decay}, raises=ValueError, label=label)
            for function in ("moving_average", "corrected_moving_average", "weight_average")
            for label, values, decay in (
                ("decay_1", _TRAIN, 1.0),
                ("decay_below_0", _TRAIN, -0.1),
                ("no_row", _TRAIN[:0], 0.9),
            )
        ),
    ),
)
