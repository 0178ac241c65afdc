"""Saving and loading in PyTorch.

On this side everything may be a dictionary of tensors, saved as a pickle: ``weights_only`` lets it make tensors and
call nothing. Source: Dive into Deep Learning, section 6.6.
"""

import io
import json
import os
import pickle
import zipfile
from typing import Any, BinaryIO

import h5py
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from dualnet.concepts.computation.save_load_parameters import KERAS_VARIABLES, Dense, archive_config

__all__ = [
    "load_dict",
    "load_keras_archive",
    "load_npz",
    "load_safetensors",
    "load_state_dict",
    "load_tensor",
    "load_weights_h5",
    "save_dict",
    "save_keras_archive",
    "save_npz",
    "save_safetensors",
    "save_state_dict",
    "save_tensor",
    "save_weights_h5",
]

File = str | os.PathLike[str]


def _layer(weight: torch.Tensor, bias: torch.Tensor) -> nn.Linear:
    """A dense layer with these parameters."""
    layer = nn.Linear(*weight.T.shape, dtype=weight.dtype, device=weight.device)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _load(path: File, kind: type[Any]) -> Any:
    """A tensor, or a dictionary with those of a layer."""
    try:
        found = torch.load(path, weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(f"{os.fspath(path)}: has more than tensors, expected nothing else: {error}") from error
    if not isinstance(found, kind) or (kind is dict and found.keys() != set(Dense._fields)):
        raise ValueError(f"{os.fspath(path)}: has something else than a {kind.__name__}: {type(found).__name__}")
    return found


# --- this framework's own files --------------------------------------------------------------------------------


def save_tensor(x: torch.Tensor, path: File) -> torch.Tensor:
    """One tensor to a file.

    Args:
        x: any shape and type.
        path: the file.

    Returns:
        What the file has, read back.
    """
    torch.save(x, path)  # differs: X-save-tensor
    return load_tensor(path)


def load_tensor(path: File) -> torch.Tensor:
    """The tensor in a file of `save_tensor`.

    Raises:
        ValueError: the file has something else.
    """
    return _load(path, torch.Tensor)


def save_dict(weight: torch.Tensor, bias: torch.Tensor, path: File) -> Dense:
    """Tensors by name to a file.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file.

    Returns:
        What the file has, read back.
    """
    torch.save({"weight": weight, "bias": bias}, path)  # differs: X-save-names
    return load_dict(path)


def load_dict(path: File) -> Dense:
    """The tensors in a file of `save_dict`.

    Raises:
        ValueError: the file has something else.
    """
    return Dense(**_load(path, dict))


def save_state_dict(weight: torch.Tensor, bias: torch.Tensor, path: File) -> Dense:
    """A layer's parameters to a file.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file.

    Returns:
        Those of another layer that was loaded from the file.
    """
    torch.save(_layer(weight, bias).state_dict(), path)
    units, inputs = weight.shape
    return load_state_dict(path, inputs, units, str(weight.dtype).removeprefix("torch."))


def load_state_dict(path: File, inputs: int, units: int, dtype: str) -> Dense:
    """A new layer's parameters, loaded from a file of `save_state_dict`.

    Args:
        path: the file.
        inputs, units: sizes of the layer.
        dtype: of its parameters.

    Raises:
        ValueError: the file has something else.
    """
    layer = nn.Linear(inputs, units, dtype=getattr(torch, dtype))
    layer.load_state_dict(_load(path, dict))
    return Dense(layer.weight.detach(), layer.bias.detach())


# --- Keras' files ----------------------------------------------------------------------------------------------


def save_weights_h5(weight: torch.Tensor, bias: torch.Tensor, path: File) -> Dense:
    """The weights of a network of one dense layer to an HDF5 file that Keras loads.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file, with a name that ends in ``.weights.h5``.

    Returns:
        What the file has, read back.
    """
    _write_h5(path, weight, bias)
    units, inputs = weight.shape
    return load_weights_h5(path, inputs, units, str(weight.dtype).removeprefix("torch."))


def load_weights_h5(path: File, inputs: int, units: int, dtype: str) -> Dense:
    """A new layer's parameters, loaded from an HDF5 file in Keras' layout.

    Args:
        path: the file.
        inputs, units: sizes of the layer.
        dtype: of its parameters.
    """
    layer = nn.Linear(inputs, units, dtype=getattr(torch, dtype))
    layer.load_state_dict(_read_h5(path)._asdict())
    return Dense(layer.weight.detach(), layer.bias.detach())


def _write_h5(file: File | BinaryIO, weight: torch.Tensor, bias: torch.Tensor) -> None:
    with h5py.File(file, "w") as h5:  # differs: X-save-h5
        h5[f"{KERAS_VARIABLES}/0"], h5[f"{KERAS_VARIABLES}/1"] = weight.T.numpy(), bias.numpy()  # differs: D008


def _read_h5(file: File | BinaryIO) -> Dense:
    with h5py.File(file, "r") as h5:
        variables = h5[KERAS_VARIABLES]
        return Dense(torch.tensor(variables["0"][()]).T, torch.tensor(variables["1"][()]))


def save_keras_archive(weight: torch.Tensor, bias: torch.Tensor, path: File) -> Dense:
    """A network of one dense layer, with its weights, to an archive that Keras loads.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file, with a name that ends in ``.keras``.

    Returns:
        What the file has, read back.
    """
    units, inputs = weight.shape
    config = archive_config(inputs, units, str(weight.dtype).removeprefix("torch."))
    _write_h5(stream := io.BytesIO(), weight, bias)
    with zipfile.ZipFile(path, "w") as archive:  # differs: X-save-archive
        archive.writestr("metadata.json", json.dumps({"keras_version": "3", "date_saved": ""}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", stream.getvalue())
    return load_keras_archive(path)


def load_keras_archive(path: File) -> Dense:
    """The weights of a network of one dense layer from an archive of Keras.

    Raises:
        ValueError: it has another layer; one could be code, which is not run.
    """
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        kinds = [layer["class_name"] for layer in config["config"]["layers"]]
        if kinds != ["InputLayer", "Dense"]:
            raise ValueError(f"{os.fspath(path)}: has the layers {kinds}, expected one dense layer")
        return _read_h5(io.BytesIO(archive.read("model.weights.h5")))


# --- neutral files ---------------------------------------------------------------------------------------------


def save_npz(weight: torch.Tensor, bias: torch.Tensor, path: File) -> Dense:
    """Tensors by name to a file of NumPy.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file, with a name that ends in ``.npz``.

    Returns:
        What the file has, read back.
    """
    np.savez(path, weight=weight.numpy(), bias=bias.numpy())
    return load_npz(path)


def load_npz(path: File) -> Dense:
    """The tensors in a file of NumPy.

    Raises:
        ValueError: the file has objects, which could run code when they are made.
    """
    with np.load(path, allow_pickle=False) as arrays:
        return Dense(torch.tensor(arrays["weight"]), torch.tensor(arrays["bias"]))


def save_safetensors(weight: torch.Tensor, bias: torch.Tensor, path: File) -> Dense:
    """Tensors by name to a file that has nothing else: no code, no objects.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file.

    Returns:
        What the file has, read back.
    """
    save_file({"weight": weight, "bias": bias}, path)
    return load_safetensors(path)


def load_safetensors(path: File) -> Dense:
    """The tensors in such a file."""
    return Dense(**load_file(path))
