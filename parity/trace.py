"""A trace: the named arrays of one run of one backend, and what produced them.

Names read ``<dtype>/<stage>/<kind>/<name>``, for example ``float64/train/gradient/parameter/conv1.weight``.
Arrays are canonical (see `dualnet.interface`), so traces of different frameworks, processes and machines compare.
A trace is kept as one safetensors file: memory-mapped on reading, never unpickled.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dualnet.files import replacing
from dualnet.interface import Array, DualnetError

__all__ = ["Trace", "TraceError"]

FORMAT = "parity-trace-1"


class TraceError(DualnetError, ValueError):
    """A trace file is missing, damaged or no trace."""


@dataclass(frozen=True)
class Trace:
    """One run of one backend.

    Args:
        quantities: canonical arrays by name.
        about: what produced them, as JSON values: backend, concept, variant, config, seed, versions.
        response: for each input, parameter and buffer, how much what is compared reacts to it (relative).
        errors: what could not be computed, and why.
    """

    quantities: dict[str, Array]
    about: dict[str, Any] = field(default_factory=dict)
    response: dict[str, float] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def save(self, path: Path | str) -> Path:
        """Write the trace whole or not at all."""
        meta = {"about": self.about, "response": self.response, "errors": self.errors}
        arrays = {name: np.array(array, order="C") for name, array in self.quantities.items()}
        with replacing(path) as temporary:
            save_file(arrays, temporary, metadata={"format": FORMAT, "parity": json.dumps(meta)})
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> "Trace":
        """Read a trace.

        Raises:
            TraceError: no such file, a damaged file, or a safetensors file that is no trace.
        """
        if not Path(path).is_file():
            raise TraceError(f"{path}: no such trace file; `parity record` writes one")
        try:
            with safe_open(str(path), framework="numpy") as file:
                meta = file.metadata() or {}
                quantities = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (SafetensorError, OSError, ValueError, TypeError) as error:
            raise TraceError(f"{path}: damaged, or no safetensors file ({error}); record it again") from error
        if meta.get("format") != FORMAT:
            raise TraceError(f"{path}: a safetensors file, but no trace: expected format {FORMAT!r}")
        try:
            parts = json.loads(meta["parity"])
            return cls(
                quantities,
                dict(parts["about"]),
                {str(k): float(v) for k, v in parts["response"].items()},
                {str(k): str(v) for k, v in parts["errors"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TraceError(
                f"{path}: the description inside the trace is damaged ({error!r}); record it again"
            ) from error
