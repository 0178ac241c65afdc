"""Saving and loading in TensorFlow and Keras 3.

On this side a tensor is a protocol buffer, a layer is saved in a checkpoint, and a network has files of Keras' own:
``.weights.h5`` for its weights, ``.keras`` for all of it. Source: Dive into Deep Learning, section 6.6.
"""

import os

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from keras import layers
from safetensors.tensorflow import load_file, save_file
from tensorflow.core.framework.tensor_pb2 import TensorProto

from dualnet.concepts.computation.save_load_parameters import Dense

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


def _network(inputs: int, units: int, dtype: str) -> keras.Sequential:
    """A network of one dense layer."""
    source = keras.Input((inputs,), dtype=dtype)
    return keras.Sequential([source, layers.Dense(units, name="dense", dtype=dtype)], name="network")


def _filled(weight: tf.Tensor, bias: tf.Tensor) -> keras.Sequential:
    """A network of one dense layer with these parameters."""
    units, inputs = weight.shape
    network = _network(inputs, units, weight.dtype.name)
    network.set_weights([tf.transpose(weight), bias])  # differs: D008
    return network


def _parameters(network: keras.Sequential) -> Dense:
    kernel, bias = network.layers[0].kernel, network.layers[0].bias
    return Dense(tf.transpose(kernel.value), tf.convert_to_tensor(bias.value))


# --- this framework's own files --------------------------------------------------------------------------------


def save_tensor(x: tf.Tensor, path: File) -> tf.Tensor:
    """One tensor to a file.

    Args:
        x: any shape and type.
        path: the file.

    Returns:
        What the file has, read back.
    """
    tf.io.write_file(os.fspath(path), tf.io.serialize_tensor(x))  # differs: X-save-tensor
    return load_tensor(path)


def load_tensor(path: File) -> tf.Tensor:
    """The tensor in a file of `save_tensor`.

    Raises:
        ValueError: the file has something else.
    """
    try:
        content = tf.io.read_file(os.fspath(path)).numpy()
        return tf.constant(tf.make_ndarray(TensorProto.FromString(content)))
    except (DecodeError, tf.errors.OpError) as error:
        raise ValueError(f"{os.fspath(path)}: expected a serialized tensor: {error}") from error


def save_dict(weight: tf.Tensor, bias: tf.Tensor, path: File) -> Dense:
    """Tensors by name to a file.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file.

    Returns:
        What the file has, read back.
    """
    checkpoint = tf.train.Checkpoint(weight=tf.Variable(weight), bias=tf.Variable(bias))
    checkpoint.write(os.fspath(path))  # differs: X-save-names
    return load_dict(path)


def load_dict(path: File) -> Dense:
    """The tensors in a file of `save_dict`.

    Raises:
        ValueError: the file has something else.
    """
    try:
        reader = tf.train.load_checkpoint(os.fspath(path))
        return Dense(*(tf.constant(reader.get_tensor(f"{name}/.ATTRIBUTES/VARIABLE_VALUE")) for name in Dense._fields))
    except (ValueError, tf.errors.OpError) as error:
        raise ValueError(f"{os.fspath(path)}: expected a checkpoint of weight and bias: {error}") from error


def save_state_dict(weight: tf.Tensor, bias: tf.Tensor, path: File) -> Dense:
    """A layer's parameters to a file.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file.

    Returns:
        Those of another layer that was loaded from the file.
    """
    tf.train.Checkpoint(network=_filled(weight, bias)).write(os.fspath(path))
    units, inputs = weight.shape
    return load_state_dict(path, inputs, units, weight.dtype.name)


def load_state_dict(path: File, inputs: int, units: int, dtype: str) -> Dense:
    """A new layer's parameters, loaded from a file of `save_state_dict`.

    Args:
        path: the file.
        inputs, units: sizes of the layer.
        dtype: of its parameters.

    Raises:
        ValueError: the file has something else.
    """
    network = _network(inputs, units, dtype)
    try:
        tf.train.Checkpoint(network=network).read(os.fspath(path)).assert_existing_objects_matched()
    except (AssertionError, tf.errors.OpError) as error:
        raise ValueError(f"{os.fspath(path)}: expected a checkpoint of such a layer: {error}") from error
    return _parameters(network)


# --- Keras' files ----------------------------------------------------------------------------------------------


def save_weights_h5(weight: tf.Tensor, bias: tf.Tensor, path: File) -> Dense:
    """The weights of a network of one dense layer to an HDF5 file that Keras loads.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file, with a name that ends in ``.weights.h5``.

    Returns:
        What the file has, read back.
    """
    _filled(weight, bias).save_weights(os.fspath(path))  # differs: X-save-h5
    units, inputs = weight.shape
    return load_weights_h5(path, inputs, units, weight.dtype.name)


def load_weights_h5(path: File, inputs: int, units: int, dtype: str) -> Dense:
    """A new layer's parameters, loaded from an HDF5 file in Keras' layout.

    Args:
        path: the file.
        inputs, units: sizes of the layer.
        dtype: of its parameters.
    """
    network = _network(inputs, units, dtype)
    network.load_weights(os.fspath(path))
    return _parameters(network)


def save_keras_archive(weight: tf.Tensor, bias: tf.Tensor, path: File) -> Dense:
    """A network of one dense layer, with its weights, to an archive that Keras loads.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file, with a name that ends in ``.keras``.

    Returns:
        What the file has, read back.
    """
    _filled(weight, bias).save(os.fspath(path))  # differs: X-save-archive
    return load_keras_archive(path)


def load_keras_archive(path: File) -> Dense:
    """The weights of a network of one dense layer from an archive of Keras.

    Raises:
        ValueError: it has another layer; one could be code, which is not run.
    """
    network = keras.saving.load_model(os.fspath(path), compile=False, safe_mode=True)
    kinds = [type(layer).__name__ for layer in network.layers]
    if kinds != ["Dense"]:
        raise ValueError(f"{os.fspath(path)}: has the layers {kinds}, expected one dense layer")
    return _parameters(network)


# --- neutral files ---------------------------------------------------------------------------------------------


def save_npz(weight: tf.Tensor, bias: tf.Tensor, path: File) -> Dense:
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
        return Dense(tf.constant(arrays["weight"]), tf.constant(arrays["bias"]))


def save_safetensors(weight: tf.Tensor, bias: tf.Tensor, path: File) -> Dense:
    """Tensors by name to a file that has nothing else: no code, no objects.

    Args:
        weight: (H, F).
        bias: (H,).
        path: the file.

    Returns:
        What the file has, read back.
    """
    save_file({"weight": weight, "bias": bias}, os.fspath(path))
    return load_safetensors(path)


def load_safetensors(path: File) -> Dense:
    """The tensors in such a file."""
    return Dense(**load_file(os.fspath(path)))
