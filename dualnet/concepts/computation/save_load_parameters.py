"""Saving and loading: a tensor, several by name, a layer, a model; in formats of one framework, and in neutral ones."""

import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from dualnet.concepts._files import CaseFile
from dualnet.interface import Array, Case, Concept, Demo, Difference

__all__ = ["CONCEPT", "KERAS_VARIABLES", "Dense", "archive_config"]


class Dense(NamedTuple):
    """The parameters of a dense layer, in the canonical layout."""

    weight: Any
    """(H, F)."""
    bias: Any
    """(H,)."""


KERAS_VARIABLES = "layers/dense/vars"
"""Where an HDF5 file of Keras has the variables of a network's first dense layer: 0 the kernel (F, H), 1 the bias."""


def archive_config(inputs: int, units: int, dtype: str) -> dict[str, Any]:
    """What ``config.json`` of a ``.keras`` archive says of a network of one dense layer."""
    source = {"batch_shape": [None, inputs], "dtype": dtype, "name": "input"}
    dense = {"name": "dense", "units": units, "dtype": dtype}
    layers = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": source},
        {"module": "keras.layers", "class_name": "Dense", "config": dense},
    ]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "network", "layers": layers}}


# --- files for the cases ---------------------------------------------------------------------------------------

# Distinct prime sizes, no zeros, no symmetry.
_RNG = np.random.default_rng(47)
_WEIGHT, _BIAS = _RNG.normal(size=(5, 3)), _RNG.normal(size=5)
_TENSORS = {
    "numbers": _WEIGHT,
    "special": np.array([np.nan, np.inf, -np.inf, -0.0, 1e-40, 0.1]),
    "single": _WEIGHT.astype(np.float32),
    "integers": np.array([[-(2**40), 7]]),
    "bytes": np.arange(250, 256).astype(np.uint8),
    "truths": np.array([True, False, True]),
    "scalar": np.array(0.3),
    "empty": np.empty((0, 3)),
}


def _write_npz(path: Path) -> None:
    np.savez(path, weight=_WEIGHT, bias=_BIAS)


def _write_safetensors(path: Path) -> None:
    from safetensors.numpy import save_file  # only here: reading the catalogue needs no format

    save_file({"weight": _WEIGHT, "bias": _BIAS}, path)


def _write_h5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file[f"{KERAS_VARIABLES}/0"], file[f"{KERAS_VARIABLES}/1"] = _WEIGHT.T, _BIAS


def _write_archive(path: Path, lambda_: bool = False) -> None:
    config = archive_config(3, 5, "float64")
    if lambda_:
        config["config"]["layers"].append(
            {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {
                "class_name": "__lambda__", "config": {"code": "4wAA", "defaults": None, "closure": None}}}}
        )  # fmt: skip
    _write_h5(weights := path.with_suffix(".h5"))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1", "date_saved": ""}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(weights, "model.weights.h5")


class _Trap:
    """What a pickle makes it would make by calling a function: here a harmless one, elsewhere any."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.getcwd, ()


def _write_trap(path: Path) -> None:
    path.write_bytes(pickle.dumps(_Trap(), protocol=2))


def _write_trap_npz(path: Path) -> None:
    np.savez(path, weight=np.array([_Trap()], object), bias=_BIAS)


def _same(weight: Array, bias: Array, path: os.PathLike[str]) -> Dense:
    return Dense(weight, bias)


def _read(path: os.PathLike[str], **sizes: Any) -> Dense:
    return Dense(_WEIGHT, _BIAS)


_ENDINGS = {
    "tensor": "", "dict": "", "state_dict": "", "weights_h5": ".weights.h5", "keras_archive": ".keras", "npz": ".npz",
    "safetensors": ".safetensors",
}  # fmt: skip
_WRITERS: dict[str, Callable[[Path], None]] = {
    "weights_h5": _write_h5, "keras_archive": _write_archive, "npz": _write_npz, "safetensors": _write_safetensors,
}  # fmt: skip
_TRAPS: dict[str, Callable[[Path], None]] = {
    "tensor": _write_trap, "dict": _write_trap, "state_dict": _write_trap, "npz": _write_trap_npz,
    "keras_archive": lambda path: _write_archive(path, lambda_=True),
}  # fmt: skip


def _loading(form: str, name: str, write: Callable[[Path], None]) -> dict[str, Any]:
    sizes = {"inputs": 3, "units": 5, "dtype": "float64"} if form in ("state_dict", "weights_h5") else {}
    return {"path": CaseFile(f"{name}_{form}{_ENDINGS[form]}", write), **sizes}


CONCEPT = Concept(
    module=__name__,
    title="Saving and loading tensors, parameters and models",
    kind="procedure",
    summary="What was learned goes to a file and comes back bit for bit; a neutral file carries it to the other side.",
    sources=(
        "Zhang, Lipton, Li, Smola, Dive into Deep Learning, section 6.6",
        "Keras, guide on serialization and saving (.weights.h5, .keras, safe_mode)",
        "PyTorch, notes on serialization semantics (weights_only)",
    ),
    differences=(
        Difference("D008", "layout of a dense weight", tf="(in, out)", torch="(out, in)", ours="neutral: (out, in)"),
        Difference(
            "X-save-tensor",
            "a file with one tensor",
            tf="a protocol buffer",
            torch="a zip file with a pickle, which weights_only keeps from calling functions",
            ours="as each side is used to; loading never runs what a file names",
            demo=Demo(
                tf="""
                    import tempfile, zipfile
                    path = tempfile.mkdtemp() + "/tensor"
                    tf.io.write_file(path, tf.io.serialize_tensor(x))
                    zipfile.is_zipfile(path)
                """,
                torch="""
                    import tempfile, zipfile
                    path = tempfile.mkdtemp() + "/tensor"
                    torch.save(x, path)
                    zipfile.is_zipfile(path)
                """,
            ),
        ),
        Difference(
            "X-save-names",
            "a file with tensors by name",
            tf="a checkpoint: an index and its data, beside each other",
            torch="a dictionary, saved as a tensor is",
            ours="as each side is used to",
            demo=Demo(
                tf="""
                    import os, tempfile
                    folder = tempfile.mkdtemp()
                    tf.train.Checkpoint(a=tf.Variable(1.0), b=tf.Variable(2.0)).write(folder + "/state")
                    sorted(os.listdir(folder))
                """,
                torch="""
                    import os, tempfile
                    folder = tempfile.mkdtemp()
                    torch.save({"a": torch.tensor(1.0), "b": torch.tensor(2.0)}, folder + "/state")
                    sorted(os.listdir(folder))
                """,
            ),
        ),
        Difference(
            "X-save-h5",
            ".weights.h5, a network's weights in HDF5",
            tf="save_weights and load_weights",
            torch="has none",
            ours="Keras' layout, which the PyTorch side writes and reads by h5py",
            demo=Demo(
                tf='hasattr(keras.Model, "save_weights")',
                torch='hasattr(torch.nn.Module, "save_weights")',
            ),
        ),
        Difference(
            "X-save-archive",
            ".keras, a network with its weights",
            tf="save and load_model; safe_mode refuses code",
            torch="has none; saves a whole module only as a pickle, or as a compiled program",
            ours="Keras' archive, which the PyTorch side writes and reads for a dense layer",
            demo=Demo(
                tf="""
                    import tempfile
                    path = tempfile.mkdtemp() + "/network.keras"
                    keras.Sequential([keras.Input((7,)), keras.layers.Dense(3)]).save(path)
                    keras.saving.load_model(path)(x).shape
                """,
                torch="""
                    import tempfile
                    path = tempfile.mkdtemp() + "/network.pt"
                    torch.save(torch.nn.Sequential(torch.nn.Linear(7, 3)), path)
                    torch.load(path)(x).shape
                """,
            ),
        ),
    ),
    cases=(
        *(
            Case("save_tensor", {"x": x, "path": CaseFile(name)}, lambda x, path: x, label=name)
            for name, x in _TENSORS.items()
        ),
        *(
            Case(f"save_{form}", {"weight": _WEIGHT, "bias": _BIAS, "path": CaseFile(f"saved_{form}{ending}")}, _same)
            for form, ending in _ENDINGS.items()
            if form != "tensor"
        ),
        *(
            Case(f"load_{form}", _loading(form, "given", write), _read, label="from_elsewhere")
            for form, write in _WRITERS.items()
        ),
        *(
            Case(f"load_{form}", _loading(form, "trap", write), raises=ValueError, label="trap")
            for form, write in _TRAPS.items()
        ),
    ),
)
