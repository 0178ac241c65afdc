"""The state that belongs to the whole process, set in one place before a framework is imported.

Two things can silently or fatally go wrong when both frameworks live in one process:

* TensorFlow and Triton register the same LLVM option; whichever comes second after TensorFlow aborts the process.
  Triton is imported by the first PyTorch optimizer step, by torchvision and by torch.compile.  So Triton comes
  first, or it does not come at all.
* Keras takes its backend from an environment variable or from a file in the user's home.  A "TensorFlow" side
  that runs on another backend would compare that backend with itself.
"""

import importlib
import importlib.abc
import importlib.util
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from dualnet.interface import BACKENDS, BackendConflictError, BackendName, MissingFrameworkError

__all__ = [
    "cores",
    "keras_backend",
    "keras_config_path",
    "prepare",
    "require",
    "thread_counts",
    "worker_environment",
]

KEEP_MEMORY = dict.fromkeys(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"), "2000000000")
"""Makes glibc keep freed memory.  It returns large blocks to the system otherwise, and PyTorch, which frees its
activations after each step, has them cleared and mapped anew page by page: nearly half of LeNet's time."""


def prepare(backend: BackendName) -> None:
    """Set the process up for one backend; called first thing by ``dualnet.tf`` and ``dualnet.torch``.

    Raises:
        MissingFrameworkError: the backend's framework is not installed.
        BackendConflictError: Keras is set to run on something else than TensorFlow.
    """
    require(backend)
    if backend == "tf":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        _require_tensorflow_under_keras()
    _order_triton(backend)


def require(backend: BackendName) -> None:
    """MissingFrameworkError, naming the extra to install, unless the backend's framework is installed."""
    missing = [name for name in BACKENDS[backend] if not _installed(name)]
    if missing:
        raise MissingFrameworkError(
            f"the {backend!r} backend needs {' and '.join(missing)}, not installed here: "
            f'pip install "dualnet[{backend}]" (or "dualnet[all]" for both backends)'
        )


def _installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # already imported, by hand and without a spec
        return True


def keras_backend() -> tuple[str, str]:
    """Which backend Keras runs on, or will run on, and where that was set; imports nothing."""
    if keras := sys.modules.get("keras"):
        return keras.config.backend(), "keras is already imported in this process; " + _keras_setting()[1]
    return _keras_setting()


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_environment(threads: int | None = None) -> dict[str, str]:
    """Environment variables for a process that trains, yet to start.

    Args:
        threads: how many each framework gets; by default as many as it takes itself.
    """
    return {**KEEP_MEMORY, **({} if threads is None else thread_counts(threads))}


def thread_counts(threads: int) -> dict[str, str]:
    """Environment variables that give each framework, not yet imported, so many threads; one at least."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return dict.fromkeys(names, str(max(1, threads)))


def _keras_setting() -> tuple[str, str]:
    if name := os.environ.get("KERAS_BACKEND"):
        return name, f"the environment variable KERAS_BACKEND={name}"
    path = keras_config_path()
    name = _keras_file().get("backend")
    return (name, f"the file {path}") if name else ("tensorflow", "Keras' own default")


def keras_config_path() -> Path:
    """The file in which Keras keeps its settings: in KERAS_HOME, the user's home, or /tmp if that is read-only."""
    folder = os.environ.get("KERAS_HOME")  # an empty one means the working directory, to Keras
    if folder is None:
        home = os.path.expanduser("~")  # noqa: PTH111 - Path.expanduser fails without a home
        folder = os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")  # noqa: PTH118
    return Path(os.path.expanduser(folder)) / "keras.json"  # noqa: PTH111


def _keras_file() -> dict[str, Any]:
    try:
        settings = json.loads(keras_config_path().read_text())
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _require_tensorflow_under_keras() -> None:
    backend, source = keras_backend()
    if backend != "tensorflow":
        raise BackendConflictError(
            f"Keras is set to run on {backend!r}, so the TensorFlow side would not be TensorFlow. "
            f"This comes from {source}. Set KERAS_BACKEND=tensorflow, or correct that setting, and start again."
        )
    for key, wanted in {"floatx": "float32", "image_data_format": "channels_last"}.items():
        if (found := _keras_file().get(key, wanted)) != wanted:
            raise BackendConflictError(
                f"Keras is set to {key}={found!r}, expected {wanted!r}: dualnet's models would not be what they "
                f"say. This comes from the file {keras_config_path()}; correct it there and start again."
            )


def _order_triton(backend: BackendName) -> None:
    """Load Triton before TensorFlow where both will be used, and keep it out where it would come too late."""
    if "triton" in sys.modules or importlib.util.find_spec("triton") is None:
        return
    if "tensorflow" in sys.modules:
        _block_triton()
    elif backend == "torch":
        sys.meta_path.insert(0, _TritonFirst())
    elif "torch" in sys.modules:
        importlib.import_module("triton")
    else:
        _block_triton()


def _block_triton() -> None:
    """Make ``import triton`` fail softly: PyTorch then runs without it (torch.compile on CPU included)."""
    sys.modules["triton"] = None  # type: ignore[assignment]


class _TritonFirst(importlib.abc.MetaPathFinder):
    """Waits for the first ``import tensorflow`` and imports Triton just before it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "tensorflow":
            sys.meta_path.remove(self)
            importlib.import_module("triton")
