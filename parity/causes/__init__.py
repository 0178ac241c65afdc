"""The catalogue of known causes: why two layers that should be equal are not, verified by numbers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.causes.cause import Cause, Hypothesis
    from parity.causes.measure import measured
    from parity.causes.verify import CAUSES, diagnose

__all__ = ["CAUSES", "Cause", "Hypothesis", "diagnose", "measured"]

_HOME = {"CAUSES": "verify", "diagnose": "verify", "Cause": "cause", "Hypothesis": "cause", "measured": "measure"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"parity.causes.{_HOME[name]}"), name)
    raise AttributeError(f"module 'parity.causes' has no attribute {name!r}")
