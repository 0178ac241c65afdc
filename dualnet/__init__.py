"""Every deep-learning concept twice, natively in TensorFlow/Keras and in PyTorch, and proved equal.

Examples:
    >>> import dualnet
    >>> model = dualnet.build("lenet", backend="torch", variant="relu_max")

Importing this package imports no framework and no NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dualnet.catalogue import build, concept, concepts, load, twin
    from dualnet.process import prepare

__all__ = ["__version__", "build", "concept", "concepts", "load", "prepare", "twin"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("dualnet")
    if name == "concepts":  # a package that can be called: its name in this one would be taken anyway
        return import_module("dualnet.concepts")
    if name in __all__:
        return getattr(import_module("dualnet.process" if name == "prepare" else "dualnet.catalogue"), name)
    raise AttributeError(f"module 'dualnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
