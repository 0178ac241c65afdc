"""Models recorded apart, in processes of their own or in this one, and compared by their traces."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import dualnet
import parity
from dualnet.interface import ConfigError, DataError, StateError
from parity import foreign
from parity.cli import app
from parity.trace import Trace, TraceError
from parity.verdict import compare_traces

dualnet.load("torch"), dualnet.load("tf")
import keras  # noqa: E402

IMAGES = np.random.default_rng(0).normal(size=(4, 3, 8, 8))
MODELS = """
    def ours():
        import torch
        from torch import nn

        torch.manual_seed(1)
        layers = nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, eps=1e-3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 5)
        return nn.Sequential(*layers)

    def wrong():
        model = ours()
        model[1].eps = 1e-2
        return model

    def fails():
        raise RuntimeError("no weights today")

    def with_optimizer():
        import torch

        model = ours()
        return model, torch.optim.Adam(model.parameters(), lr=0.5)
"""


def ours(eps=1e-3):
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, eps=eps), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 5))


def theirs():
    return keras.Sequential([
        keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3), keras.layers.BatchNormalization(), keras.layers.ReLU(),
        keras.layers.Flatten(), keras.layers.Dense(5),
    ])  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "their_models.py").write_text(textwrap.dedent(MODELS))
    np.savez(tmp_path / "x.npz", IMAGES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("their_models", None)


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def record(factory, out, *more):
    return run("record", f"their_models:{factory}", "--backend", "torch", "--inputs", "x.npz", "--out", out, *more)


def test_two_frameworks_agree_through_files(tmp_path):
    a = parity.record_model(ours(), IMAGES)
    a.save(tmp_path / "a.safetensors")
    weights = Trace.load(tmp_path / "a.safetensors")
    b = parity.record_model(theirs(), IMAGES, weights=weights)
    report = compare_traces(*foreign.aligned(weights, b))
    assert report.passed, str(report)
    kinds = {finding.name.split("/")[2] for finding in report.findings if finding.name.startswith("float64/eval")}
    assert kinds == {"output", "gradient", "layer", "loss"}


def test_a_wrong_layer_shows_from_there_on():
    a, b = parity.record_model(ours(), IMAGES), parity.record_model(ours(eps=1e-2), IMAGES)
    report = compare_traces(*foreign.aligned(a, b))
    wrong = {finding.name for finding in report.failures if "/layer/" in finding.name}
    assert wrong == {
        "float64/eval/layer/1 1",
        "float64/eval/layer/2 2",
        "float64/eval/layer/3 3",
        "float64/eval/layer/4 4",
    }


class Words(nn.Module):
    """A convolution over a sequence, then layers that have the channels last."""

    def __init__(self):
        super().__init__()
        self.conv, self.dense = nn.Conv1d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, x):
        return self.dense(torch.relu(self.conv(x).mT))


def test_channels_may_be_last_on_one_side_alone():
    x = np.random.default_rng(0).normal(size=(4, 3, 9))
    layers = keras.layers.Conv1D(4, 3), keras.layers.ReLU(), keras.layers.Dense(2)
    model = keras.Sequential([keras.Input((9, 3)), *layers])
    first = foreign.record_model(Words(), x, layout="NCL")
    second = foreign.record_model(model, x, layout="NCL", weights=first)
    report = compare_traces(*foreign.aligned(first, second))
    assert report.passed, str(report)


def test_a_layer_without_partner_is_missing():
    longer = nn.Sequential(*ours(), nn.Linear(5, 5))
    report = compare_traces(*foreign.aligned(parity.record_model(ours(), IMAGES), parity.record_model(longer, IMAGES)))
    assert not report.passed
    assert any("missing" in finding.problem for finding in report.failures)


def test_weights_that_do_not_fit_are_refused():
    other = nn.Sequential(nn.Conv2d(3, 7, 3), nn.Flatten(), nn.Linear(7 * 36, 5))
    with pytest.raises(StateError, match="no partner"):
        parity.record_model(other, IMAGES, weights=parity.record_model(ours(), IMAGES))


def test_a_model_that_was_recorded_is_left_as_it_was():
    model = ours()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    parity.record_model(model, IMAGES, train=True)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_damaged_description_is_told():
    trace = parity.record_model(ours(), IMAGES)
    trace.about["calls"][0].pop("kind")
    with pytest.raises(TraceError, match="damaged"):
        foreign.aligned(trace, trace)


def test_record_diff_and_replay_on_the_command_line(folder):
    assert record("ours", "a.safetensors").exit_code == 0
    assert record("wrong", "b.safetensors").exit_code == 0
    assert run("diff", "a.safetensors", "a.safetensors").exit_code == 0
    assert run("diff", "a.safetensors", "b.safetensors").exit_code == 1
    replayed = run("diff", "a.safetensors", "b.safetensors", "--replay", "--json")
    assert replayed.exit_code == 1
    assert '"norm.epsilon"' in replayed.stdout


def test_a_trace_of_a_concept_is_no_partner_for_a_model(folder):
    record("ours", "a.safetensors")
    run("record", "pooling", "--backend", "torch", "--out", "c.safetensors")
    assert run("diff", "a.safetensors", "c.safetensors").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("their_models:nothing", "--backend", "torch", "--inputs", "x.npz"), "module:factory"),
        (("no_such_module:ours", "--backend", "torch", "--inputs", "x.npz"), "no_such_module"),
        (("their_models:fails", "--backend", "torch", "--inputs", "x.npz"), "no weights today"),
        (("their_models:ours", "--backend", "torch", "--inputs", "their_models.py"), "numpy.savez"),
        (("their_models:ours", "--backend", "torch", "--inputs", "nothing.npz"), "nothing.npz"),
    ],
)
def test_what_cannot_be_recorded_is_told(folder, arguments, words):
    result = run("record", *arguments, "--out", "z.safetensors")
    assert isinstance(result.exception, ConfigError | DataError)
    assert words in str(result.exception)
    assert not (folder / "z.safetensors").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("their_models:ours", "--backend", "torch"),
        ("their_models:ours", "--backend", "tf", "--inputs", "x.npz"),
        ("pooling", "--backend", "torch", "--inputs", "x.npz"),
    ],
)
def test_bad_usage_is_exit_code_2(folder, arguments):
    assert run("record", *arguments, "--out", "z.safetensors").exit_code == 2


def test_an_npz_with_objects_is_never_unpickled(tmp_path):
    np.savez(tmp_path / "evil.npz", np.array([object()]))
    with pytest.raises(DataError, match=r"evil\.npz"):
        foreign.read_inputs(tmp_path / "evil.npz")


def test_the_doctor_names_what_differs_before_any_run(folder):
    found = run("doctor", "their_models:ours", "their_models:wrong", "--inputs", "x.npz")
    assert found.exit_code == 1
    assert "eps" in found.stdout
    assert run("doctor", "their_models:ours", "their_models:ours", "--inputs", "x.npz").exit_code == 0


def topics(a, b, **more):
    return {difference.topic for difference in parity.doctor(a, b, **more)}


def test_the_doctor_sees_modes_dtypes_and_frozen_parameters():
    a, b = ours(), ours().eval().double()
    b[4].weight.requires_grad_(False)
    assert topics(a, b) == {"mode", "dtype", "frozen"}


def test_the_doctor_sees_regularisers_optimizers_and_missing_layers():
    b = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, kernel_regularizer="l2")])
    a = nn.Sequential(nn.Linear(8, 5), nn.Linear(5, 5))
    optimizers = (torch.optim.Adam(a.parameters()), keras.optimizers.Adam())
    assert {"regularisers", "optimizer: eps", "parameters"} <= topics(a, b, optimizers=optimizers)
    assert "layer without partner" in topics(a, b, inputs=np.ones((2, 8)))


def test_the_command_runs_in_a_process_of_its_own(folder):
    code = "from parity.cli import main; main()"
    words = ["record", "their_models:ours", "--backend", "torch", "--inputs", "x.npz", "--out", "a.safetensors"]
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "quantities of their_models:ours on torch" in done.stdout
