"""The base of every Keras model here."""

from typing import Any, Self

import keras

__all__ = ["KerasModel"]


class KerasModel(keras.Model):
    """A ``keras.Model`` that is saved with the settings it was built with, and loads from them.

    Of a subclassed model, Keras by itself keeps the default settings, and adds some that our builders do not take.
    """

    def __new__(cls, **settings: Any) -> Self:
        """Remember the settings, past Keras' own bookkeeping, which takes no attribute before its initialisation."""
        model: Self = super().__new__(cls)
        object.__setattr__(model, "_settings", settings)
        return model

    def get_config(self) -> dict[str, Any]:
        """What the model was built with, beyond its defaults."""
        return dict(self._settings)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A new model of these settings."""
        return cls(**config)
