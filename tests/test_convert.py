"""Conversion: trained weights and optimizers there and back, bit for bit; what the frameworks make of the files."""

import json
import pickle
import sys
from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import dualnet
import dualnet.cli
from dualnet.convert import ENDINGS, convert
from dualnet.interface import CheckpointError, ConfigError, Optimizer, State, StateError
from dualnet.training.checkpoint import Checkpoint
from dualnet.training.history import History

RNG = np.random.default_rng(89)
ADAM = Optimizer("adam", 0.003, betas=(0.8, 0.99), epsilon=1e-5)
MOMENTUM = Optimizer("sgd", 0.03, momentum=0.9)
STEPS = 37


def drawn(arrays):
    return {name: RNG.uniform(0.1, 2.0, array.shape).astype(array.dtype) for name, array in arrays.items()}


def checkpoint(folder, backend, id="lenet", variant="batch_norm", rule=ADAM, dtype="float32"):
    """Random weights of a model after some steps."""
    with backend.precision(dtype):
        state = backend.state(dualnet.build(id, backend.name, variant=variant))
    memory = {kind: drawn(state.parameters) for kind in rule.remembers}
    about = {"concept": id, "variant": variant, "config": {}, "optimizer": json.loads(json.dumps(asdict(rule)))}
    found = Checkpoint(about, State(drawn(state.parameters), drawn(state.buffers)), memory, History([1.0] * STEPS))
    found.save(folder / "start.safetensors")
    return folder / "start.safetensors", found


def flat(path):
    """The arrays of a neutral file."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {name: array for name, array in file.items() if name != "dualnet"}
    return load_file(path)


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].shape == b[name].shape, name
        assert a[name].tobytes() == b[name].tobytes(), name


def expected(found, optimizer):
    arrays = {**found.state.parameters, **found.state.buffers}
    if optimizer:
        for kind, remembered in found.memory.items():
            arrays |= {f"optimizer/{kind}/{name}": array for name, array in remembered.items()}
    return arrays


ROUTES = {
    "torch": ("torch",),
    "keras": ("keras",),
    "through all": ("torch", "keras", "npz", "keras", "torch", "safetensors", "torch"),
}


@pytest.mark.parametrize("optimizer", [False, True], ids=["weights", "with optimizer"])
@pytest.mark.parametrize("rule", [ADAM, MOMENTUM, Optimizer("sgd", 0.1)], ids=["adam", "momentum", "plain"])
@pytest.mark.parametrize("route", ROUTES)
def test_there_and_back_is_bit_for_bit(both, tmp_path, route, rule, optimizer):
    path, found = checkpoint(tmp_path, both["torch"], rule=rule)
    settings = {"variant": "batch_norm", "optimizer": optimizer}
    for i, to in enumerate((*ROUTES[route], "safetensors")):
        path = convert(path, "lenet", to, out=tmp_path / f"{i}{ENDINGS[to]}", **settings)
    same(flat(path), expected(found, optimizer))
    again = convert(path, "lenet", "npz", out=tmp_path / "last.npz", **settings)
    same(flat(again), expected(found, optimizer))
    if optimizer:
        with np.load(again) as file:
            told = json.loads(str(file["dualnet"]))
        assert told == {
            "rule": json.loads(json.dumps(asdict(rule))),
            "steps": STEPS if rule.remembers else told["steps"],
        }


@pytest.mark.parametrize("to", ["torch", "keras"])
def test_double_precision_stays(both, tmp_path, to):
    path, found = checkpoint(tmp_path, both["torch"], dtype="float64")
    there = convert(path, "lenet", to, variant="batch_norm")
    back = convert(there, "lenet", "npz", variant="batch_norm")
    same(flat(back), expected(found, False))


def test_a_file_of_each_framework_is_read_by_it_alone(both, tmp_path):
    """What PyTorch and Keras load themselves computes the same."""
    import torch

    path, _ = checkpoint(tmp_path, both["tf"])
    files = {to: convert(path, "lenet", to) for to in ("torch", "keras")}
    models = {name: dualnet.build("lenet", name, variant="batch_norm") for name in both}
    models["torch"].load_state_dict(torch.load(files["torch"], weights_only=True))
    models["tf"].load_weights(files["keras"])
    x = RNG.uniform(size=(3, 1, 28, 28)).astype(np.float32)
    outputs = [
        backend.array(backend.forward(models[name], [backend.tensor(x, "NCHW")])[0]) for name, backend in both.items()
    ]
    np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rule", [ADAM, MOMENTUM], ids=["adam", "momentum"])
def test_each_framework_goes_on_with_its_own_optimizer(both, tmp_path, rule):
    """One step of PyTorch's and of Keras' optimizer on equal gradients, after what the files carried."""
    import keras
    import tensorflow as tf
    import torch

    path, found = checkpoint(tmp_path, both["tf"], "multilayer_perceptron", "concise", rule)
    files = {to: convert(path, "multilayer_perceptron", to, optimizer=True) for to in ("torch", "keras")}
    models = {name: dualnet.build("multilayer_perceptron", name) for name in both}
    gradients = drawn(found.state.parameters)

    content = torch.load(files["torch"], weights_only=True)
    models["torch"].load_state_dict(content["model"])
    if rule.name == "adam":
        optimizer = torch.optim.Adam(models["torch"].parameters())
        ours = keras.optimizers.Adam(rule.learning_rate, *rule.betas, rule.epsilon)
    else:
        optimizer = torch.optim.SGD(models["torch"].parameters(), lr=1.0)
        ours = keras.optimizers.SGD(rule.learning_rate, momentum=rule.momentum)
    optimizer.load_state_dict(content["optimizer"])
    for name, parameter in models["torch"].named_parameters():
        parameter.grad = torch.tensor(gradients[name])
    optimizer.step()

    models["tf"].compile(optimizer=ours)
    ours.build(models["tf"].trainable_variables)
    models["tf"].load_weights(files["keras"])
    assert int(ours.iterations) == STEPS
    named = {"hidden": models["tf"].hidden, "output": models["tf"].get_layer("output")}
    pairs = [
        (tf.constant(gradients[f"{name}.{kind}"].T), variable)
        for name, layer in named.items()
        for kind, variable in (("weight", layer.kernel), ("bias", layer.bias))
    ]
    ours.apply(*zip(*pairs, strict=True))
    states = [backend.state(models[name]).parameters for name, backend in both.items()]
    for name, before in found.state.parameters.items():
        steps = [state[name] - before for state in states]
        assert np.abs(steps[0]).max() > 1e-4
        np.testing.assert_allclose(*steps, rtol=2e-3, atol=2e-6)  # Keras adds epsilon elsewhere: D158


def test_a_keras_archive_is_read(both, tmp_path):
    model = dualnet.build("lenet", "tf", variant="batch_norm")
    model.save(tmp_path / "whole.keras")
    found = flat(convert(tmp_path / "whole.keras", "lenet", "npz", variant="batch_norm"))
    state = both["tf"].state(model)
    same(found, {**state.parameters, **state.buffers})


def test_a_flat_file_of_somebody_else_is_read(both, tmp_path):
    state = both["torch"].state(dualnet.build("multilayer_perceptron", "torch"))
    save_file(state.parameters, tmp_path / "theirs.safetensors")
    np.savez(tmp_path / "theirs.npz", **state.parameters)
    for i, name in enumerate(("theirs.safetensors", "theirs.npz")):
        written = convert(tmp_path / name, "multilayer_perceptron", "keras", out=tmp_path / f"{i}.weights.h5")
        back = convert(written, "multilayer_perceptron", "npz", out=tmp_path / f"{i}.npz")
        same(flat(back), state.parameters)


def test_several_players_are_carried_in_neutral_files_only(both, tmp_path):
    path, found = checkpoint(tmp_path, both["torch"], "gan_gaussian", None)
    for to in ("torch", "keras"):
        with pytest.raises(ConfigError, match=r"discriminator and generator by an optimizer each"):
            convert(path, "gan_gaussian", to, optimizer=True)
        assert convert(path, "gan_gaussian", to).exists()
    same(flat(convert(path, "gan_gaussian", "npz", optimizer=True)), expected(found, True))


# --- wrong -----------------------------------------------------------------------------------------------------


class Evil:
    """Unpickling it would leave a file behind."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_nothing_foreign_is_unpickled(both, tmp_path):
    import torch

    evil = Evil(tmp_path / "harmed")
    torch.save({"hidden.weight": evil}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps({"hidden.weight": evil}))
    np.savez(tmp_path / "c.npz", evil=np.array([evil], object))
    for name in ("a.pt", "b.pt", "c.npz"):
        with pytest.raises(CheckpointError, match=name):
            convert(tmp_path / name, "multilayer_perceptron", "safetensors")
    assert not (tmp_path / "harmed").exists()
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.parametrize("to", ENDINGS)
@pytest.mark.parametrize("kept", [0.5, 0.9, 0.999], ids=str)
def test_a_truncated_file_is_told(both, tmp_path, to, kept):
    path, _ = checkpoint(tmp_path, both["torch"])
    whole = convert(path, "lenet", to, out=tmp_path / f"whole{ENDINGS[to]}")
    content = whole.read_bytes()
    whole.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(CheckpointError, match="whole"):
        convert(whole, "lenet", "npz", variant="batch_norm", out=tmp_path / "new.npz")
    assert not (tmp_path / "new.npz").exists()


WRONG = {
    "another model": ("multilayer_perceptron", {"to": "npz"}, CheckpointError, "weights of the concept lenet, not of"),
    "another variant": ("lenet", {"to": "npz", "variant": "relu_max"}, StateError, "unknown .*norm"),
    "a setting": ("lenet", {"to": "npz", "config": {"channels": (5, 7)}}, StateError, "expected .* came"),
    "a format": (
        "lenet",
        {"to": "onnx"},
        ConfigError,
        "--to 'onnx' is unknown: choose one of torch, keras, safetensors",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_does_not_fit_is_told(both, tmp_path, wrong):
    id, arguments, kind, message = WRONG[wrong]
    path, _ = checkpoint(tmp_path, both["torch"])
    with pytest.raises(kind, match=message):
        convert(path, id, **arguments)
    assert [file.name for file in tmp_path.iterdir()] == ["start.safetensors"]


@pytest.mark.parametrize("to", ["torch", "keras"])
def test_the_weights_of_another_model_in_a_native_file_are_told(both, tmp_path, to):
    path, _ = checkpoint(tmp_path, both["torch"], "multilayer_perceptron", "concise")
    native = convert(path, "multilayer_perceptron", to)
    with pytest.raises((StateError, CheckpointError), match=r"another model|do not fit"):
        convert(native, "lenet", "npz")


def test_a_result_has_no_optimizer_to_carry(both, tmp_path):
    path, found = checkpoint(tmp_path, both["torch"])
    Checkpoint(found.about, found.state, history=found.history).save(path)
    with pytest.raises(CheckpointError, match="no optimizer to carry: a checkpoint of a training has it"):
        convert(path, "lenet", "torch", optimizer=True)


def test_an_optimizer_of_another_kind_is_told(both, tmp_path):
    import torch

    model = dualnet.build("multilayer_perceptron", "torch")
    for name, optimizer in {
        "rmsprop": torch.optim.RMSprop(model.parameters()),
        "decay": torch.optim.Adam(model.parameters(), weight_decay=0.1),
        "nesterov": torch.optim.SGD(model.parameters(), 0.1, momentum=0.9, nesterov=True),
    }.items():
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / f"{name}.pt")
        with pytest.raises(CheckpointError, match=r"expected the state_dict of torch.optim.SGD or Adam"):
            convert(tmp_path / f"{name}.pt", "multilayer_perceptron", "npz", optimizer=True)


def test_the_command_line(both, tmp_path, monkeypatch, capsys):
    path, found = checkpoint(tmp_path, both["torch"])

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["dualnet", "convert", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            dualnet.cli.main()
        return ended.value.code or 0, *capsys.readouterr()

    chain = [path, tmp_path / "start.weights.h5", tmp_path / "start.pt", tmp_path / "start.npz"]
    for (old, new), to in zip(pairwise(chain), ("keras", "torch", "npz"), strict=True):
        arguments = (old, "--concept", "lenet", "--to", to, "--variant", "batch_norm", "--optimizer")
        assert run(*arguments)[:2] == (0, f"{new}\n")
    same(flat(chain[-1]), expected(found, True))
    code, out, err = run(path, "--concept", "lenet", "--to", "npz")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {chain[-1]}: exists already")
    code, _, err = run(tmp_path / "none.pt", "--concept", "lenet", "--to", "npz", "--out", tmp_path / "x.npz")
    assert (code, err) == (2, f"error: {tmp_path / 'none.pt'}: there is no such file\n")
    assert run(path, "--concept", "tensor_indexing", "--to", "npz")[0] == 2
