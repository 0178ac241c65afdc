"""What each concept is: settings, inputs, stage shapes, sources, recipes and cases. NumPy only."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dualnet.interface import Concept


class _Concepts(ModuleType):
    """What ``dualnet.concepts()`` calls, too: importing a subpackage takes the name in its parent."""

    def __call__(self) -> "tuple[Concept, ...]":
        found: tuple[Concept, ...] = import_module("dualnet.catalogue").concepts()
        return found


sys.modules[__name__].__class__ = _Concepts
