"""Every error that dualnet raises on purpose: each says what was expected, what came, where, and what to do."""

__all__ = [
    "BackendConflictError",
    "ConceptError",
    "ConfigError",
    "DataError",
    "DualnetError",
    "MissingFrameworkError",
    "StateError",
]


class DualnetError(Exception):
    """The base of all errors raised by dualnet."""


class MissingFrameworkError(DualnetError, ImportError):
    """A backend was asked for whose framework is not installed."""


class BackendConflictError(DualnetError, RuntimeError):
    """The process is set up so that a backend would not do what its name says."""


class ConceptError(DualnetError, LookupError):
    """A concept, a twin or a variant does not exist, or exists twice."""


class ConfigError(DualnetError, ValueError):
    """A setting is unknown or has a value that cannot work."""


class DataError(DualnetError, ValueError):
    """A data set is missing, truncated or corrupt."""


class StateError(DualnetError, ValueError):
    """Named arrays do not fit the model they are loaded into."""
