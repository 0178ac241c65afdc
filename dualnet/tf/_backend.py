"""TensorFlow and Keras 3 behind the `Backend` protocol: here Keras' names and layouts become canonical ones."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dualnet.interface import (
    Array,
    Arrays,
    Carried,
    Counter,
    Gradients,
    Loss,
    Optimizer,
    State,
    Step,
    check_fit,
    loss_terms,
    named_outputs,
    total,
)
from dualnet.tf._files import read, write
from dualnet.tf._noise import noise
from dualnet.tf._training import TensorFlowTrainer
from dualnet.tf._variables import named_layers
from dualnet.tf._variables import slots as slots_of

__all__ = ["BACKEND"]

for _gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(_gpu, True)  # before first use, or TensorFlow takes all of it


def _cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))


def _squared_error(predictions: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.math.squared_difference(predictions, targets))


class TensorFlowBackend:
    """See `dualnet.interface.Backend`."""

    name = "tf"
    losses: Mapping[str, Loss] = {"cross_entropy": _cross_entropy, "squared_error": _squared_error}

    def versions(self) -> dict[str, str]:
        return {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "device": "cuda" if tf.config.list_physical_devices("GPU") else "cpu",
            "threads": str(
                tf.config.threading.get_intra_op_parallelism_threads()
                or os.environ.get("TF_NUM_INTRAOP_THREADS", os.cpu_count())
            ),
            "tf32": str(tf.config.experimental.tensor_float_32_execution_enabled()),
        }

    @contextmanager
    def precision(self, dtype: str, *, seed: int | None = None) -> Iterator[None]:
        if seed is not None:
            keras.utils.set_random_seed(seed)
        before = keras.config.dtype_policy()
        tf32 = tf.config.experimental.tensor_float_32_execution_enabled()
        try:
            keras.config.set_dtype_policy(dtype)  # set_floatx would not reach layers
            tf.config.experimental.enable_tensor_float_32_execution(False)
            yield
        finally:
            keras.config.set_dtype_policy(before)
            tf.config.experimental.enable_tensor_float_32_execution(tf32)

    def tensor(self, array: Array, axes: str = "") -> tf.Tensor:
        return tf.constant(array.transpose(_permutation(axes, _channels_last(axes))) if axes else array)

    def array(self, tensor: Any, axes: str = "") -> Array:
        array = np.array(tf.convert_to_tensor(tensor))
        return np.array(array.transpose(_permutation(_channels_last(axes), axes)), order="C") if axes else array

    def state(self, model: keras.Model) -> State:
        slots = slots_of(model)
        arrays = {name: slot.canonical(slot.variable.numpy()) for name, slot in slots.items()}
        return State(
            {name: array for name, array in arrays.items() if slots[name].variable.trainable},
            {name: array for name, array in arrays.items() if not slots[name].variable.trainable},
        )

    def load(self, model: keras.Model, state: State) -> None:
        slots, arrays = slots_of(model), {**state.parameters, **state.buffers}
        shapes = {name: slot.canonical(np.empty(slot.variable.shape, bool)).shape for name, slot in slots.items()}
        check_fit(shapes, arrays, f"{type(model).__name__} (tf)")
        for name, slot in slots.items():
            slot.variable.assign(slot.native(arrays[name]))

    def save(self, path: Path, model: keras.Model, kept: Carried | None = None) -> None:
        write(path, model, kept)

    def open(self, path: Path, build: Callable[[str], Any]) -> tuple[keras.Model, Carried | None]:
        return read(path, build)

    def forward(self, model: keras.Model, inputs: list[Any], *, train: bool = False) -> list[Any]:
        return tf.nest.flatten(model(*inputs, training=train))

    def gradients(self, model: keras.Model, inputs: list[Any], targets: Any, loss: Loss) -> Gradients:
        sources = [x for x in inputs if x.dtype.is_floating]
        slots = {name: slot for name, slot in slots_of(model).items() if slot.variable.trainable}
        with tf.GradientTape() as tape:
            tape.watch(sources)
            outputs = model(*inputs, training=True)
            value = loss(outputs, targets)
        variables = [slot.variable.value for slot in slots.values()]
        found = [_dense(g, v) for g, v in zip(
            tape.gradient(total(value), [*sources, *variables]), [*sources, *variables], strict=True
        )]  # fmt: skip
        parameters = {
            name: slot.canonical(g.numpy())
            for (name, slot), g in zip(slots.items(), found[len(sources) :], strict=True)
        }
        found_inputs = found[: len(sources)]
        return Gradients(total(value), tf.nest.flatten(outputs), found_inputs, parameters, loss_terms(value))

    def layers(self, model: keras.Model, inputs: list[Any], stages: Mapping[str, str]) -> dict[str, Array]:
        recorded: dict[str, Array] = {}
        found = dict(named_layers(model))
        watched = {name: found[name] for name in stages if name in found}
        for name, layer in watched.items():
            layer.call = self._recording(layer.call, name, stages[name], recorded)
        try:
            self.forward(model, inputs)
        finally:
            for layer in watched.values():
                del layer.call
        return recorded

    def _recording(
        self, call: Callable[..., Any], name: str, axes: str, recorded: dict[str, Array]
    ) -> Callable[..., Any]:
        def recording(*args: Any, **kwargs: Any) -> Any:
            output = call(*args, **kwargs)
            recorded[name] = self.array(output, axes)
            return output

        return recording

    def vjp(
        self,
        function: Callable[..., Any],
        args: Mapping[str, Any],
        wrt: tuple[str, ...],
        cotangents: Arrays | None,
    ) -> tuple[dict[str, Any], dict[str, Array]]:
        sources = {name: args[name] for name in wrt}
        with tf.GradientTape(watch_accessed_variables=False) as tape:  # no variable is asked for
            tape.watch(sources)
            outputs = named_outputs(function(**args))
            followed = {n: out for n, out in outputs.items() if tf.is_tensor(out) and out.dtype.is_floating}
        if not wrt:
            return outputs, {}
        weights = {
            n: tf.ones_like(t) if cotangents is None else tf.constant(cotangents[n]) for n, t in followed.items()
        }
        found = tape.gradient(followed, sources, output_gradients=weights)
        return outputs, {name: _dense(found[name], sources[name]).numpy() for name in wrt}

    def trainer(
        self, model: keras.Model, loss: Loss, optimizer: Optimizer, own: Step | None = None
    ) -> TensorFlowTrainer:
        return TensorFlowTrainer(model, loss, optimizer, own)

    def noise(self, model: keras.Model, seed: int) -> AbstractContextManager[Mapping[str, Counter]]:
        return noise(model, seed)

    def batches(
        self, inputs: list[Any], targets: Any, order: Array, batch_size: int
    ) -> Iterator[tuple[list[Any], Any]]:
        for start in range(0, len(order), batch_size):
            rows = tf.constant(order[start : start + batch_size])
            yield [tf.gather(x, rows) for x in inputs], tf.gather(targets, rows)


def _channels_last(axes: str) -> str:
    spatial = any(letter in axes for letter in "DHW")
    return axes.replace("C", "") + "C" if spatial and "C" in axes else axes


def _permutation(source: str, target: str) -> list[int]:
    return [source.index(letter) for letter in target]


def _dense(gradient: Any, like: Any) -> tf.Tensor:
    """differs: D212 "no gradient" is None, D216 a gather's gradient is sparse; both become ordinary tensors."""
    return tf.zeros_like(like) if gradient is None else tf.convert_to_tensor(gradient)


BACKEND = TensorFlowBackend()
