"""Parity before a training: on other inputs, too, where float32 alone decides."""

import sys

import pytest
from rich.console import Console

import dualnet
import dualnet.cli
from dualnet.training import compare, worker
from dualnet.training.job import Job
from parity import suite, verdict
from parity.trace import Trace

RULE = {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "betas": [0.9, 0.999], "epsilon": 1e-8}


def job(backend, trace):
    return Job(
        backend=backend, concept="linear_regression", variant="concise", config={}, data="synthetic_linear",
        optimizer=RULE, batch_size=500, seed=2, trace=str(trace),
    )  # fmt: skip


def test_a_worker_records_as_often_as_it_is_told(tmp_path, backend):
    said, seeds, events = iter(["3", "7", "train"]), [], []
    asked = job(backend.name, tmp_path / "trace.safetensors")

    def wait():
        seeds.append(Trace.load(asked.trace).about["seed"])
        return next(said)

    worker.run(asked, lambda event, **_: events.append(event), wait)
    assert seeds == [2, 3, 7]
    assert events[:4] == ["ready", "traced", "traced", "traced"] and events[-1] == "done"


def test_what_is_traced_has_settings_of_its_own(tmp_path):
    asked = Job(
        backend="torch", concept="gan_fc_mnist", variant="g75_128_d128", config={"dropout": 0.25, "hidden": 64},
        traced_config={"dropout": 0.25, "num_features": 121, "hidden": 23},
        data="digits", optimizer=RULE, batch_size=500, trace=str(tmp_path / "trace.safetensors"),
    )  # fmt: skip
    events = {}
    worker.run(asked, lambda event, **values: events.update({event: values}), lambda: "train")
    config = Trace.load(asked.trace).about["config"]
    assert (config["num_features"], config["hidden"], config["dropout"]) == (121, 23, 0.25)
    assert events["ready"]["parameters"] == 75 * 64 + 64 + 64 * 784 + 784 + 784 * 64 + 64 + 64 + 1


def jobs_of(monkeypatch, *arguments):
    """What the command line asks the workers for."""
    found = []
    monkeypatch.setattr(dualnet.cli, "run_jobs", lambda jobs, *args, **kwargs: found.extend(jobs) or (None, True))
    monkeypatch.setattr(sys, "argv", ["dualnet", "compare", *arguments])
    with pytest.raises(SystemExit):
        dualnet.cli.main()
    return found


def test_the_small_size_with_the_callers_settings_is_traced(monkeypatch):
    one, two = jobs_of(monkeypatch, "gan_fc_mnist", "--variant", "g75_128_d128", "--set", "dropout=0.25")
    small = dualnet.concept("gan_fc_mnist").variant("g75_128_d128").small
    assert small
    assert one.traced_config == two.traced_config == {"dropout": 0.25, **small}
    assert one.config == {"dropout": 0.25}


def test_a_recipe_in_full_size_is_traced_in_the_ordinary_one(monkeypatch):
    for asked in jobs_of(monkeypatch, "alexnet", "--published"):
        assert asked.config["hidden"] == (4096, 4096)
        assert asked.traced_config == {}


def recorded(jobs, seed):
    for one in jobs:
        suite.record(one.backend, one.concept, one.variant, {}, seed=seed).save(one.trace)


def test_a_float32_difference_asks_for_other_inputs(tmp_path, both, monkeypatch):
    jobs = [job(side, tmp_path / f"{side}.safetensors") for side in both]
    recorded(jobs, 2)
    retraced = []

    class Running:
        def retrace(self, seed):
            retraced.append(seed)
            recorded(jobs, seed)

    def spoilt(a, b, **keywords):
        """On the first inputs, a loss in float32 is as far off as a flipped ReLU makes it."""
        if a.about["seed"] == 2:
            name = "float32/train/loss"
            a = Trace({**a.quantities, name: a.quantities[name] * 1.01}, a.about, a.response, a.errors)
        return compared(a, b, **keywords)

    compared = verdict.compare_traces
    monkeypatch.setattr(verdict, "compare_traces", spoilt)
    found = compare.check(jobs, Running(), Console(quiet=True))
    assert retraced == [3]
    assert found["passed"]
    assert found["notes"][0].startswith("seed 2: float32 differs at float32/train/loss")
