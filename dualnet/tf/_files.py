"""Weights in Keras' own files. Beside them, a group of our own holds what Keras' optimizers would round or forget."""

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import keras

from dualnet.interface import Carried, CheckpointError, Optimizer
from dualnet.tf._variables import slots

__all__ = ["read", "write"]

OURS = "dualnet"
"""Keras does not look at this group, and leaves it out of the files that it writes."""
MEMORY = {"velocity": "momentum", "first_moment": "momentum", "second_moment": "velocity"}
"""From `dualnet.interface.Trainer.memory` to what Keras' optimizers call it."""


def write(path: Path, model: keras.Model, carried: Carried | None) -> None:
    """The model's weights; with what an optimizer remembers, in Keras' own form and in ours."""
    whole = path.with_name(path.name + ".weights.h5")  # Keras insists on the ending
    try:
        if carried:
            model.compile(optimizer=_keras_optimizer(model, carried))
        model.save_weights(whole)
        if carried:
            with h5py.File(whole, "r+") as file:
                ours = file.create_group(OURS)
                ours.attrs["carried"] = json.dumps({"rule": asdict(carried.rule), "steps": carried.steps})
                for kind, arrays in carried.memory.items():
                    for name, array in arrays.items():
                        ours.create_dataset(f"{kind}/{name}", data=array)
        whole.replace(path)
    finally:
        whole.unlink(missing_ok=True)


def read(path: Path, build: Callable[[str], keras.Model]) -> tuple[keras.Model, Carried | None]:
    """A model with the weights of a ``.weights.h5`` file or a ``.keras`` archive, and what our group has.

    Args:
        path: the file.
        build: makes a model of a floating type.

    Raises:
        CheckpointError: the file is damaged, or has the weights of another model.
    """
    try:
        with _opened(path) as file:
            model = build(_dtype(file))
            carried = _carried(file[OURS]) if OURS in file else None
        with tempfile.TemporaryDirectory() as folder:
            named = Path(folder) / ("file.keras" if zipfile.is_zipfile(path) else "file.weights.h5")
            named.symlink_to(path.resolve())
            model.load_weights(named)
    except (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        first = str(error).strip().partition("\n")[0]
        raise CheckpointError(f"{path}: damaged, or the weights of another model ({first})") from error
    return model, carried


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    source: Any = path
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(source, "r") as file:
        yield file


def _dtype(file: h5py.File) -> str:
    """Of the first array of real numbers."""
    found: list[str] = []

    def look(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind == "f":
            found.append(str(item.dtype))

    file.visititems(look)
    return found[0] if found else "float32"


def _carried(group: h5py.Group) -> Carried:
    told = json.loads(group.attrs["carried"])
    rule = Optimizer.from_dict(told["rule"])
    memory = {kind: {name: array[()] for name, array in group.get(kind, {}).items()} for kind in rule.remembers}
    return Carried(rule, memory, int(told["steps"]))


def _keras_optimizer(model: keras.Model, carried: Carried) -> keras.optimizers.Optimizer:
    """Keras' own optimizer after the same steps, for those who go on with ``fit``."""
    rule = carried.rule
    if rule.name == "sgd":
        optimizer = keras.optimizers.SGD(rule.learning_rate, momentum=rule.momentum)
    else:
        beta_1, beta_2 = rule.betas
        optimizer = keras.optimizers.Adam(rule.learning_rate, beta_1, beta_2, rule.epsilon)
    optimizer.build(model.trainable_variables)
    optimizer.iterations.assign(carried.steps)
    names = {id(slot.variable): (name, slot) for name, slot in slots(model).items()}
    scale = -rule.learning_rate if rule.name == "sgd" else 1.0  # differs: D161 Keras' velocity is minus rate times ours
    for kind, arrays in carried.memory.items():
        held = [v for v in optimizer.variables if v.path.endswith(f"_{MEMORY[kind]}")]
        for variable, remembered in zip(model.trainable_variables, held, strict=True):
            name, slot = names[id(variable)]
            if name in arrays:
                remembered.assign(scale * slot.native(arrays[name]))
    return optimizer
