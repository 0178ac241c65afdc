"""What will work on this machine, what will not, and how to mend it."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from packaging.requirements import Requirement

from dualnet.data.cifar import find_cifar10
from dualnet.data.datasets import DATA_VARIABLE, data_folder, find_mnist
from dualnet.interface import BACKENDS, BackendName, DualnetError
from dualnet.process import keras_backend, require

__all__ = ["Check", "examine"]

PROBES: dict[BackendName, str] = {
    "tf": """
import json, os, tensorflow as tf, keras
print(json.dumps({"devices": [d.name for d in tf.config.list_physical_devices()],
    "threads": tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()}))
""",
    "torch": """
import json, torch, torchvision
gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print(json.dumps({"devices": ["cpu", *gpus], "threads": torch.get_num_threads()}))
""",
}
BOTH = """
import dualnet.tf, tensorflow, dualnet.torch, torch
layer = torch.nn.Linear(2, 2)
layer(torch.ones(1, 2)).sum().backward()
torch.optim.Adam(layer.parameters()).step()
print("{}")
"""


@dataclass(frozen=True)
class Check:
    """One finding. A ``fail`` says what will not work, and its fix."""

    name: str
    status: Literal["ok", "note", "fail"]
    detail: str
    fix: str = ""


def examine(data_dir: Path | None = None) -> list[Check]:
    """Everything there is to say about this machine; takes some ten seconds, as it starts both frameworks."""
    checks = [Check("python", "ok", f"{platform.python_version()}, {sys.executable}")]
    checks += _packages()
    checks.append(_keras())
    present = []
    for backend in BACKENDS:
        try:
            require(backend)
        except DualnetError as error:
            what = f"`dualnet compare`, and all that uses the {backend} side, will fail"
            checks.append(Check(backend, "fail", what, str(error)))
        else:
            present.append(backend)
            checks.append(_probe(backend, PROBES[backend]))
    if len(present) == len(BACKENDS):
        checks.append(_probe("both in one process", BOTH))
        checks += _conflicts()
    return [*checks, *_data(data_dir)]


def _packages() -> Iterator[Check]:
    """Every declared requirement, and whether the installed version meets it."""
    wanted = {Requirement(text).name: Requirement(text) for text in metadata.requires("dualnet") or ()}
    for name, requirement in sorted(wanted.items()):
        if requirement.marker and not any(requirement.marker.evaluate({"extra": e}) for e in ("", "all")):
            continue
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            if not requirement.marker:  # a missing framework is told by its backend
                yield Check(name, "fail", "not installed", f'pip install "{name}{requirement.specifier}"')
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield Check(name, "ok", version)
        else:
            fix = f'pip install --upgrade "{name}{requirement.specifier}"'
            yield Check(name, "fail", f"{version} is outside {requirement.specifier}", fix)


def _keras() -> Check:
    backend, source = keras_backend()
    if backend == "tensorflow":
        return Check("keras backend", "ok", f"tensorflow, from {source}")
    detail = f"{backend!r}, from {source}: the tf side refuses to run"
    return Check("keras backend", "fail", detail, "set KERAS_BACKEND=tensorflow, or correct that setting")


def _probe(name: str, code: str) -> Check:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    if done.returncode == 0:
        facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return Check(name, "ok", ", ".join(f"{k} {v}" for k, v in facts.items()) or "works")
    last = (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
    return Check(name, "fail", f"importing fails: {last}", 'pip install --force-reinstall "dualnet[all]"')


def _conflicts() -> Iterator[Check]:
    try:
        version = metadata.version("triton")
    except metadata.PackageNotFoundError:
        return
    detail = (
        f"triton {version} and tensorflow {metadata.version('tensorflow')} register the same LLVM option: code of your "
        "own that imports tensorflow before torch aborts at the first optimizer step; dualnet avoids it"
    )
    yield Check("import order", "note", detail, "import dualnet.torch, or triton, before tensorflow")


def _data(data_dir: Path | None) -> Iterator[Check]:
    yield Check("data: digits, gaussian, iris, synthetic_linear", "ok", "come with the installation")
    for name, find in (("mnist", _mnist_folder), ("cifar10", find_cifar10)):
        try:
            folder = data_folder(data_dir)
            place = find(folder) if folder else None
        except DualnetError as error:
            fix = f"correct --data-dir or {DATA_VARIABLE}, or get the files again"
            yield Check(f"data: {name}", "fail", str(error), fix)
            continue
        if place:
            yield Check(f"data: {name}", "ok", str(place))
        else:
            where = f"not in {folder}" if folder else f"no folder named by --data-dir or {DATA_VARIABLE}"
            yield Check(f"data: {name}", "note", where, "name a folder with its files, or run with --download")


def _mnist_folder(folder: Path) -> Path | None:
    paths = find_mnist(folder)
    return paths[0].parent if paths else None
