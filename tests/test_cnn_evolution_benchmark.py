"""The seven networks of the evolution: one task, a line each, and a picture of them all."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import dualnet
from benchmarks import evolution
from dualnet.concepts.modern_convnets.cnn_evolution_benchmark import IMAGE_SIZE, NETWORKS
from dualnet.data import load, order
from dualnet.interface import ConfigError

DIGITS = load("digits", image_size=IMAGE_SIZE)


def course(backend, network, epochs=1, rows=64, batch_size=16, seed=0):
    """One network on the first digits."""
    images, labels = DIGITS.train_inputs[:rows], DIGITS.train_targets[:rows]
    orders = np.stack([order(rows, seed, epoch) for epoch in range(epochs)])
    arrays = (images, labels, DIGITS.test_inputs, DIGITS.test_targets, orders)
    twin = dualnet.twin("cnn_evolution_benchmark", backend.name)
    return twin.train_network(network, *map(backend.tensor, arrays), batch_size=batch_size, seed=seed)


def test_networks_are_told_in_the_order_of_their_years():
    assert list(NETWORKS) == ["lenet", "alexnet", "vgg", "nin", "googlenet", "resnet", "densenet"]
    assert [network.year for network in NETWORKS.values()] == sorted(network.year for network in NETWORKS.values())


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_takes_the_digits(network):
    chosen = NETWORKS[network]
    DIGITS.check(chosen.concept.inputs(chosen.settings), chosen.concept.targets(chosen.settings))


def test_lenet_learns_the_digits(backend):
    found = course(backend, "lenet", epochs=6, rows=1437, batch_size=64)
    losses = backend.array(found.losses)
    assert losses.shape == (6 * 23,)
    assert losses[-23:].mean() < 0.2 * losses[:23].mean()
    assert backend.array(found.accuracy) > 0.9
    right = backend.array(found.logits).argmax(axis=1) == DIGITS.test_targets
    assert backend.array(found.accuracy) == pytest.approx(right.mean())


def test_the_seed_decides_weights(backend):
    first, again, other = (backend.array(course(backend, "lenet", seed=seed).losses)[0] for seed in (1, 1, 2))
    assert first == again != other


def test_an_order_must_have_every_row(backend):
    images, labels = backend.tensor(DIGITS.train_inputs[:3]), backend.tensor(DIGITS.train_targets[:3])
    train_network = dualnet.twin("cnn_evolution_benchmark", backend.name).train_network
    with pytest.raises(ConfigError, match=r"order of shape \(1, 2\) .* expected \(epochs, 3\)"):
        train_network("lenet", images, labels, images, labels, backend.tensor(np.array([[0, 1]])), 2, 0)


# --- the run ---------------------------------------------------------------------------------------------------


def side(losses, accuracies):
    epochs = [{"loss": a, "metric": b, "seconds": 1.5} for a, b in zip(losses, accuracies, strict=True)]
    return {"parameters": 82_826, "history": {"epochs": epochs}}


@pytest.fixture
def run(monkeypatch):
    """The command with trainings of no time."""

    def pretended(jobs, out, console, parity):
        asked.extend(jobs)
        return {"sides": {job.backend: side([2.0, 0.5], [0.3, 0.875]) for job in jobs}}, True

    asked = []
    monkeypatch.setattr(evolution, "run_jobs", pretended)
    app = evolution.typer.Typer()
    app.command()(evolution.main)
    return asked, lambda *arguments: CliRunner().invoke(app, arguments)


def test_a_run_leaves_table_picture_and_figures(run, tmp_path):
    asked, command = run
    found = command("--network", "lenet", "--network", "resnet", "--epochs", "2", "--out", str(tmp_path / "new"))
    assert found.exit_code == 0, found.output
    assert [(job.concept, job.backend, job.epochs) for job in asked] == [
        ("lenet", "tf", 2), ("lenet", "torch", 2), ("resnet", "tf", 2), ("resnet", "torch", 2),
    ]  # fmt: skip
    first, second = (asked[i] for i in (0, 1))
    assert {**vars(first), "backend": ""} == {**vars(second), "backend": ""}
    rows = [line.split() for line in found.output.splitlines()]
    assert ["lenet", "1998", "torch", "82,826", "0.5000", "87.50%", "3.0"] in rows
    assert len(rows) == 5
    figures = json.loads((tmp_path / "new" / "evolution.json").read_text())
    assert [(one["network"], one["backend"]) for one in figures][1:3] == [("lenet", "torch"), ("resnet", "tf")]
    assert figures[0]["losses"] == [2.0, 0.5]
    assert (tmp_path / "new" / "evolution.png").read_bytes().startswith(b"\x89PNG")


def test_an_unknown_network_is_refused_before_any_training(run, tmp_path):
    asked, command = run
    found = command("--network", "lenet", "--network", "transformer", "--out", str(tmp_path))
    assert isinstance(found.exception, ConfigError)
    assert not asked
