"""The ordinary way to train in Keras: `keras.Sequential`, `compile`, `fit` on NumPy arrays."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
from keras import Input, layers

from dualnet.interface import Array, Config, Optimizer

__all__ = ["NETWORKS", "fit"]


def lenet(settings: Config) -> list[Any]:
    activation, (first, second) = settings["activation"], settings["channels"]
    pooling = {"avg": layers.AveragePooling2D, "max": layers.MaxPooling2D}[settings["pooling"]]
    return [
        Input((settings["image_size"], settings["image_size"], settings["in_channels"])),
        layers.Conv2D(first, 5, padding=settings["padding"][0], activation=activation),
        pooling(2),
        layers.Conv2D(second, 5, padding=settings["padding"][1], activation=activation),
        pooling(2),
        layers.Flatten(),
        *(layers.Dense(units, activation) for units in settings["hidden"]),
        layers.Dense(settings["num_classes"]),
    ]


def multilayer_perceptron(settings: Config) -> list[Any]:
    return [
        Input((settings["image_size"], settings["image_size"], settings["in_channels"])),
        layers.Flatten(),
        layers.Dense(settings["hidden"], "relu"),
        layers.Dense(settings["num_classes"]),
    ]


NETWORKS: Mapping[str, Callable[[Config], list[Any]]] = {
    "lenet": lenet,
    "multilayer_perceptron": multilayer_perceptron,
}


def fit(
    concept: str, settings: Config, rule: Optimizer, x: Array, y: Array, orders: Iterable[Array], batch_size: int
) -> Iterator[float]:
    """Seconds of each epoch, by a clock that runs between its first and its last step.

    The rows are put in order and the data pipeline is made before the clock starts.
    """
    model = keras.Sequential(NETWORKS[concept](settings))
    model.compile(optimizer(rule), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, clock = np.ascontiguousarray(x.transpose(0, 2, 3, 1)), Clock()  # N H W C
    for order in orders:
        model.fit(x[order], y[order], batch_size, verbose=0, shuffle=False, callbacks=[clock])
        yield clock.seconds


def optimizer(rule: Optimizer) -> keras.optimizers.Optimizer:
    if rule.name == "sgd":
        return keras.optimizers.SGD(rule.learning_rate, rule.momentum)
    return keras.optimizers.Adam(rule.learning_rate, *rule.betas, epsilon=rule.epsilon)


class Clock(keras.callbacks.Callback):
    """Times an epoch."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.started
