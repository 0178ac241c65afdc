"""Checkpoints: all that a training needs to go on as if it had never been interrupted, in one safetensors file.

A file is complete or absent, its arrays are canonical (so either backend reads it), and it is never unpickled.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from dualnet.files import replacing
from dualnet.interface import Array, Arrays, Backend, CheckpointError, Counter, Optimizer, State, Trainer
from dualnet.training.history import History

__all__ = ["Checkpoint", "keeper", "resumed"]

FORMAT = "dualnet-checkpoint-1"
ADVICE = "remove it to train from the beginning, or name another one"


@dataclass(frozen=True)
class Checkpoint:
    """A training after some steps.

    Args:
        about: what is trained and how, as JSON values.
        state: the model's parameters and buffers.
        memory: what the optimizers remember; see `dualnet.interface.Trainer.memory`.
        history: the course so far.
        noise: by layer, how many masks it has drawn.
    """

    about: Mapping[str, Any]
    state: State
    memory: Mapping[str, Arrays] = field(default_factory=dict)
    history: History = field(default_factory=History)
    noise: Mapping[str, int] = field(default_factory=dict)

    def save(self, path: Path | str) -> None:
        """Write it whole or not at all.

        Raises:
            CheckpointError: there it cannot be written.
        """
        arrays = {name: np.array(array, order="C") for name, array in self._arrays()}
        epochs, players = self.history.to_dict()["epochs"], [*self.history.players]
        told = json.dumps({"about": self.about, "epochs": epochs, "players": players, "noise": self.noise})
        metadata = {"format": FORMAT, "dualnet": told, "sha256": _digest(told, arrays)}
        try:
            with replacing(path, alone=True) as temporary:
                temporary.write_bytes(save(arrays, metadata))
        except OSError as error:
            raise CheckpointError(f"{path}: a checkpoint cannot be written there: {error}") from error

    def _arrays(self) -> Iterator[tuple[str, Array]]:
        """By their names in the file."""
        yield from ((f"parameter/{name}", array) for name, array in self.state.parameters.items())
        yield from ((f"buffer/{name}", array) for name, array in self.state.buffers.items())
        for kind, arrays in self.memory.items():
            yield from ((f"optimizer/{kind}/{name}", array) for name, array in arrays.items())
        yield "history/losses", np.array(self.history.losses, np.float64)
        yield from ((f"history/player/{name}", np.array(v, np.float64)) for name, v in self.history.players.items())

    @classmethod
    def load(cls, path: Path | str) -> "Checkpoint":
        """Read a checkpoint.

        Raises:
            CheckpointError: no such file, a damaged or changed one, or none that `save` wrote.
        """
        if not Path(path).is_file():
            raise CheckpointError(f"{path}: there is no such checkpoint")
        try:
            with safe_open(str(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            raise CheckpointError(f"{path}: damaged, or no safetensors file ({error}): {ADVICE}") from error
        if metadata.get("format") != FORMAT:
            raise CheckpointError(
                f"{path}: a safetensors file, but no checkpoint: expected format {FORMAT!r}: {ADVICE}"
            )
        told = metadata.get("dualnet", "")
        if metadata.get("sha256") != _digest(told, arrays):
            raise CheckpointError(f"{path}: changed since it was written, its checksum does not fit: {ADVICE}")
        try:
            return cls._from(json.loads(told), arrays)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{path}: what it tells of the training is damaged ({error!r}): {ADVICE}") from error

    @classmethod
    def _from(cls, told: dict[str, Any], arrays: Arrays) -> "Checkpoint":
        """From what `save` tells, and its arrays."""
        players = {name: arrays[f"history/player/{name}"].tolist() for name in told["players"]}
        history = {"losses": arrays["history/losses"].tolist(), "epochs": told["epochs"], "players": players}
        memory: dict[str, dict[str, Array]] = {}
        for path, array in _below(arrays, "optimizer/").items():
            kind, _, name = path.partition("/")
            memory.setdefault(kind, {})[name] = array
        state = State(_below(arrays, "parameter/"), _below(arrays, "buffer/"))
        return cls(dict(told["about"]), state, memory, History.from_dict(history), dict(told["noise"]))


def resumed(path: Path, about: Mapping[str, Any], rule: Optimizer) -> Checkpoint | None:
    """The checkpoint there, if there is one.

    Args:
        path: of the file.
        about: what has to be the same.
        rule: the update rule; the file has to have what it remembers.

    Raises:
        CheckpointError: it is damaged, of another training, or the result of one, which cannot go on.
    """
    if not path.exists():
        return None
    found = Checkpoint.load(path)
    told, wanted = (
        {name: values.get(name) for name in about} for values in (found.about, json.loads(json.dumps(about)))
    )
    if told != wanted:
        others = [f"{name} {told[name]!r} there, {wanted[name]!r} here" for name in about if told[name] != wanted[name]]
        raise CheckpointError(f"{path}: of another training ({'; '.join(others)}): {ADVICE}")
    if found.memory.keys() != set(rule.remembers):
        raise CheckpointError(f"{path}: the result of a training, without its optimizer: it cannot go on: {ADVICE}")
    return found


def keeper(
    path: Path, every: float, backend: Backend, model: Any, about: Mapping[str, Any], noise: Mapping[str, Counter]
) -> Callable[[History, Trainer], None]:
    """What saves a training whenever so many seconds have passed, and after every epoch; see `loop.train`."""
    saved, epochs = time.monotonic(), 0

    def keep(history: History, trainer: Trainer) -> None:
        nonlocal saved, epochs
        if time.monotonic() - saved >= every or len(history.epochs) > epochs:
            calls = {layer: counter.calls for layer, counter in noise.items()}
            Checkpoint(about, backend.state(model), trainer.memory(), history, calls).save(path)
            saved, epochs = time.monotonic(), len(history.epochs)

    return keep


def _below(arrays: Arrays, prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _digest(told: str, arrays: Arrays) -> str:
    """Of everything that is in a file."""
    found = hashlib.sha256(told.encode())
    for name, array in sorted(arrays.items()):
        found.update(f"{name} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
