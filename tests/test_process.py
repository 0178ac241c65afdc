"""What belongs to the whole process: import order, Keras' settings, what is loaded, threads, a missing framework.

Most of it runs in children forked from one small process, with stand-ins for the frameworks; the stand-ins abort
where the real ones do.  The real ones are started a few times, and in every order under the mark ``slow``.
"""

import itertools
import json
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import dualnet
from dualnet import process
from dualnet.interface import MissingFrameworkError

# Forks once for every piece of code, and tells exit code and output of each: a fresh process in a millisecond.
NURSERY = """
import json, os, sys, tempfile, traceback
import dualnet.interface, dualnet.process, json.decoder

def child(code):
    with tempfile.TemporaryFile("w+") as file:
        pid = os.fork()
        if not pid:
            os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
            status = 1
            try:
                exec(code, {"__name__": "__main__"})
                status = 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        file.seek(0)
        return status, file.read()

print(json.dumps({name: child(code) for name, code in json.load(sys.stdin).items()}))
"""


def environment(*path, **values):
    """This process' environment without what would decide on Keras; ``path`` goes first on the import path."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KERAS_")}
    whole = os.pathsep.join([*map(str, path), *filter(None, [kept.get("PYTHONPATH")])])
    return {**kept, "PYTHONPATH": whole, "TF_CPP_MIN_LOG_LEVEL": "3", **values}


def python(code, env, *arguments, **keywords):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=280, **keywords)


def children(codes, env):
    done = python(NURSERY, env, input=json.dumps(codes))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# --- import order ----------------------------------------------------------------------------------------------

STAND_INS = {
    "triton": "import os, sys\nif 'tensorflow' in sys.modules: os._exit(134)",
    "tensorflow": "",
    "keras": "import tensorflow",
    "torch": "def step():\n    try: import triton\n    except ImportError: pass",
    "torchvision": "import torch\ntorch.step()",
}
NAMES = ("dualnet.tf", "dualnet.torch", "tensorflow", "torch")
ORDERS = [order for length in (1, 2, 3, 4) for order in itertools.permutations(NAMES, length)]
OURS = [order for order in ORDERS if any(name.startswith("dualnet") for name in order)]
FULL = [order for order in ORDERS if len(order) == 4]
PLAIN_STEP = "\nimport torch; torch.step(); import torchvision"


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stand_ins")
    for name, code in STAND_INS.items():
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(code)
    return folder


@pytest.fixture(scope="module")
def outcomes(stand_ins):
    codes = {" ".join(order): f"import {', '.join(order)}{PLAIN_STEP}" for order in ORDERS}
    return children(codes, environment(stand_ins))


@pytest.mark.parametrize("order", OURS, ids=" ".join)
def test_every_import_order_is_survived(outcomes, order):
    code, output = outcomes[" ".join(order)]
    assert code == 0, output


def test_without_dualnet_the_stand_ins_abort(outcomes):
    """Else the test above would show nothing."""
    assert outcomes["tensorflow torch"][0] == 134


REAL_STEP = '''
import json, time
import psutil, torch, tensorflow

def step():
    layer = torch.nn.Linear(3, 2)
    layer(torch.ones(1, 3)).sum().backward()
    torch.optim.Adam(layer.parameters()).step()
    return bool(layer.weight.isfinite().all())

def alone(work):
    """The share of the busiest thread in the processor time of half a second of work."""
    work()
    before, started = {t.id: t.user_time + t.system_time for t in me.threads()}, time.perf_counter()
    while time.perf_counter() - started < 0.5:
        work()
    used = [t.user_time + t.system_time - before.get(t.id, 0.0) for t in me.threads()]
    return max(used) / sum(used)

stepped, me = step(), psutil.Process()
import torchvision
a, b = torch.ones(1000, 1000), tensorflow.ones((1000, 1000))
print(json.dumps({
    "stepped": stepped, "tf": alone(lambda: (b @ b).numpy()), "torch": alone(lambda: a @ a),
}))
'''
# The third way, Triton at once, is taken by the process of the tests themselves.
REAL = [
    ("tensorflow", "torch", "dualnet.torch", "dualnet.tf"),  # too late for Triton: it is kept out
    ("dualnet.torch", "tensorflow"),  # Triton waits for TensorFlow
]


def really(order):
    return python(f"import {', '.join(order)}{REAL_STEP}", environment(**process.worker_environment(1)))


@pytest.fixture(scope="module")
def real():
    for backend in ("tf", "torch"):
        try:
            process.require(backend)
        except MissingFrameworkError as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(REAL, pool.map(really, REAL), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("order", REAL, ids=" ".join)
def test_the_real_frameworks_survive(real, order):
    done = real[order]
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["stepped"]


@pytest.mark.slow
@pytest.mark.parametrize("order", FULL, ids=" ".join)
def test_the_real_frameworks_survive_every_order(order):
    done = really(order)
    assert done.returncode == 0, done.stderr


# --- threads ---------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tf", "torch"])
def test_one_thread_does_all_the_work(real, backend):
    """Of large matrix products; without the variables as many threads as there are cores share it."""
    assert json.loads(real[REAL[0]].stdout.splitlines()[-1])[backend] > 0.9


@pytest.mark.parametrize(("threads", "value"), [(3, "3"), (1, "1"), (0, "1")])
def test_worker_environment_says_the_same_to_all(threads, value):
    found = process.worker_environment(threads)
    counts = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    assert [found[name] for name in counts] == [value] * 4


CHURN = """
import resource
def churn():
    for _ in range(20):
        blocks = [bytearray(b"x") * 4_000_000 for _ in range(4)]
        del blocks
churn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
churn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of the GNU C library")
def test_workers_keep_their_memory():
    """A page fault is a page of memory asked from the system: blocks freed and taken again cost none."""
    faults = int(python(CHURN, environment(**process.worker_environment())).stdout)
    assert faults < 100 < int(python(CHURN, environment()).stdout)


# --- what an import loads --------------------------------------------------------------------------------------

FRAMEWORKS = {"tensorflow", "keras", "torch", "torchvision", "triton"}
HEAVY = FRAMEWORKS | {"numpy", "scipy", "sklearn", "matplotlib", "rich", "typer"}


def loaded_by(code):
    done = python(f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})", environment())
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_import_dualnet_loads_nothing_heavy():
    found = loaded_by("import dualnet; dualnet.__version__")
    assert "dualnet" in found
    assert not found & HEAVY


@pytest.mark.parametrize(
    "code",
    ["import dualnet; assert dualnet.concepts()", "import dualnet.cli, dualnet.training.worker, parity.cli"],
    ids=["concepts", "command lines"],
)
def test_no_framework_is_loaded_unasked(code):
    assert not loaded_by(code) & FRAMEWORKS


def test_import_dualnet_takes_less_than_50_milliseconds():
    code = "import time; t = time.perf_counter(); import dualnet; print(1000 * (time.perf_counter() - t))"
    assert min(float(python(code, environment()).stdout) for _ in range(5)) < 50


# --- one framework alone ---------------------------------------------------------------------------------------

# Python imports it at the start. The frameworks it hides are as if not installed, and each import of one is kept;
# asking whether it is installed (PyTorch asks for TensorFlow) is none.
HIDING = """
import os, sys
from importlib.machinery import PathFinder

IMPORTS = []

def is_import(frame):
    while frame.f_code.co_filename.startswith("<frozen importlib._bootstrap"):
        frame = frame.f_back
    return frame.f_code.co_filename != "<frozen importlib.util>"

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in os.environ["HIDDEN"].split():
            if is_import(sys._getframe(1)):
                IMPORTS.append(name)
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""
ALONE = """
import json, sys
import numpy as np
import sitecustomize
import dualnet
from dualnet.interface import Dataset, MissingFrameworkError
from dualnet.training.loop import train

name, other = sys.argv[1:]
backend = dualnet.load(name)
twins = [dualnet.twin(concept.id, name).__name__ for concept in dualnet.concepts()]
rng, declared = np.random.default_rng(0), dualnet.concept("lenet")
images, labels = rng.uniform(size=(5, 1, 28, 28)).astype(np.float32), np.arange(5)
settings, recipe = declared.settings(), declared.variant().recipe
history = train(
    backend, dualnet.build("lenet", name), declared.loss(dualnet.twin("lenet", name), backend),
    Dataset("five", "here", images, labels, images, labels), recipe,
    declared.inputs(settings), declared.targets(settings), metric="accuracy",
)
imports = list(sitecustomize.IMPORTS)
errors = []
for attempt in (lambda: dualnet.load(other), lambda: dualnet.build("lenet", other), lambda: dualnet.prepare(other)):
    try:
        attempt()
    except MissingFrameworkError as error:
        errors.append(str(error))
print(json.dumps({"twins": twins, "losses": history.losses, "imports": imports, "errors": errors}))
"""
OTHER = {"tf": "torch", "torch": "tf"}
PACKAGES = {"tf": "tensorflow keras", "torch": "torch torchvision triton"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What each backend does where the other's framework is not installed."""
    folder = tmp_path_factory.mktemp("hiding")
    (folder / "sitecustomize.py").write_text(HIDING)

    def run(backend):
        done = python(ALONE, environment(folder, HIDDEN=PACKAGES[OTHER[backend]]), backend, OTHER[backend])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(OTHER, pool.map(run, OTHER), strict=True))


@pytest.mark.parametrize("backend", OTHER)
def test_a_backend_works_without_the_other_framework(alone, backend):
    assert len(alone[backend]["twins"]) == len(dualnet.concepts())
    losses = alone[backend]["losses"]
    assert len(losses) == dualnet.concept("lenet").variant().recipe.epochs
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("backend", OTHER)
def test_a_backend_never_imports_the_other_framework(alone, backend):
    assert alone[backend]["imports"] == []


@pytest.mark.parametrize("backend", OTHER)
def test_a_missing_framework_is_told_with_the_extra_to_install(alone, backend):
    other = OTHER[backend]
    needed = {"tf": "tensorflow and keras", "torch": "torch"}[other]
    assert len(alone[backend]["errors"]) == 3
    for message in alone[backend]["errors"]:
        assert f"{other!r} backend needs {needed}, not installed here" in message
        assert f'pip install "dualnet[{other}]"' in message


@pytest.mark.parametrize(("missing", "named"), [("keras", "keras"), ("tensorflow", "tensorflow")])
def test_only_what_is_missing_is_named(monkeypatch, missing, named):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else object())
    with pytest.raises(MissingFrameworkError, match=f"backend needs {named}, not installed"):
        process.require("tf")


# --- Keras' settings -------------------------------------------------------------------------------------------

# Keras' own reading of its settings, from its own source, without the rest of Keras.
KERAS_SAYS = """
import importlib.util, json, os, sys
from types import ModuleType, SimpleNamespace

spec = importlib.util.find_spec("keras")
for name in ("", ".src", ".src.api_export", ".src.backend", ".src.backend.common"):
    sys.modules["keras" + name] = ModuleType("keras" + name)
sys.modules["keras.src.api_export"].keras_export = lambda names: lambda thing: thing
sys.modules["keras.src.backend.common"].global_state = SimpleNamespace(set_global_attribute=lambda *_: None)
path = os.path.join(spec.submodule_search_locations[0], "src", "backend", "config.py")
config = ModuleType("config")
exec(compile(open(path).read(), path, "exec"), vars(config))
print(json.dumps([config.backend(), config.floatx(), config.image_data_format()]))
"""
EXPECTED = ["tensorflow", "float32", "channels_last"]
VARIABLE = "the environment variable KERAS_BACKEND"
# Environment, files, and what is to be blamed, if anything; {home}, {keras} and {here} are folders.
SETTINGS = {
    "nothing": ({}, {}, ""),
    "KERAS_BACKEND=tensorflow": ({"KERAS_BACKEND": "tensorflow"}, {}, ""),
    "KERAS_BACKEND=torch": ({"KERAS_BACKEND": "torch"}, {}, f"{VARIABLE}=torch"),
    "KERAS_BACKEND=jax": ({"KERAS_BACKEND": "jax"}, {}, f"{VARIABLE}=jax"),
    "KERAS_BACKEND is empty": ({"KERAS_BACKEND": ""}, {}, ""),
    "KERAS_HOME, no file": ({"KERAS_HOME": "{keras}"}, {}, ""),
    "KERAS_HOME says tensorflow": ({"KERAS_HOME": "{keras}"}, {"{keras}": {"backend": "tensorflow"}}, ""),
    "KERAS_HOME says torch": (
        {"KERAS_HOME": "{keras}"}, {"{keras}": {"backend": "torch"}}, "the file {keras}/keras.json",
    ),
    "home says torch": ({}, {"{home}/.keras": {"backend": "torch"}}, "the file {home}/.keras/keras.json"),
    "home says torch, KERAS_HOME nothing": (
        {"KERAS_HOME": "{keras}"}, {"{home}/.keras": {"backend": "torch"}}, "",
    ),
    "KERAS_BACKEND over the file": (
        {"KERAS_HOME": "{keras}", "KERAS_BACKEND": "tensorflow"}, {"{keras}": {"backend": "torch"}}, "",
    ),
    "the file under KERAS_BACKEND": (
        {"KERAS_HOME": "{keras}", "KERAS_BACKEND": "torch"}, {"{keras}": {"backend": "tensorflow"}},
        f"{VARIABLE}=torch",
    ),
    "float64": ({"KERAS_HOME": "{keras}"}, {"{keras}": {"floatx": "float64"}}, "the file {keras}/keras.json"),
    "float16": ({}, {"{home}/.keras": {"floatx": "float16"}}, "the file {home}/.keras/keras.json"),
    "float64 under KERAS_BACKEND": (
        {"KERAS_HOME": "{keras}", "KERAS_BACKEND": "tensorflow"}, {"{keras}": {"floatx": "float64"}},
        "the file {keras}/keras.json",
    ),
    "channels_first": (
        {"KERAS_HOME": "{keras}"}, {"{keras}": {"image_data_format": "channels_first"}}, "the file {keras}/keras.json",
    ),
    "all as it should be": (
        {"KERAS_HOME": "{keras}"},
        {"{keras}": {"backend": "tensorflow", "floatx": "float32", "image_data_format": "channels_last"}},
        "",
    ),
    "a file that is no JSON": ({"KERAS_HOME": "{keras}"}, {"{keras}": "backend = torch"}, ""),
    "an empty file": ({"KERAS_HOME": "{keras}"}, {"{keras}": ""}, ""),
    "KERAS_HOME with a tilde": (
        {"KERAS_HOME": "~/mine"}, {"{home}/mine": {"backend": "torch"}}, "the file {home}/mine/keras.json",
    ),
    "KERAS_HOME is empty": ({"KERAS_HOME": ""}, {"{home}/.keras": {"backend": "torch"}}, ""),
    "KERAS_HOME is empty, a file lies here": ({"KERAS_HOME": ""}, {"{here}": {"backend": "torch"}}, "the file "),
}  # fmt: skip
WRONG = {
    "float64": "floatx='float64', expected 'float32'",
    "float16": "floatx='float16', expected 'float32'",
    "float64 under KERAS_BACKEND": "floatx='float64', expected 'float32'",
    "channels_first": "image_data_format='channels_first', expected 'channels_last'",
}


@pytest.fixture(scope="module")
def keras_settings(tmp_path_factory):
    """For every setting: what Keras makes of it, and what becomes of either import."""
    codes, blamed = {}, {}
    for index, (name, (variables, files, blame)) in enumerate(SETTINGS.items()):
        folder = tmp_path_factory.mktemp(f"keras{index}")
        places = {place: str(folder / place) for place in ("home", "keras", "here")}
        for place in places:
            (folder / place).mkdir()
        for place, content in files.items():
            path = folder.joinpath(place.format(**places)) / "keras.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        blamed[name] = blame.format(**places)
        values = {"HOME": places["home"], **{key: value.format(**places) for key, value in variables.items()}}
        start = f"import os\nos.environ.update({values!r})\nos.chdir({places['here']!r})\n"
        # Keras writes its file where there is none: it comes last.
        for kind, code in (("tf", "import dualnet.tf"), ("torch", "import dualnet.torch"), ("keras", KERAS_SAYS)):
            codes[f"{kind}: {name}"] = start + code
    return children(codes, environment()), blamed


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_tensorflow_side_is_refused_exactly_where_keras_would_be_another(keras_settings, setting):
    found, _ = keras_settings
    code, keras = found[f"keras: {setting}"]
    assert code == 0, keras
    refused, message = found[f"tf: {setting}"]
    assert bool(refused) == (json.loads(keras.splitlines()[-1]) != EXPECTED), f"{keras}\n{message}"


@pytest.mark.parametrize("setting", [name for name, (*_, blame) in SETTINGS.items() if blame])
def test_a_refusal_says_what_is_wrong_where_it_comes_from_and_what_to_do(keras_settings, setting):
    found, blamed = keras_settings
    _, message = found[f"tf: {setting}"]
    backend = json.loads(found[f"keras: {setting}"][1].splitlines()[-1])[0]
    wrong = WRONG.get(setting, f"run on {backend!r}, so the TensorFlow side would not be TensorFlow")
    assert f"BackendConflictError: Keras is set to {wrong}" in message
    assert f"This comes from {blamed[setting]}" in message
    assert ("correct it there" if setting in WRONG else "Set KERAS_BACKEND=tensorflow") in message


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_pytorch_side_does_not_care_for_keras(keras_settings, setting):
    code, output = keras_settings[0][f"torch: {setting}"]
    assert code == 0, output


def test_a_keras_that_already_runs_on_another_backend_is_refused(stand_ins):
    code = """
import keras
from types import SimpleNamespace
keras.config = SimpleNamespace(backend=lambda: "jax")
import dualnet.tf
"""
    refused, message = children({"it": code}, environment(stand_ins))["it"]
    assert refused
    assert "Keras is set to run on 'jax'" in message
    assert "keras is already imported in this process" in message


# --- downloaders are imported into a process that is set up ----------------------------------------------------

DOWNLOAD = """
import sys
from pathlib import Path
from types import ModuleType
import tensorflow
from dualnet.data.datasets import _downloaders

for fetch in _downloaders():
    try:
        fetch(Path("nowhere"))
    except ImportError:
        pass  # the stand-ins have no data sets; they are imported all the same
assert "torchvision" in sys.modules
"""


def test_the_downloaders_prepare_the_process_before_they_import(stand_ins):
    code, output = children({"it": DOWNLOAD}, environment(stand_ins))["it"]
    assert code == 0, output


def test_without_a_home_keras_looks_in_tmp(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert process.keras_config_path() == tmp_path / ".keras" / "keras.json"
    monkeypatch.setenv("HOME", str(tmp_path / "is not there"))
    assert process.keras_config_path() == Path("/tmp/.keras/keras.json")
