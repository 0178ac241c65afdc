"""Checkpoints: what is written is read, what is damaged is told, and an interrupted training ends as if it was not."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import dualnet
from dualnet.interface import Augmentation, CheckpointError, Optimizer, State, StateError
from dualnet.process import worker_environment
from dualnet.training import checkpoint, worker
from dualnet.training.checkpoint import Checkpoint, resumed
from dualnet.training.history import Epoch, History
from dualnet.training.job import Job

RNG = np.random.default_rng(83)
ADAM = Optimizer("adam", 0.01)
MOMENTUM = Optimizer("sgd", 0.01, momentum=0.9)

# --- the file --------------------------------------------------------------------------------------------------

WHOLE = Checkpoint(
    {"concept": "lenet", "config": {"hidden": [7, 3]}, "seed": 5},
    State(
        {"a.weight": RNG.normal(size=(3, 5)).astype(np.float32), "b": RNG.normal(size=2).T},
        {"a.mean": np.array([np.nan, -0.0, np.inf], np.float32), "count": np.array(3)},
    ),
    {
        "first_moment": {"a.weight": RNG.normal(size=(3, 5)).astype(np.float32)},
        "second_moment": {"a.weight": np.zeros((0, 5))},
    },
    History([0.1, 0.2], [Epoch(1 / 3, float("nan"), 1.5, 37)], {"second": [1.0, 2.0], "first": [0.5, 1e-300]}),
    {"drop.1": 3},
)  # fmt: skip


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].shape == b[name].shape, name
        assert a[name].tobytes() == b[name].tobytes(), name


def test_a_checkpoint_survives_a_file_bit_for_bit(tmp_path):
    WHOLE.save(tmp_path / "new" / "c.safetensors")
    found = Checkpoint.load(tmp_path / "new" / "c.safetensors")
    assert found.about == WHOLE.about
    assert found.noise == WHOLE.noise
    same(dict(WHOLE._arrays()), dict(found._arrays()))
    assert str(found.history) == str(WHOLE.history)  # NaN is not equal to itself
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["c.safetensors"]


def truncated(path):
    path.write_bytes(path.read_bytes()[:-5])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def rewritten(change):
    """Read, changed, and written as the same kind of file."""

    def rewrite(path):
        with safe_open(str(path), framework="numpy") as file:
            arrays, metadata = {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata())  # noqa: SIM118
        change(arrays, metadata)
        save_file(arrays, path, metadata)

    return rewrite


def told_anew(arrays, metadata):
    metadata["dualnet"] = json.dumps({"about": {}})
    metadata["sha256"] = checkpoint._digest(metadata["dualnet"], arrays)


DAMAGES = {
    "empty": (lambda path: path.write_bytes(b""), "damaged, or no safetensors file"),
    "truncated": (truncated, "damaged, or no safetensors file"),
    "text": (lambda path: path.write_text("hello " * 100), "damaged, or no safetensors file"),
    "a pickle": (lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n."), "damaged, or no safetensors file"),
    "a bit": (flipped, "its checksum does not fit"),
    "an array more": (rewritten(lambda arrays, _: arrays.update(more=np.ones(2))), "its checksum does not fit"),
    "an array less": (rewritten(lambda arrays, _: arrays.pop("buffer/count")), "its checksum does not fit"),
    "another name": (rewritten(lambda arrays, _: arrays.update(x=arrays.pop("parameter/b"))), "checksum does not fit"),
    "another story": (
        rewritten(lambda _, metadata: metadata.update(dualnet=metadata["dualnet"].replace("lenet", "alexnet"))),
        "its checksum does not fit",
    ),
    "another format": (rewritten(lambda _, metadata: metadata.update(format="x")), "but no checkpoint"),
    "no metadata": (rewritten(lambda _, metadata: metadata.clear()), "but no checkpoint"),
    "nothing told": (rewritten(told_anew), "what it tells of the training is damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_told(tmp_path, damage):
    path = tmp_path / "c.safetensors"
    WHOLE.save(path)
    hurt, message = DAMAGES[damage]
    hurt(path)
    with pytest.raises(CheckpointError, match=message) as raised:
        Checkpoint.load(path)
    assert str(path) in str(raised.value)


def test_a_missing_checkpoint_is_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"c: there is no such checkpoint"):
        Checkpoint.load(tmp_path / "c")


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / "file").write_text("precious")
    for place in (tmp_path / "file" / "c", tmp_path):
        with pytest.raises(CheckpointError, match="cannot be written there"):
            WHOLE.save(place)
    assert (tmp_path / "file").read_text() == "precious"


def test_an_interrupted_save_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    WHOLE.save(tmp_path / "c")
    before = (tmp_path / "c").read_bytes()

    def interrupted(arrays, metadata):
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        WHOLE.save(tmp_path / "c")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    assert (tmp_path / "c").read_bytes() == before


def test_what_a_killed_save_left_is_written_over(tmp_path):
    (tmp_path / ".c.part").write_bytes(b"half")
    WHOLE.save(tmp_path / "c")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]
    Checkpoint.load(tmp_path / "c")


# --- going on --------------------------------------------------------------------------------------------------


def test_nothing_there_is_the_beginning(tmp_path):
    assert resumed(tmp_path / "c", {}, ADAM) is None


ABOUT = {"concept": "lenet", "config": {"hidden": (7, 3)}, "seed": 5}


def test_the_same_training_goes_on(tmp_path):
    WHOLE.save(tmp_path / "c")
    assert resumed(tmp_path / "c", ABOUT, ADAM).noise == {"drop.1": 3}


@pytest.mark.parametrize(
    ("changes", "rule", "message"),
    [
        ({"seed": 6}, ADAM, r"of another training \(seed 5 there, 6 here\)"),
        ({"config": {"hidden": (7,)}, "seed": 6}, ADAM, r"config .* there, .* here; seed 5 there, 6 here"),
        ({"rows": 10}, ADAM, r"rows None there, 10 here"),
        ({}, MOMENTUM, r"without its optimizer"),
    ],
)
def test_another_training_does_not_go_on(tmp_path, changes, rule, message):
    WHOLE.save(tmp_path / "c")
    with pytest.raises(CheckpointError, match=message):
        resumed(tmp_path / "c", {**ABOUT, **changes}, rule)


TRAININGS = {
    "adam, dropout and batch normalization": ("beckham_ordinal", "mlp", {}),
    "momentum and augmentation": (
        "lenet", "relu_max", {"optimizer": MOMENTUM, "augmentation": asdict(Augmentation(padding=2, flip=True))},
    ),
    "two players with noise and dropout": ("gan_fc_mnist", "g75_128_d128", {"batch_size": 211}),
    "plain steps": ("multilayer_perceptron", "concise", {"optimizer": Optimizer("sgd", 0.1)}),
}  # fmt: skip


def job(backend, training, steps, **changes):
    id, variant, wishes = TRAININGS[training]
    recipe = dualnet.concept(id).variant(variant).recipe
    values = {"optimizer": recipe.optimizer, "batch_size": recipe.batch_size, **wishes}
    values["optimizer"] = json.loads(json.dumps(asdict(values["optimizer"])))
    return Job(
        backend=backend, concept=id, variant=variant, config={}, data=recipe.data, epochs=9999, steps=steps,
        shared_noise=True, checkpoint_every=0.0, **{**values, **changes},
    )  # fmt: skip


def nothing(*args, **values):
    return ""


@pytest.mark.parametrize("training", TRAININGS)
def test_an_interrupted_training_ends_as_if_it_was_not(backend, tmp_path, monkeypatch, training):
    """Interrupted within the first epoch, at its end (for the small data set), and within a later one."""
    monkeypatch.setattr("dualnet.training.loop.TICK", 0.0)  # one step at a time
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    worker.run(job(backend.name, training, 13, weights=str(whole)), nothing, nothing)
    for steps in (3, 7, 10, 13):
        worker.run(job(backend.name, training, steps, checkpoint=str(parts)), nothing, nothing)
        assert len(Checkpoint.load(parts).history.losses) == steps
    a, b = Checkpoint.load(whole), Checkpoint.load(parts)
    same(a.state.parameters, b.state.parameters)
    same(a.state.buffers, b.state.buffers)
    assert a.history.losses == b.history.losses
    assert a.history.players == b.history.players
    assert len(b.history.losses) == 13


def test_what_the_optimizer_remembers_matters(backend, tmp_path):
    """The check above would see it missing."""
    whole, parts = (tmp_path / name for name in ("whole", "parts"))
    training = "momentum and augmentation"
    worker.run(job(backend.name, training, 5, weights=str(whole)), nothing, nothing)
    worker.run(job(backend.name, training, 3, checkpoint=str(parts)), nothing, nothing)
    kept = Checkpoint.load(parts)
    emptied = {kind: {name: 0 * array for name, array in arrays.items()} for kind, arrays in kept.memory.items()}
    replace(kept, memory=emptied).save(parts)
    worker.run(job(backend.name, training, 5, checkpoint=str(parts)), nothing, nothing)
    losses = [Checkpoint.load(path).history.losses for path in (whole, parts)]
    assert losses[0][:4] == losses[1][:4]  # the loss is measured before the step
    assert losses[0][4] != losses[1][4]


def test_one_side_goes_on_from_the_other_one(both, tmp_path):
    """The arrays are canonical: PyTorch's last three steps, and TensorFlow's after PyTorch's first four, are alike."""
    training = "adam, dropout and batch normalization"
    worker.run(job("torch", training, 4, checkpoint=str(tmp_path / "c")), nothing, nothing)
    worker.run(job("torch", training, 7, weights=str(tmp_path / "torch")), nothing, nothing)
    worker.run(job("tf", training, 7, checkpoint=str(tmp_path / "c")), nothing, nothing)
    torch, mixed = Checkpoint.load(tmp_path / "torch"), Checkpoint.load(tmp_path / "c")
    np.testing.assert_allclose(torch.history.losses, mixed.history.losses, rtol=1e-5)
    assert torch.history.losses[:4] == mixed.history.losses[:4]


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        ({"velocity": {}}, "adam remembers first_moment and second_moment of a parameter, came velocity"),
        ({"first_moment": {"nobody": np.zeros(2)}}, r"unknown nobody \(2,\)"),
        ({"first_moment": {"hidden.bias": np.zeros(2)}}, r"hidden.bias: expected \(256,\), came \(2,\)"),
    ],
    ids=["kind", "name", "shape"],
)
def test_a_memory_that_does_not_fit_is_told(backend, memory, message):
    model = dualnet.build("multilayer_perceptron", backend.name)
    trainer = backend.trainer(model, backend.losses["cross_entropy"], ADAM)
    before = trainer.memory()
    with pytest.raises(StateError, match=message):
        trainer.restore(memory, 3)
    for kind, arrays in trainer.memory().items():
        same(before[kind], arrays)


def test_a_result_cannot_go_on(backend, tmp_path):
    training = "momentum and augmentation"
    worker.run(job(backend.name, training, 2, weights=str(tmp_path / "w")), nothing, nothing)
    with pytest.raises(CheckpointError, match="without its optimizer"):
        worker.run(job(backend.name, training, 5, checkpoint=str(tmp_path / "w")), nothing, nothing)


# --- killed ----------------------------------------------------------------------------------------------------


ENVIRONMENT = {**os.environ, **worker_environment(1), "TF_CPP_MIN_LOG_LEVEL": "3"}


def kill(job, after):
    """Start a worker on this job, and kill it so many seconds after its first step. Whether it was still at work."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dualnet.training.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    with process:
        process.stdin.write(job.to_json() + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if json.loads(line)["event"] == "progress":
                break
        time.sleep(after)
        process.kill()
        return '"done"' not in process.stdout.read()


def finish(*jobs):
    """Do these in one process, to the end."""
    command = [sys.executable, "-c", RUN, *(job.to_json() for job in jobs)]
    subprocess.run(command, env=ENVIRONMENT, capture_output=True, timeout=1500, check=True)


RUN = """
import json, sys
from dualnet.training import worker
from dualnet.training.job import Job
for values in sys.argv[1:]:
    worker.run(Job(**json.loads(values)), lambda *args, **values: None, lambda: "train")
"""


def kill_often(backend, tmp_path, kills, steps):
    """Kill a training at random moments, again and again, let it end, and compare it with one that was left alone."""
    training, moments, before = "adam, dropout and batch normalization", random.Random(f"{backend} {kills}"), 0
    parts, whole = tmp_path / "folder" / "parts", tmp_path / "whole"
    interrupted = job(backend, training, steps, checkpoint=str(parts))
    for _ in range(kills):
        assert kill(interrupted, moments.uniform(0.0, 0.3))
        assert {path.name for path in parts.parent.glob("*")} <= {"parts", ".parts.part"}  # complete or absent
        done = len(Checkpoint.load(parts).history.losses) if parts.exists() else 0
        assert before <= done < steps
        before = done
    finish(interrupted, job(backend, training, steps, weights=str(whole)))
    a, b = Checkpoint.load(whole), Checkpoint.load(parts)
    same(a.state.parameters, b.state.parameters)
    same(a.state.buffers, b.state.buffers)
    assert a.history.losses == b.history.losses
    return before


@pytest.mark.timeout(300)
@pytest.mark.parametrize("backend", [pytest.param("tf", marks=pytest.mark.slow), "torch"])
def test_a_killed_training_goes_on(backend, tmp_path):
    kill_often(backend, tmp_path, kills=1, steps=500)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("backend", "steps"), [("tf", 10_000), ("torch", 2_000)])
def test_a_training_that_is_killed_twenty_times_goes_on(backend, steps, tmp_path):
    assert kill_often(backend, tmp_path, kills=20, steps=steps)
