"""`dualnet bench`: what is asked for, what is measured, what comes out, and what it says when wrong."""

import json
import queue
import sys
from importlib import import_module

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import dualnet.cli
from dualnet.bench import results, worker
from dualnet.bench import run as running
from dualnet.bench.forms import FORMS, IMPOSSIBLE, Measurement, Task
from dualnet.interface import BACKENDS, ConfigError
from dualnet.training.sides import WorkerError


def task(backend="torch", form="eager", **changes):
    values = {"concept": "multilayer_perceptron", "variant": "concise", "config": {}, "batch_size": 3, **changes}
    return Task(backend=backend, form=form, **values)


def measurement(**changes):
    values = {
        "backend": "torch", "form": "eager", "batch_size": 8, "parameters": 61_706, "forward_multiply_adds": 3_000_000,
        "step_multiply_adds": 10_000_000, "forward_seconds": [0.004, 0.002, 0.003], "step_seconds": [0.008, 0.01, 0.5],
        "warm_up_seconds": 1.5, "framework_bytes": 300 * 2**20, "peak_bytes": 500 * 2**20, "product_gflops": 50.0,
        "versions": {"device": "cpu", "threads": "2"},
    }  # fmt: skip
    return Measurement(**{**values, **changes})


# --- figures ------------------------------------------------------------------------------------------------------


def test_the_figures_follow_from_what_was_measured():
    found = measurement().to_dict(machine_gflops=100.0)
    expected = {
        "forward_median_seconds": 0.003, "step_median_seconds": 0.01, "forward_samples_per_second": 8 / 0.003,
        "step_samples_per_second": 800.0, "forward_gflops": 2.0, "step_gflops": 2.0, "forward_share": 0.02,
        "step_share": 0.02,
    }  # fmt: skip
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_what_cannot_be_done_has_a_reason_and_no_figure():
    found = Measurement(backend="torch", form="graph", batch_size=8, reason="none").to_dict(1.0)
    assert found == {"backend": "torch", "form": "graph", "reason": "none"}


def test_the_best_product_of_all_is_the_machine():
    both = [measurement(), measurement(backend="tf", product_gflops=80.0)]
    assert results.machine_gflops(both) == 80.0
    assert results.report(both, batch_size=8)["measurements"][0]["step_share"] == pytest.approx(2 / 80)


def shown(renderable):
    console = Console(width=200, color_system=None)
    with console.capture() as caught:
        console.print(renderable)
    return caught.get()


def test_the_table_has_every_form():
    text = shown(results.table("a title", [measurement(), measurement(form="graph", reason="there is none")]))
    for part in (
        "a title",
        "PyTorch",
        "eager",
        "graph",
        "3.00 (2.00) ms",
        "10.00 (8.00) ms",
        "800",
        "2.0 (4%)",
        "500 MiB",
    ):
        assert part in text
    assert "there is none" not in text
    lines = results.costs([measurement(), measurement(form="graph", reason="there is none")])
    assert "61,706 parameters; multiply-adds for one sample 375,000 forward, 1,250,000 trained" in lines[0]
    assert lines[1:] == [
        "shares are of 50 GFLOP/s, the best large matrix product here",
        "PyTorch, graph: none: there is none",
    ]


def test_only_a_busy_machine_is_spoken_of(monkeypatch):
    monkeypatch.setattr(results.os, "sched_getaffinity", lambda pid: {0, 1}, raising=False)
    assert results.busy(0.5) == []
    assert "load 0.6 on 2 cores" in results.busy(0.6)[0]


def drawn(folder, found):
    """The pixels of the picture, as greys (H, W)."""
    results.draw(folder / "bench.png", found)
    with Image.open(folder / "bench.png") as picture:
        return np.asarray(picture.convert("L"))


def test_the_picture_has_a_row_for_each_concept(tmp_path):
    found = {"one": [measurement(), measurement(backend="tf")], "other": [measurement(), measurement(reason="none")]}
    one, both = drawn(tmp_path, {"one": found["one"]}), drawn(tmp_path, found)
    assert one.shape[1] == both.shape[1]
    assert 1.5 * one.shape[0] < both.shape[0] < 2 * one.shape[0]
    assert (one != drawn(tmp_path, {"one": [measurement(), measurement(backend="tf", peak_bytes=2**30)]})).any()


def test_a_picture_of_nothing_can_be_drawn(tmp_path):
    assert drawn(tmp_path, {"one": [measurement(reason="none")]}).size


# --- one worker, in this process ----------------------------------------------------------------------------------


def worked(asked, *lines):
    """The events of a worker that is told these lines."""
    events, waiting = [], queue.Queue()
    for line in lines:
        waiting.put(line)
    worker.run(asked, lambda event, **values: events.append((event, values)), lambda: waiting.get(timeout=1))
    return events


@pytest.fixture(autouse=True)
def small_product(monkeypatch):
    monkeypatch.setattr(worker, "PRODUCT_SIZE", 64)


def check_events(events):
    assert [event for event, _ in events] == ["built", "warm", "timed", "timed", "done"]
    values = dict(events)
    assert values["built"]["parameters"] == 784 * 256 + 256 + 256 * 10 + 10
    assert 0 < values["built"]["framework_bytes"] <= values["done"]["peak_bytes"]
    assert values["done"]["forward_multiply_adds"] == 3 * (784 * 256 + 256 * 10)
    assert values["done"]["step_multiply_adds"] == 3 * (2 * 784 * 256 + 3 * 256 * 10)
    assert values["done"]["product_gflops"] > 0
    assert [len(values["forward_seconds"]) for event, values in events if event == "timed"] == [2, 1]
    assert all(s > 0 for event, values in events if event == "timed" for s in values["step_seconds"])


SIDES = [(b, f) for b in BACKENDS for f in FORMS if f != "compiled" and (b, f) not in IMPOSSIBLE]


@pytest.mark.parametrize(("name", "form"), SIDES, ids=map("-".join, SIDES))
def test_a_worker_measures(name, form, both):
    check_events(worked(task(both[name].name, form), "warm up", "2", "1", "finish"))


@pytest.mark.slow
def test_a_worker_measures_what_is_compiled(backend):
    check_events(worked(task(backend.name, "compiled"), "warm up", "2", "1", "finish"))


@pytest.mark.parametrize("concept", ["gan_gaussian", "cvae"])
def test_a_worker_measures_models_of_several_inputs_or_players(concept, backend):
    name = dualnet.concept(concept).default_variant
    events = worked(task(backend.name, "eager", concept=concept, variant=name), "warm up", "1", "finish")
    assert [event for event, _ in events] == ["built", "warm", "timed", "done"]


def test_a_form_that_fails_says_why(monkeypatch, backend):
    def broken(*args):
        raise RuntimeError("\n  no compiler here\nand much more")

    side = import_module(f"dualnet.{backend.name}._bench")
    made = side.trainer

    def trainer(*args):
        found = made(*args)
        found.step = broken
        return found

    monkeypatch.setattr(side, "trainer", trainer)
    assert worked(task(backend.name), "warm up")[1:] == [
        ("impossible", {"reason": "RuntimeError: no compiler here"}),
        ("done", {}),
    ]


def trainer_of(name, form):
    concept, twin = dualnet.concept("lenet"), dualnet.twin("lenet", name)
    model = dualnet.build("lenet", name)
    loss = concept.loss(twin, dualnet.load(name))
    found = import_module(f"dualnet.{name}._bench").trainer(form, model, loss, concept.variant().recipe.optimizer, None)
    return found, model


def test_the_forms_of_pytorch_are_what_they_say(both):
    import torch

    (eager, plain), (last, turned), (_, compiled) = (
        trainer_of("torch", form) for form in ("eager", "channels_last", "compiled")
    )
    x = torch.ones(2, 3, 5, 7)
    assert all(p.is_contiguous() for p in plain.parameters())
    assert eager._laid_out(x).is_contiguous()
    kernels = [p for p in turned.parameters() if p.dim() == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in (*kernels, last._laid_out(x)))
    assert plain._compiled_call_impl is turned._compiled_call_impl is None
    assert compiled._compiled_call_impl is not None


def test_the_forms_of_tensorflow_are_what_they_say(both):
    eager, graph, compiled = (trainer_of("tf", form)[0] for form in ("eager", "graph", "compiled"))
    for call in ("step", "predict"):
        assert not hasattr(getattr(eager, call), "get_concrete_function")
        assert getattr(graph, call)._jit_compile is None
        assert getattr(compiled, call)._jit_compile is True


# --- all workers, in turns ----------------------------------------------------------------------------------------


class Workers:
    """Stands in for `dualnet.training.sides.Sides`: "torch compiled" dies, "tf compiled" is impossible."""

    def __init__(self, jobs, *, worker, turns):
        assert (worker, turns) == ("dualnet.bench.worker", True)
        self.jobs, self.told = jobs, []
        Workers.last = self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def proceed(self, line, *, only):
        self.told.append((line, *only))

    def events(self, until, only=None):
        for name in only or self.jobs:
            if until == "warm" and name == "torch compiled":
                raise WorkerError("the torch compiled process ended with code -6:\nLLVM ERROR")
            if until == "warm" and name == "tf compiled":
                yield name, {"event": "impossible", "reason": "NotImplementedError: XLA"}
                continue
            values = {"built": {"parameters": 7}, "warm": {"warm_up_seconds": 2.0}, "done": {"peak_bytes": 9}}
            timed = (
                {"forward_seconds": [1.0] * self.calls, "step_seconds": [2.0] * self.calls} if until == "timed" else {}
            )
            yield name, {"event": until, **values.get(until, {}), **timed}

    @property
    def calls(self):
        return int(self.told[-1][0])


def test_workers_take_turns_and_broken_forms_are_told(monkeypatch):
    monkeypatch.setattr(running, "Sides", Workers)
    tasks = [task(backend, form) for backend in BACKENDS for form in FORMS]
    found = running.measure(tasks, 7, Console(quiet=True))
    assert [(m.backend, m.form) for m in found] == [(t.backend, t.form) for t in tasks]
    reasons = {(m.backend, m.form): m.reason for m in found if m.reason}
    assert reasons == {
        **IMPOSSIBLE,
        ("tf", "compiled"): "NotImplementedError: XLA",
        ("torch", "compiled"): "the torch compiled process ended with code -6:\nLLVM ERROR",
    }
    alive = ["tf eager", "tf graph", "torch eager", "torch channels_last"]
    turns = [(line, name) for line, name in Workers.last.told if line != "warm up"]
    assert [name for _, name in turns] == alive * 6
    assert [line for line, name in turns if name == "tf eager"] == ["1", "1", "1", "2", "2", "finish"]
    for m in found:
        if not m.reason:
            assert (m.parameters, m.warm_up_seconds, m.peak_bytes) == (7, 2.0, 9)
            assert (m.forward_seconds, m.step_seconds) == ([1.0] * 7, [2.0] * 7)


# --- the command --------------------------------------------------------------------------------------------------


@pytest.fixture
def bench(monkeypatch, capsys):
    """The command in this process, which measures nothing: exit code, standard output, standard error, the tasks."""

    def bench(*arguments):
        asked = []

        def measure(tasks, repeats, console):
            asked.append((list(tasks), repeats))
            return [measurement(backend=t.backend, form=t.form) for t in tasks]

        monkeypatch.setattr(dualnet.cli, "measure", measure)
        monkeypatch.setattr(sys, "argv", ["dualnet", "bench", *map(str, arguments)])
        code = 0
        try:
            dualnet.cli.main()
        except SystemExit as ended:
            code = ended.code or 0
        return code, *capsys.readouterr(), asked

    return bench


def test_every_side_is_measured_in_every_form(bench):
    code, _, _, [(tasks, repeats)] = bench("lenet")
    recipe = dualnet.concept("lenet").variant().recipe
    assert (code, repeats) == (0, 20)
    assert tasks == [
        Task(backend=backend, form=form, concept="lenet", variant="relu_max", config={}, batch_size=recipe.batch_size)
        for backend in BACKENDS
        for form in FORMS
    ]


def test_what_is_asked_for_reaches_the_workers(bench, tmp_path):
    options = (
        "--variant",
        "tanh_max",
        "--batch",
        5,
        "--repeats",
        3,
        "--forms",
        "graph,eager",
        "--set",
        "num_classes=7",
    )
    code, out, err, [(tasks, repeats)] = bench("lenet", *options, "--json", "--out", tmp_path / "a" / "b")
    assert (code, repeats) == (0, 3)
    assert {(t.variant, t.batch_size, t.config["num_classes"]) for t in tasks} == {("tanh_max", 5, 7)}
    assert [t.form for t in tasks] == ["graph", "eager"] * 2
    assert [Task(**json.loads(t.to_json())) for t in tasks] == tasks
    (report,) = json.loads(out)
    assert json.loads((tmp_path / "a" / "b" / "bench.json").read_text()) == [report]
    assert (tmp_path / "a" / "b" / "bench.png").stat().st_size > 1000
    assert (report["concept"], report["batch_size"], report["config"]) == ("lenet", 5, {"num_classes": 7})
    assert [(m["backend"], m["form"]) for m in report["measurements"]] == [(t.backend, t.form) for t in tasks]
    assert "tanh_max, batches of 5" in err


def test_several_concepts_are_measured_one_after_the_other(bench):
    code, out, _, asked = bench("lenet", "multilayer_perceptron", "lenet")
    assert code == 0
    assert [tasks[0].concept for tasks, _ in asked] == ["lenet", "multilayer_perceptron"]
    assert "lenet, relu_max" in out
    assert "multilayer_perceptron, concise" in out


WRONG = {
    "no concept": (["lenett"], "there is no concept 'lenett': did you mean lenet"),
    "no model": (["pooling"], "concept 'pooling' is of kind 'ops', there is nothing to measure"),
    "the second": (["lenet", "pooling"], "concept 'pooling' is of kind 'ops'"),
    "no variant": (["lenet", "--variant", "big"], "concept 'lenet' has no variant 'big': choose one of relu_max"),
    "no form": (["lenet", "--forms", "eager,fast"], "--forms 'fast' is unknown: choose one of eager, graph, compiled"),
    "no setting": (["lenet", "--set", "colour=3"], "concept 'lenet' has no setting 'colour'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_wish_is_one_line(name, bench):
    arguments, message = WRONG[name]
    code, out, err, asked = bench(*arguments)
    assert (code, out, asked) == (2, "", [])
    assert err.startswith(f"error: {message}")
    assert err.count("\n") == 1


def test_a_file_in_the_way_is_found_before_anything_is_measured(bench, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err, asked = bench("lenet", "--out", tmp_path / "file")
    assert (code, asked) == (2, [])
    assert "expected a folder, it is a file" in err


def check_processes(forms):
    found = running.measure([task(side, form) for side, form in forms], 2, Console(quiet=True))
    assert [(m.backend, m.form) for m in found if not m.reason] == forms
    for m in found:
        assert len(m.forward_seconds) == len(m.step_seconds) == 2
        assert m.forward_multiply_adds == 3 * (784 * 256 + 256 * 10)
        assert m.peak_bytes > 2**27


def test_a_real_process_measures_a_model(both):
    check_processes([("torch", "channels_last")])


@pytest.mark.slow
def test_real_processes_measure_every_form(both):
    check_processes([(backend, form) for backend in BACKENDS for form in FORMS if (backend, form) not in IMPOSSIBLE])


def test_a_setting_that_cannot_work_is_told(backend):
    with pytest.raises(ConfigError, match="image_size 8 is too small"):
        worked(task(backend.name, concept="vgg", variant="vgg11", config={"image_size": 8}))
