"""Keras' optimizers as the engine sees them: their constants in the reference's words, their steps, their state."""

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dualnet.interface import Array
from parity.keras_side import KerasSide
from parity.layer import Layer

__all__ = ["KerasRule"]

CONSTANTS = ("momentum", "beta_1", "beta_2", "epsilon", "rho", "weight_decay")
STATES = {
    "Adam": {"_momentums": "m", "_velocities": "v", "_velocity_hats": "largest"},
    "AdamW": {"_momentums": "m", "_velocities": "v", "_velocity_hats": "largest"},
    "SGD": {"momentums": "velocity"},
    "RMSprop": {"_velocities": "v", "_momentums": "velocity", "_average_gradients": "mean"},
    "Adagrad": {"_accumulators": "sum"},
    "Adadelta": {"_accumulated_grads": "v", "_accumulated_delta_vars": "deltas"},
}
"""Where Keras keeps what an optimizer remembers, and the names of PyTorch's slots."""


class KerasRule:
    """See `parity.side.Rule`.

    Args:
        side: the model.
        native: an optimizer, which is left as it is, or a function that makes one.
    """

    def __init__(self, side: KerasSide, native: keras.optimizers.Optimizer | Callable[[], Any]) -> None:
        config = (native if isinstance(native, keras.optimizers.Optimizer) else native()).get_config()
        kind = type(native) if isinstance(native, keras.optimizers.Optimizer) else type(native())
        # Keras keeps the rate in float32, and tells it so: the number that was written is the shortest that fits.
        if isinstance(config["learning_rate"], float):
            config["learning_rate"] = float(str(np.float32(config["learning_rate"])))
        self.native = kind.from_config(config)
        self.slots = {
            (layer, own): slot
            for layer in side.layers
            for own, slot in side.trainable(layer)
        }  # fmt: skip
        self.native.build([slot.variable for slot in self.slots.values()])
        for name in CONSTANTS:  # a Python number would be rounded to float32 in a model of float64, too
            if isinstance(value := getattr(self.native, name, None), float):
                setattr(self.native, name, tf.constant(value, keras.config.floatx()))
        self.layer = _described(self.native, config)

    def step(self, gradients: Mapping[str, Mapping[str, Array]]) -> None:
        """One update of the model's variables with these gradients."""
        native = [
            tf.cast(slot.native(gradients[layer][own]).reshape(slot.variable.shape), slot.variable.dtype)
            for (layer, own), slot in self.slots.items()
        ]
        self.native.apply(native, [slot.variable for slot in self.slots.values()])

    def state(self) -> dict[str, Array]:
        """What it remembers of each variable, by "slot/layer.parameter", in PyTorch's form."""
        found = {}
        for attribute, name in STATES.get(type(self.native).__name__, {}).items():
            kept = getattr(self.native, attribute, None) or []
            for ((layer, own), slot), variable in zip(self.slots.items(), kept, strict=False):
                array = slot.canonical(variable.numpy())
                found[f"{name}/{layer}.{own}"] = array * self._per_rate() if name == "velocity" else array
        return found

    def _per_rate(self) -> float:
        """Keras' velocity is one of steps, PyTorch's one of gradients; that of SGD has the other sign, too."""
        sign = -1.0 if isinstance(self.native, keras.optimizers.SGD) else 1.0
        return sign / float(self.native.learning_rate)


def _described(native: keras.optimizers.Optimizer, config: Mapping[str, Any]) -> Layer:
    kind = type(native).__name__.lower()
    settings: dict[str, Any] = {"learning_rate": config["learning_rate"], "decoupled": True}
    settings["weight_decay"] = config["weight_decay"] or 0.0
    settings |= {"clip_norm": config["clipnorm"], "clip_value": config["clipvalue"]}
    settings["global_clip"] = config["global_clipnorm"]
    own: dict[str, Callable[[], dict[str, Any]]] = {
        "sgd": lambda: {"momentum": config["momentum"], "nesterov": config["nesterov"], "momentum_form": "keras"},
        "adam": lambda: _adam(config),
        "adamw": lambda: _adam(config),
        "rmsprop": lambda: {
            "rho": config["rho"], "eps": config["epsilon"], "eps_inside": True, "momentum": config["momentum"],
            "momentum_form": "keras", "centered": config["centered"],
        },
        "adagrad": lambda: {
            "initial_accumulator": config["initial_accumulator_value"], "eps": config["epsilon"], "eps_inside": True,
        },
        "adadelta": lambda: {"rho": config["rho"], "eps": config["epsilon"]},
    }  # fmt: skip
    if kind in own:
        settings |= own[kind]()
    code = f"keras.optimizers.{type(native).__name__}(learning_rate={config['learning_rate']})"
    return Layer(type(native).__name__, kind if kind in own else "unknown", settings, {}, code)


def _adam(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "betas": (config["beta_1"], config["beta_2"]), "eps": config["epsilon"], "eps_inside": True,
        "amsgrad": config["amsgrad"],
    }  # fmt: skip
