"""The base of every Keras model here."""

from inspect import signature
from typing import Any, Self

import keras

__all__ = ["KerasModel"]


class KerasModel(keras.Model):
    """A ``keras.Model`` whose builder takes the concept's settings and nothing else, and that loads from its file.

    Keras adds ``trainable`` and ``dtype`` to a saved configuration, which are no settings of a concept.
    """

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new model of these settings."""
        return cls(**{name: config[name] for name in signature(cls.__init__).parameters if name in config})
