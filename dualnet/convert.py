"""Trained weights, carried between the frameworks' own files and neutral ones, bit for bit; nothing is unpickled."""

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dualnet.catalogue import concept, load, twin
from dualnet.files import replacing
from dualnet.interface import (
    Array,
    Arrays,
    BackendName,
    Carried,
    CheckpointError,
    Concept,
    Config,
    ConfigError,
    Optimizer,
    State,
    check_memory,
    choose,
)
from dualnet.training.checkpoint import FORMAT, Checkpoint

__all__ = ["ENDINGS", "convert"]

ENDINGS = {"torch": ".pt", "keras": ".weights.h5", "safetensors": ".safetensors", "npz": ".npz"}
"""The formats: PyTorch's ``state_dict``, Keras' weights, and flat files of arrays with canonical names."""
NATIVE: Mapping[str, BackendName] = {"torch": "torch", "keras": "tf"}
MEMORY = "optimizer/"
"""What the names of an optimizer's arrays start with in a flat file: then come kind, "/" and parameter."""


def convert(
    file: Path,
    id: str,
    to: str,
    *,
    variant: str | None = None,
    config: Config | None = None,
    out: Path | None = None,
    optimizer: bool = False,
) -> Path:
    """Write a model's weights in another format.

    Args:
        file: a result or checkpoint of a training here, or a file of one of the formats; its content tells which.
        id: the concept.
        to: one of `ENDINGS`.
        variant, config: of the model, where the file does not tell them.
        out: the new file; by default beside the old one, with the format's own ending.
        optimizer: carry what the optimizer remembers, too.

    Returns:
        the new file.

    Raises:
        ConceptError: no such concept or variant.
        ConfigError: no such format or setting, or the new file exists already.
        CheckpointError: the file is missing or damaged, of another concept, or has no optimizer to carry.
        StateError: the arrays are not those of the model.
        MissingFrameworkError: a format's framework is not installed.
    """
    choose(ENDINGS, to, "--to")
    declared = concept(id)
    out = out or file.with_name(file.name.removesuffix(_ending(file)) + ENDINGS[to])
    if out.exists():
        raise ConfigError(f"{out}: exists already, and is not written over: name another file by --out")
    if not file.is_file():
        raise CheckpointError(f"{file}: there is no such file")
    form = _form(file)
    about: dict[str, Any] = {}
    if form in NATIVE:
        arrays, carried = _read_native(file, declared, NATIVE[form], variant, config)
    else:
        arrays, carried, about = _read_flat(file, form)
    if about.get("concept", id) != id:
        raise CheckpointError(f"{file}: weights of the concept {about['concept']}, not of {id}")
    if optimizer and carried is None:
        raise CheckpointError(f"{file}: no optimizer to carry: a checkpoint of a training has it, its result has not")
    variant, config = variant or about.get("variant"), {**about.get("config", {}), **(config or {})}
    _write(out, to, declared, arrays, carried if optimizer else None, variant, config)
    return out


def _ending(file: Path) -> str:
    return next((ending for ending in ENDINGS.values() if file.name.endswith(ending)), file.suffix)


def _form(file: Path) -> str:
    """The format that a file's first bytes and members tell."""
    with file.open("rb") as content:
        start = content.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        return "keras"
    if not zipfile.is_zipfile(file):
        return "torch" if start[:1] == b"\x80" else "safetensors"
    with zipfile.ZipFile(file) as archive:
        members = archive.namelist()
    if "model.weights.h5" in members:
        return "keras"
    return "npz" if all(name.endswith(".npy") for name in members) else "torch"


# --- a framework's own files -----------------------------------------------------------------------------------


def _builder(declared: Concept, side: BackendName, variant: str | None, config: Config | None) -> Callable[[str], Any]:
    def build(dtype: str) -> Any:
        with load(side).precision(dtype):
            return declared.build(twin(declared.id, side), variant, config)

    return build


def _read_native(
    file: Path, declared: Concept, side: BackendName, variant: str | None, config: Config | None
) -> tuple[dict[str, Array], Carried | None]:
    backend = load(side)
    model, carried = backend.open(file, _builder(declared, side, variant, config))
    state = backend.state(model)
    return {**state.parameters, **state.buffers}, carried


def _write(
    out: Path,
    to: str,
    declared: Concept,
    arrays: dict[str, Array],
    carried: Carried | None,
    variant: str | None,
    config: Config,
) -> None:
    """Write from a model, or at least past one: arrays that do not fit it are refused whatever the format is."""
    if carried and to in NATIVE and (players := declared.variant(variant).players):
        raise ConfigError(
            f"--to {to}: {declared.id} trains {' and '.join(players)} by an optimizer each, such a file holds one: "
            f"choose safetensors or npz"
        )
    either: BackendName = "torch" if find_spec("torch") else "tf"  # PyTorch is imported sooner
    side = NATIVE.get(to, either)
    backend = load(side)
    dtype = next((str(array.dtype) for array in arrays.values() if array.dtype.kind == "f"), "float32")
    model = _builder(declared, side, variant, config)(dtype)
    backend.load(model, State(arrays, {}))
    if carried:
        check_memory(carried.rule, {n: a.shape for n, a in backend.state(model).parameters.items()}, carried.memory)
    try:
        with replacing(out) as temporary:
            if to in NATIVE:
                backend.save(temporary, model, carried)
            else:
                _write_flat(temporary, to, arrays, carried)
    except OSError as error:
        raise ConfigError(f"--out {out}: cannot be written: {error}") from error


# --- flat files ------------------------------------------------------------------------------------------------


def _read_flat(file: Path, form: str) -> tuple[dict[str, Array], Carried | None, dict[str, Any]]:
    """The arrays, what the optimizer remembers, and what the file tells of the training."""
    try:
        if form == "npz":
            with np.load(file, allow_pickle=False) as content:
                arrays = dict(content)
            told = str(arrays.pop("dualnet", ""))
        else:
            with safe_open(str(file), framework="numpy") as content:
                metadata = content.metadata() or {}
                if metadata.get("format") == FORMAT:
                    return _read_checkpoint(file)
                arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - no mapping
            told = metadata.get("dualnet", "")
        weights = {name: array for name, array in arrays.items() if not name.startswith(MEMORY)}
        if not told:
            return weights, None, {}
        values = json.loads(told)
        rule = Optimizer.from_dict(values["rule"])
        memory: dict[str, dict[str, Array]] = {kind: {} for kind in rule.remembers}
        for name, array in arrays.items():
            if name.startswith(MEMORY):
                kind, _, parameter = name.removeprefix(MEMORY).partition("/")
                memory[kind][parameter] = array
        return weights, Carried(rule, memory, int(values["steps"])), {}
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(f"{file}: damaged, or no file of arrays ({error})") from error


def _read_checkpoint(file: Path) -> tuple[dict[str, Array], Carried | None, dict[str, Any]]:
    found = Checkpoint.load(file)
    carried = None
    about = dict(found.about)
    rule = Optimizer.from_dict(about["optimizer"])
    if found.memory.keys() == set(rule.remembers):
        carried = Carried(rule, found.memory, len(found.history.losses))
    return {**found.state.parameters, **found.state.buffers}, carried, about


def _write_flat(path: Path, to: str, arrays: Arrays, carried: Carried | None) -> None:
    named, told = dict(arrays), ""
    if carried:
        told = json.dumps({"rule": asdict(carried.rule), "steps": carried.steps})
        for kind, remembered in carried.memory.items():
            named |= {f"{MEMORY}{kind}/{name}": array for name, array in remembered.items()}
    if to == "npz":
        with path.open("wb") as file:
            np.savez(file, **named, **({"dualnet": np.array(told)} if told else {}))  # type: ignore[arg-type]
    else:
        contiguous = {name: np.array(array, order="C") for name, array in named.items()}
        save_file(contiguous, path, {"dualnet": told} if told else None)
