"""The command lines, as a user meets them: what they print, what they leave behind, and what they say when wrong.

Light ones run in this process; what starts workers on both frameworks runs once and is shared.  Where only the
life of the workers matters, stand-ins for the frameworks take the place of the real ones.
"""

import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import entry_points
from types import ModuleType

import numpy as np
import psutil
import pytest
from PIL import Image

import dualnet
import dualnet.cli
import parity.cli
from dualnet import doctor
from dualnet.data.datasets import DATA_VARIABLE
from dualnet.interface import BACKENDS, DualnetError, MissingFrameworkError
from dualnet.training import sides, worker
from dualnet.training.checkpoint import Checkpoint
from dualnet.training.job import Job
from dualnet.training.results import COLOURS
from parity import suite

LENET = dualnet.concept("lenet")
STEPS = math.ceil(1437 / LENET.variant().recipe.batch_size)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture
def run(monkeypatch, capsys):
    """A command line in this process: exit code, standard output, standard error."""

    def run(command, *arguments):
        monkeypatch.setattr(sys, "argv", [command, *map(str, arguments)])
        code = 0
        try:
            {"dualnet": dualnet.cli, "parity": parity.cli}[command].main()
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr()

    return run


def variables(*path, **values):
    whole = os.pathsep.join([*map(str, path), *filter(None, [os.environ.get("PYTHONPATH")])])
    kept = {name: value for name, value in os.environ.items() if name != DATA_VARIABLE}
    return {**kept, "PYTHONPATH": whole, "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "200", **values}


def start(*arguments, env, **keywords):
    """A command line in a process of its own, in which Ctrl-C works however the tests were started."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from importlib import import_module; import_module(sys.argv.pop(1) + '.cli').main()"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords)


def job(backend):
    return Job(
        backend=backend, concept="lenet", variant="relu_max", config={}, data="digits",
        optimizer={"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "betas": [0.9, 0.999], "epsilon": 1e-8},
    )  # fmt: skip


def both_installed():
    for backend in BACKENDS:
        try:
            doctor.require(backend)
        except MissingFrameworkError as error:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))


# --- list, show ------------------------------------------------------------------------------------------------


def test_the_command_lines_are_installed():
    scripts = {script.name: script.load() for script in entry_points(group="console_scripts", module="dualnet.cli")}
    scripts |= {script.name: script.load() for script in entry_points(group="console_scripts", module="parity.cli")}
    assert {name: scripts[name].__module__ for name in ("dualnet", "parity")} == {
        "dualnet": "dualnet.cli",
        "parity": "parity.cli",
    }


def test_list_as_json_tells_every_concept(run):
    code, out, _ = run("dualnet", "list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [row["id"] for row in rows] == [concept.id for concept in dualnet.concepts()]
    (lenet,) = (row for row in rows if row["id"] == "lenet")
    assert lenet == {
        "id": "lenet",
        "chapter": "convnets",
        "kind": "model",
        "covers": list(LENET.covers),
        "title": LENET.title,
        "variants": list(LENET.variants),
    }


def test_list_names_every_concept(run):
    code, out, _ = run("dualnet", "list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines() if not line.startswith(" ")] == [
        "id",
        *(concept.id for concept in dualnet.concepts()),
    ]


def test_show_as_json_has_what_is_said_of_each_variant(run):
    code, out, _ = run("dualnet", "show", "lenet", "--json")
    shown = json.loads(out)
    assert code == 0
    assert shown["id"] == "lenet"
    variants = dualnet.concept("lenet").variants
    assert {name: (v["about"], v["claim"]) for name, v in shown["variants"].items()} == {
        name: (v.about, v.claim) for name, v in variants.items()
    }
    assert shown["variants"]["tanh_max"]["published"]["epochs"] == variants["tanh_max"].published.epochs == 10
    assert shown["variants"]["relu_max"]["published"] is None


def test_published_trains_as_the_source_did(monkeypatch):
    jobs = []
    monkeypatch.setattr(dualnet.cli, "run_jobs", lambda found, *args, **kwargs: jobs.extend(found))
    dualnet.cli.app(["train", "alexnet", "--backend", "torch", "--published", "--epochs", "2"], standalone_mode=False)
    (job,) = jobs
    published = dualnet.concept("alexnet").variant(None).published
    assert job.recipe == replace(published, epochs=2, config={})
    assert job.config == published.config


def test_what_is_not_published_says_what_is(run):
    code, _, err = run("dualnet", "train", "lenet", "--backend", "torch", "--published")
    assert code == 2
    assert "variants that have one: tanh_max, wide_sigmoid_max" in err


def test_show_as_json_has_both_sources(run):
    _, out, _ = run("dualnet", "show", "lenet", "--json")
    shown = json.loads(out)
    for backend in BACKENDS:
        path = dualnet.catalogue.source("lenet", backend)
        assert shown[backend] == {"path": str(path), "source": path.read_text()}
        pane = [line[backend] for line in shown["lines"] if line[backend] is not None]
        assert pane == path.read_text().splitlines()
    assert all(line["same"] == (line["tf"] == line["torch"]) for line in shown["lines"])
    assert 0 < sum(line["same"] for line in shown["lines"]) < len(shown["lines"])


def test_show_prints_both_panes(run):
    code, out, err = run("dualnet", "show", "lenet")
    assert code == 0
    assert out.split()[:2] == ["TensorFlow", "PyTorch"]
    lines = out.splitlines()
    (choose,) = (line.split("from ") for line in lines if "dualnet.interface import choose" in line)
    assert len(choose) == 3
    assert "≠" not in "".join(choose)
    assert [line.split() for line in lines if "import torch" in line] == [["import", "keras", "≠", "import", "torch"]]
    assert re.fullmatch(r"\d+ of \d+ lines are the same\n", err)


# --- parity list -----------------------------------------------------------------------------------------------


def test_parity_list_as_json_tells_every_check(run):
    code, out, _ = run("parity", "list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [row["id"] for row in rows] == [check.id for check in suite.checks()]
    assert {"id": "lenet-relu_max-gradients", "concept": "lenet", "variant": "relu_max", "check": "gradients"} in rows


def test_parity_list_takes_names(run):
    code, out, err = run("parity", "list", "lenet")
    assert code == 0
    assert out.split() == [check.id for check in suite.checks("lenet")]
    assert f"{len(out.split())} checks of 1 concepts" in err


# --- wrong usage -----------------------------------------------------------------------------------------------

WRONG = {
    "show: concept": (["show", "lenett"], "there is no concept 'lenett': did you mean lenet"),
    "compare: concept": (["compare", "le_net"], "there is no concept 'le_net': did you mean lenet"),
    "compare: concept like none": (["compare", "zzzz"], "`dualnet list` names them all"),
    "compare: concept without a model": (
        ["compare", "tensor_indexing", "--epochs", "3", "--set", "a=1"],
        "--epochs, --set: concept 'tensor_indexing' is of kind 'ops', there is nothing to train; it takes --data, ",
    ),
    "train: concept without a model": (
        ["train", "tensor_indexing", "--backend", "tf"], "kind 'ops', there is nothing to train",
    ),
    "compare: variant": (["compare", "lenet", "--variant", "relu"], "no variant 'relu': choose one of relu_max, "),
    "compare: setting": (["compare", "lenet", "--set", "kernel=3"], "no setting 'kernel': it takes in_channels, "),
    "compare: setting without value": (["compare", "lenet", "--set", "hidden"], "--set 'hidden': expected NAME=VALUE"),
    "compare: optimizer": (
        ["compare", "lenet", "--optimizer", "lion", "--learning-rate", "0.1"], "'lion' is unknown: choose sgd or adam",
    ),
    "compare: optimizer without rate": (["compare", "lenet", "--optimizer", "sgd"], "give --learning-rate, too"),
    **{
        f"compare: learning rate {rate}": (
            ["compare", "lenet", f"--learning-rate={rate}"], f"learning rate {float(rate)!r}: expected a finite number",
        )
        for rate in ("0", "-0.1", "nan", "inf")
    },
    "train: concept": (["train", "lenett", "--backend", "tf"], "did you mean lenet"),
    "train: backend": (["train", "lenet", "--backend", "jax"], "backend 'jax' is unknown: choose one of tf, torch"),
    "train: variant": (["train", "lenet", "--backend", "tf", "--variant", "x"], "no variant 'x'"),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_is_one_line_and_exit_code_2(run, tmp_path, monkeypatch, wrong):
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[wrong]
    code, out, err = run("dualnet", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["list", "lenett"], ["run", "lenett"]], ids=" ".join)
def test_wrong_usage_of_parity_is_one_line_and_exit_code_2(run, arguments):
    code, out, err = run("parity", *arguments)
    assert (code, out) == (2, "")
    assert re.fullmatch(r"error: there is no concept 'lenett': did you mean lenet.*\n", err)


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "lenet", "--epochs", "0"],
        ["compare", "lenet", "--batch-size", "-1"],
        ["compare", "lenet", "--seed", "-1"],
        ["compare", "lenet", "--epochs", "two"],
        ["compare"],
        ["train", "lenet"],
        ["contrast", "lenet"],
    ],
    ids=" ".join,
)
def test_impossible_arguments_are_exit_code_2(run, arguments):
    code, _, err = run("dualnet", *arguments)
    assert code == 2
    assert "Usage: " in err


OUTS = {"a file": "here", "below a file": "here/there"}


@pytest.mark.parametrize("command", [["compare"], ["train", "--backend", "torch"]], ids=lambda command: command[0])
@pytest.mark.parametrize("out", OUTS)
def test_an_out_that_cannot_be_a_folder_is_told_before_anything_runs(run, tmp_path, monkeypatch, command, out):
    monkeypatch.setattr(sides.Sides, "__enter__", lambda self: pytest.fail("a worker was started"))
    (tmp_path / "here").write_text("precious")
    code, stdout, err = run("dualnet", *command, "lenet", "--out", tmp_path / OUTS[out])
    assert (code, stdout) == (2, "")
    assert re.fullmatch(rf"error: .*{re.escape(str(tmp_path / 'here'))}.*\n", err)
    assert (tmp_path / "here").read_text() == "precious"


# What only the worker can find out.  Data are read before the framework is imported.
TOLD_BY_WORKER = {
    "data set": (["--data", "minst"], "there is no data set 'minst': choose one of digits, "),
    "data folder": (["--data", "mnist", "--data-dir", "nowhere"], "nowhere is no folder; it comes from --data-dir"),
}


@pytest.mark.parametrize("wrong", TOLD_BY_WORKER)
def test_what_a_worker_finds_wrong_is_one_line_and_leaves_nothing(run, tmp_path, monkeypatch, wrong):
    arguments, message = TOLD_BY_WORKER[wrong]
    monkeypatch.chdir(tmp_path)
    code, _, err = run("dualnet", "train", "lenet", "--backend", "torch", "--out", tmp_path / "out", *arguments)
    assert code == 2
    assert re.fullmatch(rf"error: .*{message}.*\n", err)
    assert list(tmp_path.iterdir()) == []


UNFIT = {
    "a folder in the environment that is none": ({"data": "mnist"}, rf"elsewhere is no folder; .*{DATA_VARIABLE}"),
    "no data": ({"data": "mnist", "data_dir": "."}, "MNIST was not found .*--download"),
    "rows of another shape": ({"data": "synthetic_linear"}, "'synthetic_linear' has rows of shape"),
    "too few classes": ({"config": {"num_classes": 9}}, "has label 9, .*set num_classes=10"),
    "a value that is no choice": ({"config": {"activation": "swish"}}, "activation 'swish' is unknown: .*sigmoid"),
    "an image too small": ({"config": {"image_size": 7}}, "image_size 7 is too small"),
    "an image size that is no number": ({"config": {"image_size": "big"}}, "'image_size' is 'big'"),
    "one size where two are expected": ({"config": {"channels": 6}}, "channels"),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_a_job_that_cannot_work_is_an_error_of_dualnet(backend, tmp_path, monkeypatch, unfit):
    monkeypatch.chdir(tmp_path)
    changes, message = UNFIT[unfit]
    if "folder" in unfit:
        monkeypatch.setenv(DATA_VARIABLE, "elsewhere")
    with pytest.raises(DualnetError, match=message):
        worker.run(replace(job(backend.name), **changes), send=lambda *_, **__: None, wait=lambda: None)


# --- one side alone, where the other's framework is not installed ----------------------------------------------

HIDING = """
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in ("tensorflow", "keras") else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""


@pytest.fixture(scope="module")
def without_tensorflow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hiding")
    (folder / "sitecustomize.py").write_text(HIDING)
    return variables(folder)


@pytest.fixture(scope="module", autouse=True)
def background(tmp_path_factory, without_tensorflow):
    """What takes long and needs nobody to wait for it: the doctor, and a training of the PyTorch side alone."""
    data = tmp_path_factory.mktemp("data")
    for rows, split in ((5, "train"), (3, "t10k")):
        images, labels = bytes([0, 0, 8, 3, 0, 0, 0, rows, 0, 0, 0, 2, 0, 0, 0, 2]), bytes([0, 0, 8, 1, 0, 0, 0, rows])
        (data / f"{split}-images-idx3-ubyte").write_bytes(images + bytes(4 * rows))
        (data / f"{split}-labels-idx1-ubyte").write_bytes(labels + bytes(rows))
    out = tmp_path_factory.mktemp("trained") / "out"
    train = ("train", "lenet", "--backend", "torch", "--epochs", "1", "--out", out)
    processes = {
        "train": start("dualnet", *train, env=without_tensorflow),
        "doctor": start("dualnet", "doctor", "--json", "--data-dir", data, env=variables()),
    }
    yield processes, out, data
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def trained(background):
    """Standard output and folder of ``dualnet train lenet --backend torch --epochs 1``, TensorFlow not installed."""
    processes, out, _ = background
    stdout, stderr = processes["train"].communicate(timeout=200)
    assert processes["train"].returncode == 0, stderr.decode()
    return stdout.decode(), out


@pytest.mark.parametrize("command", ["dualnet", "parity"])
def test_listing_needs_no_tensorflow(without_tensorflow, command):
    process = start(command, "list", env=without_tensorflow)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err.decode()
    assert b"lenet" in out


def test_what_needs_tensorflow_says_how_to_install_it(without_tensorflow, tmp_path):
    process = start("dualnet", "compare", "lenet", "--out", tmp_path / "out", env=without_tensorflow)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, b"")
    assert re.fullmatch(r"error: .*tensorflow and keras, not installed here: .*dualnet\[tf\].*\n", err.decode())
    assert list(tmp_path.iterdir()) == []


def test_training_tells_its_result(trained):
    stdout, out = trained
    assert LENET.title in stdout
    assert re.search(r"test accuracy +│ +\d\d\.\d\d%", stdout)
    assert str(out / "result.json") in stdout
    assert "TensorFlow" not in stdout


def test_training_leaves_a_valid_result(trained):
    result = json.loads((trained[1] / "result.json").read_text())
    assert result["concept"] == "lenet"
    assert result["variant"] == LENET.default_variant
    assert (result["data"], result["epochs"], result["seed"]) == ("digits", 1, 0)
    assert result["parity"] is None
    assert "divergence" not in result
    assert result["sides"].keys() == {"torch"}
    check_side(result["sides"]["torch"], "torch")


def check_side(side, framework):
    losses, (epoch,) = side["history"]["losses"], side["history"]["epochs"]
    assert len(losses) == STEPS
    assert losses[0] == pytest.approx(math.log(10), rel=0.3)
    assert np.mean(losses[-10:]) < 0.5 * losses[0]
    assert epoch["loss"] == pytest.approx(np.mean(losses), rel=1e-9)
    assert epoch["samples"] == side["train_rows"] == 1437
    assert side["test_rows"] == 360
    assert 0.7 < epoch["metric"] < 1
    assert (epoch["metric"] * 360) == pytest.approx(round(epoch["metric"] * 360), abs=1e-9)
    assert side["history"]["samples_per_second"] == pytest.approx(1437 / epoch["seconds"])
    assert side["parameters"] == 61706
    assert side["versions"][framework]
    assert side["source"] == "scikit-learn"
    assert 2**26 < side["peak_memory_bytes"] < 2**34
    assert side["import_seconds"] > 0.1
    assert side["build_seconds"] > 0


def check_picture(path, *colours):
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3).astype(int)
    assert len(pixels) > 100_000
    for colour in colours:
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=1) < 8).sum() > 100, colour


@pytest.fixture
def no_tensorflow_to_read_events(monkeypatch):
    """TensorBoard reads its files by itself then; it would import TensorFlow for that."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))


def check_events(folder, side):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    assert set(events.Tags()["scalars"]) == {"loss/step", "loss/epoch", "accuracy/test"}
    steps = events.Scalars("loss/step")
    assert [event.step for event in steps] == list(range(1, STEPS + 1))
    np.testing.assert_allclose([event.value for event in steps], side["history"]["losses"], rtol=1e-6)
    (loss,), (accuracy,) = events.Scalars("loss/epoch"), events.Scalars("accuracy/test")
    assert loss.value == pytest.approx(side["history"]["epochs"][0]["loss"], rel=1e-6)
    assert accuracy.value == pytest.approx(side["history"]["epochs"][0]["metric"], rel=1e-6)


def test_training_leaves_a_picture(trained):
    check_picture(trained[1] / "curves.png", COLOURS["torch"])


def test_training_leaves_tensorboard_events(trained, no_tensorflow_to_read_events):
    side = json.loads((trained[1] / "result.json").read_text())["sides"]["torch"]
    check_events(trained[1] / "tensorboard" / "torch", side)


def test_training_leaves_its_weights(trained):
    found = Checkpoint.load(trained[1] / "weights" / "torch.safetensors")
    assert found.about["concept"] == "lenet"
    assert sum(array.size for array in found.state.parameters.values()) == 61706
    side = json.loads((trained[1] / "result.json").read_text())["sides"]["torch"]
    assert found.history.losses == side["history"]["losses"]


def test_training_leaves_nothing_else(trained):
    assert sorted(path.name for path in trained[1].iterdir()) == ["curves.png", "result.json", "tensorboard", "weights"]
    assert list(trained[1].parent.iterdir()) == [trained[1]]


# --- both sides ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """``dualnet compare lenet --epochs 1 --json`` into a folder with an older result and a stranger's file."""
    both_installed()
    out = tmp_path_factory.mktemp("compared") / "out"
    for name in ("result.json", "curves.png", "tensorboard/tf/events.out.tfevents.1.old", "notes.txt"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("old")
    process = start("dualnet", "compare", "lenet", "--epochs", "1", "--json", "--out", out, env=variables())
    stdout, stderr = process.communicate(timeout=250)
    return process.returncode, stdout.decode(), stderr.decode(), out


@pytest.fixture(scope="module")
def result(compared):
    code, stdout, stderr, _ = compared
    assert code == 0, stderr
    return json.loads(stdout)


def test_compare_prints_its_result_and_keeps_it(compared, result):
    assert json.loads((compared[3] / "result.json").read_text()) == result


def test_compare_shows_its_course_beside_the_json(compared):
    assert "parity: agree" in compared[2]
    assert re.search(r"test accuracy +│ +\d\d\.\d\d% │ +\d\d\.\d\d%", compared[2])


def test_compare_found_parity(result):
    assert result["parity"]["passed"] is True
    assert result["parity"]["compared"] == result["parity"]["expected"] > 100
    assert 0 < result["parity"]["smallest_passing_limit"] < 1e-11


@pytest.mark.parametrize(("backend", "framework"), [("tf", "tensorflow"), ("torch", "torch")])
def test_compare_trained_a_side(result, backend, framework):
    assert list(result["sides"]) == list(BACKENDS)
    check_side(result["sides"][backend], framework)


@pytest.mark.parametrize("backend", BACKENDS)
def test_compare_shares_the_cores_out(result, backend):
    assert result["sides"][backend]["versions"]["threads"] == str(max(1, len(os.sched_getaffinity(0)) // 2))


def test_compare_gives_both_sides_the_same_start_and_batches(result):
    tf, torch = (result["sides"][backend]["history"]["losses"] for backend in BACKENDS)
    assert len(tf) == len(torch) == STEPS
    assert tf[0] == pytest.approx(torch[0], rel=1e-6)
    np.testing.assert_allclose(tf[:10], torch[:10], rtol=1e-5)


def test_compare_tells_how_the_curves_part(result):
    tf, torch = (np.array(result["sides"][backend]["history"]["losses"]) for backend in BACKENDS)
    gaps = np.abs(tf - torch) / np.maximum(tf, torch)
    assert result["divergence"]["largest"] == pytest.approx(gaps.max())
    above = np.flatnonzero(gaps > 1e-5)
    assert result["divergence"]["first_step"] == (above[0] + 1 if above.size else None)


def test_training_alone_is_the_same_training(result, trained):
    alone = json.loads((trained[1] / "result.json").read_text())["sides"]["torch"]["history"]["losses"]
    np.testing.assert_allclose(alone[:10], result["sides"]["torch"]["history"]["losses"][:10], rtol=1e-5)


def test_compare_draws_both_sides(compared, result):
    check_picture(compared[3] / "curves.png", *COLOURS.values())


@pytest.mark.parametrize("backend", BACKENDS)
def test_compare_leaves_tensorboard_events(compared, result, backend, no_tensorflow_to_read_events):
    check_events(compared[3] / "tensorboard" / backend, result["sides"][backend])


def test_a_second_run_replaces_results_and_leaves_what_is_not_its_own(compared, result):
    out = compared[3]
    assert sorted(path.name for path in out.iterdir()) == [
        "curves.png", "notes.txt", "result.json", "tensorboard", "weights",
    ]  # fmt: skip
    assert (out / "notes.txt").read_text() == "old"
    assert not list(out.rglob("*.old"))
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.slow
def test_sides_that_differ_are_exit_code_1_and_a_result(tmp_path):
    """A copy of the library whose PyTorch side has another activation, which the float64 pass must see."""
    import shutil
    from pathlib import Path

    both_installed()
    root = Path(dualnet.__file__).parent.parent
    for package in ("dualnet", "parity"):
        shutil.copytree(root / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    twin = tmp_path / "dualnet" / "torch" / "convnets" / "lenet.py"
    text = twin.read_text()
    assert '"relu": F.relu' in text
    twin.write_text(text.replace('"relu": F.relu', '"relu": F.leaky_relu'))
    arguments = ("compare", "lenet", "--epochs", "1", "--out", tmp_path / "out")
    process = start("dualnet", *arguments, env=variables(tmp_path), cwd=tmp_path)
    out, err = process.communicate(timeout=250)
    assert process.returncode == 1, err.decode()
    assert "parity: differ" in out.decode()
    assert json.loads((tmp_path / "out" / "result.json").read_text())["parity"]["passed"] is False


# --- the end of the workers ------------------------------------------------------------------------------------

# Stand-ins for the frameworks: they tell that they are being imported, and then do what the test wants.
STAND_IN = """
import os, pathlib, signal, sys, time
pathlib.Path(os.environ["READY"], str(os.getpid())).touch()
print("last words", file=sys.stderr, flush=True)
"""
SMALL = "linear_regression"  # its data are made in no time
WAITING, STUBBORN = "time.sleep(600)", "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


@pytest.fixture
def stand_ins(tmp_path, monkeypatch):
    """A function that puts stand-ins with this behaviour in the frameworks' place; returns who has started."""
    folder = tmp_path / "stand_ins"
    ready = folder / "ready"
    ready.mkdir(parents=True)

    def put(behaviour):
        for name in ("torch", "tensorflow", "keras"):
            (folder / f"{name}.py").write_text(STAND_IN + behaviour)
        for name, value in variables(folder, READY=str(ready)).items():
            monkeypatch.setenv(name, value)
        return lambda: [int(path.name) for path in ready.iterdir()]

    return put


def wait_until(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def wait_for_output(process, pattern, seconds=150.0):
    text, deadline = "", time.monotonic() + seconds
    while not re.search(pattern, text):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"waited in vain for {pattern}: {text}"
        chunk = os.read(process.stdout.fileno(), 65536)
        assert chunk, f"ended before {pattern}: {text}\n{process.stderr.read().decode()}"
        text += chunk.decode(errors="replace")


def workers_of(process):
    found = psutil.Process(process.pid).children(recursive=True)
    return [child for child in found if "dualnet.training.worker" in child.cmdline()]


ENDINGS = {signal.SIGINT: (130, "interrupted: nothing was kept\n"), signal.SIGTERM: (143, "")}


def end_and_check(process, number, workers, out, scratch):
    """Sends the signal; then no worker is left, nothing is kept, and what was there before is as it was."""
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    code, said = ENDINGS[number]
    assert process.returncode == code
    assert err.decode().endswith(said)
    assert "Traceback" not in err.decode()
    assert [w for w in workers if w.is_running() and w.status() != psutil.STATUS_ZOMBIE] == []
    assert list(out.parent.iterdir()) == [out]
    assert [path.name for path in out.iterdir()] == ["result.json"]
    assert (out / "result.json").read_text() == "old"
    assert list(scratch.glob("tmp*")) == []  # the frameworks leave other things there


@pytest.fixture
def folders(tmp_path):
    """An output folder with an older result, and a place for temporary files."""
    out, scratch = tmp_path / "runs" / "out", tmp_path / "scratch"
    out.mkdir(parents=True)
    scratch.mkdir()
    (out / "result.json").write_text("old")
    return out, scratch


@pytest.mark.parametrize("number", ENDINGS, ids=lambda number: number.name)
def test_a_signal_while_frameworks_are_imported_ends_everything(stand_ins, folders, number):
    out, scratch = folders
    started = stand_ins(WAITING)
    process = start("dualnet", "compare", SMALL, "--out", out, env=variables(TMPDIR=str(scratch)))
    try:
        wait_until(lambda: len(started()) == 2)
        workers = workers_of(process)
        assert sorted(w.pid for w in workers) == sorted(started())
        end_and_check(process, number, workers, out, scratch)
    finally:
        process.kill()


LIVE = {"FORCE_COLOR": "1", "NO_COLOR": "1"}  # progress is shown although nobody looks
LONG = ("--epochs", "1000000")
IN_THE_MIDDLE = r"[1-9]\d*/\d+ steps"


@pytest.mark.parametrize(
    ("number", "command"),
    [
        (signal.SIGINT, ["compare", SMALL]),
        pytest.param(signal.SIGTERM, ["train", SMALL, "--backend", "torch"], marks=pytest.mark.slow),
    ],
    ids=["SIGINT", "SIGTERM"],
)
def test_a_signal_in_the_middle_of_training_ends_everything(folders, number, command):
    both_installed()
    out, scratch = folders
    env = variables(TMPDIR=str(scratch), **LIVE)
    process = start("dualnet", *command, *LONG, "--out", out, env=env, bufsize=0)
    try:
        wait_for_output(process, IN_THE_MIDDLE)
        workers = workers_of(process)
        assert len(workers) == (2 if command[0] == "compare" else 1)
        end_and_check(process, number, workers, out, scratch)
    finally:
        process.kill()


def test_workers_end_when_their_parent_is_killed(stand_ins, folders):
    out, scratch = folders
    started = stand_ins(WAITING)
    process = start("dualnet", "compare", SMALL, "--out", out, env=variables(TMPDIR=str(scratch)))
    wait_until(lambda: len(started()) == 2)
    workers = workers_of(process)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=20)
    for orphan in alive:
        orphan.kill()
    assert not alive


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_training_worker_ends_when_its_parent_is_killed(folders, backend):
    out, scratch = folders
    env = variables(TMPDIR=str(scratch), **LIVE)
    process = start("dualnet", "train", SMALL, "--backend", backend, *LONG, "--out", out, env=env, bufsize=0)
    wait_for_output(process, IN_THE_MIDDLE)
    workers = workers_of(process)
    assert len(workers) == 1
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=20)
    for orphan in alive:
        orphan.kill()
    assert not alive
    assert (out / "result.json").read_text() == "old"


def small_job(backend):
    return replace(job(backend), concept=SMALL, variant="concise", data="synthetic_linear")


def test_a_worker_that_does_not_listen_is_killed(stand_ins, monkeypatch):
    monkeypatch.setattr(sides, "GRACE", 0.3)
    started = stand_ins(STUBBORN)
    with sides.Sides({"torch": small_job("torch")}):
        wait_until(lambda: len(started()) == 1)
        (stubborn,) = map(psutil.Process, started())
        time.sleep(0.2)  # until it has stopped listening
    assert not stubborn.is_running()


def test_an_error_in_the_middle_ends_the_workers_at_once(stand_ins, monkeypatch):
    monkeypatch.setattr(sides, "GRACE", 60.0)
    started = stand_ins(WAITING)
    with pytest.raises(ZeroDivisionError), sides.Sides({side: small_job(side) for side in ("torch", "tf")}):
        wait_until(lambda: len(started()) == 2)
        workers, since = [psutil.Process(pid) for pid in started()], time.monotonic()
        raise ZeroDivisionError
    assert not [w for w in workers if w.is_running()]
    assert time.monotonic() - since < 30


DEATHS = {
    "an exception": ("raise RuntimeError('a broken installation')", 1, "RuntimeError: a broken installation"),
    "an abort": ("os.kill(os.getpid(), signal.SIGKILL)", -9, "last words"),
    "an early end": ("os._exit(3)", 3, "last words"),
}


@pytest.mark.parametrize("death", DEATHS)
def test_a_worker_that_dies_is_an_error_with_its_log(run, stand_ins, tmp_path, death):
    behaviour, code, words = DEATHS[death]
    stand_ins(behaviour)
    before = sorted(tmp_path.iterdir())
    exit_code, _, err = run("dualnet", "train", SMALL, "--backend", "torch", "--out", tmp_path / "out")
    assert exit_code == 2
    assert err.startswith(f"error: the torch process ended with code {code}:\n")
    assert words in err
    assert sorted(tmp_path.iterdir()) == before


def test_one_dead_worker_ends_the_other(run, stand_ins, tmp_path):
    started = stand_ins("")
    (tmp_path / "stand_ins" / "torch.py").write_text(STAND_IN + "raise RuntimeError('a broken installation')")
    (tmp_path / "stand_ins" / "tensorflow.py").write_text(STAND_IN + WAITING)
    (tmp_path / "stand_ins" / "keras.py").write_text(STAND_IN + WAITING)
    code, _, err = run("dualnet", "compare", SMALL, "--out", tmp_path / "out")
    assert code == 2
    assert err.startswith("error: the torch process ended with code 1:\n")
    assert not [pid for pid in started() if psutil.pid_exists(pid)]


# --- doctor ----------------------------------------------------------------------------------------------------


def test_doctor_examines_this_machine(background):
    both_installed()
    processes, _, data = background
    stdout, stderr = processes["doctor"].communicate(timeout=250)
    checks = json.loads(stdout)
    assert all(check.keys() == {"name", "status", "detail", "fix"} for check in checks)
    failed = [check for check in checks if check["status"] == "fail"]
    assert processes["doctor"].returncode == int(bool(failed)), stderr
    found = {check["name"]: check for check in checks}
    for name in ("python", "numpy", "tensorflow", "torch", "tf", "both in one process", "keras backend"):
        assert found[name]["status"] == "ok", found[name]
    assert found["data: mnist"] == {"name": "data: mnist", "status": "ok", "detail": str(data), "fix": ""}


@pytest.fixture
def examine(run, monkeypatch):
    """The doctor without starting frameworks: code, and what it found by name."""

    def examine(*arguments, **probes):
        monkeypatch.setattr(doctor, "PROBES", dict.fromkeys(BACKENDS, "print('{}')") | probes)
        monkeypatch.setattr(doctor, "BOTH", "print('{}')")
        code, out, _ = run("dualnet", "doctor", "--json", *arguments)
        return code, {check["name"]: check for check in json.loads(out)}

    return examine


def test_doctor_notes_data_that_are_not_there(examine):
    _, found = examine()
    assert (found["data: mnist"]["status"], found["data: cifar10"]["status"]) == ("note", "note")
    assert found["data: digits, gaussian, iris, synthetic_linear"]["status"] == "ok"


def test_doctor_fails_on_a_wrong_data_folder(examine, tmp_path):
    code, found = examine("--data-dir", tmp_path / "nowhere")
    assert code == 1
    assert found["data: mnist"]["status"] == "fail"
    assert "nowhere is no folder" in found["data: mnist"]["detail"]
    assert found["data: mnist"]["fix"]


def test_doctor_finds_cifar10(examine, tmp_path):
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    for name in names:
        (tmp_path / name).touch()
    assert examine("--data-dir", tmp_path)[1]["data: cifar10"]["detail"] == str(tmp_path)
    (tmp_path / names[0]).unlink()
    code, found = examine("--data-dir", tmp_path)
    assert code == 1
    assert found["data: cifar10"]["status"] == "fail"
    assert found["data: mnist"]["status"] == "note"


def test_doctor_fails_on_a_framework_that_breaks(examine):
    code, found = examine(tf="raise ImportError('libcudart.so.11.0: cannot open shared object file')")
    assert code == 1
    assert found["tf"]["status"] == "fail"
    assert "ImportError: libcudart.so.11.0" in found["tf"]["detail"]
    assert "pip install" in found["tf"]["fix"]


def test_doctor_fails_on_a_framework_that_aborts(examine):
    code, found = examine(torch="import os; os.abort()")
    assert code == 1
    assert "ended with code -6" in found["torch"]["detail"]


def test_doctor_fails_on_a_missing_framework(examine, monkeypatch):
    def require(backend):
        if backend == "tf":
            raise MissingFrameworkError('pip install "dualnet[tf]"')

    monkeypatch.setattr(doctor, "require", require)
    code, found = examine()
    assert code == 1
    assert (found["tf"]["status"], found["tf"]["fix"]) == ("fail", 'pip install "dualnet[tf]"')
    assert "both in one process" not in found


def test_doctor_fails_on_an_outdated_package(examine, monkeypatch):
    version = doctor.metadata.version
    monkeypatch.setattr(doctor.metadata, "version", lambda name: "0.1" if name == "numpy" else version(name))
    code, found = examine()
    assert code == 1
    assert found["numpy"]["status"] == "fail"
    assert "0.1 is outside" in found["numpy"]["detail"]
    assert 'pip install --upgrade "numpy>=2.0"' in found["numpy"]["fix"]


def test_doctor_fails_on_a_keras_that_runs_on_another_backend(examine, monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    code, found = examine()
    assert code == 1
    assert "'jax', from the environment variable KERAS_BACKEND=jax" in found["keras backend"]["detail"]


def test_doctor_prints_a_table_with_fixes(run, monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "PROBES", dict.fromkeys(BACKENDS, "print('{}')"))
    monkeypatch.setattr(doctor, "BOTH", "print('{}')")
    code, out, _ = run("dualnet", "doctor", "--data-dir", tmp_path / "nowhere")
    assert code == 1
    assert re.search(r"ok +python +3\.", out)
    assert re.search(r"fail +data: mnist +.*nowhere is no folder", out)
    assert "fix: correct --data-dir" in out
