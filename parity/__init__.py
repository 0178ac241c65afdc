"""The engine that proves two deep-learning sides equal: it knows arrays and the `Backend` protocol.

Examples:
    >>> from parity.suite import report
    >>> report("lenet").passed
    True
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parity.checkup import doctor
    from parity.foreign import record_model
    from parity.models import compare, transfer
    from parity.report import Finding, ParityError, Report, ReportError
    from parity.suite import record
    from parity.trace import Trace, TraceError
    from parity.verdict import compare_traces

__all__ = [
    "Finding", "ParityError", "Report", "ReportError", "Trace", "TraceError", "compare", "compare_traces", "doctor",
    "record", "record_model", "transfer",
]  # fmt: skip

_HOME = {
    "compare": "models",
    "compare_traces": "verdict",
    "doctor": "checkup",
    "record": "suite",
    "record_model": "foreign",
    "Finding": "report",
    "ParityError": "report",
    "Report": "report",
    "ReportError": "report",
    "Trace": "trace",
    "TraceError": "trace",
    "transfer": "models",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"parity.{_HOME[name]}"), name)
    raise AttributeError(f"module 'parity' has no attribute {name!r}")
