"""Training steps: the trajectory, the update rules on equal gradients, and what optimizers remember."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import dualnet
import parity
from dualnet.interface import ConfigError, Optimizer

dualnet.load("torch"), dualnet.load("tf")
import keras  # noqa: E402

IMAGES = np.random.default_rng(0).normal(size=(8, 3, 8, 8))
LABELS = np.arange(8) % 5
SETTINGS = {"loss": "cross_entropy", "targets": LABELS, "train": True, "steps": 4, "allow": ["1.running_var"]}
"""The biased running variance of Keras is no matter here."""


def ours():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6, eps=1e-3, momentum=0.01), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(6 * 16, 5),
    )  # fmt: skip


def theirs():
    return keras.Sequential([
        keras.Input((8, 8, 3)), keras.layers.Conv2D(6, 3, padding="same"), keras.layers.BatchNormalization(),
        keras.layers.ReLU(), keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dense(5),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def pair():
    return ours(), theirs()


def sgd(**settings):
    return lambda parameters: torch.optim.SGD(parameters, lr=0.1, **settings)


EQUAL = {
    "sgd": "sgd",
    "adam": "adam",
    "rmsprop": "rmsprop",
    "adagrad": "adagrad",
    "adadelta": "adadelta",
    "as a value": Optimizer("adam", 0.002, epsilon=1e-7),
    "native sgd": (sgd(momentum=0.9), keras.optimizers.SGD(0.1, momentum=0.9)),
    "native nesterov": (sgd(momentum=0.9, nesterov=True), keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)),
    "native adadelta": (
        lambda p: torch.optim.Adadelta(p, lr=0.5, rho=0.95, eps=1e-7), lambda: keras.optimizers.Adadelta(0.5),
    ),
}  # fmt: skip
CAUSES = {
    "momentum": ((sgd(momentum=0.9), keras.optimizers.SGD(0.1, momentum=0.8)), "optimizer.momentum"),
    "rate": ((sgd(), keras.optimizers.SGD(0.09)), "optimizer.learning_rate"),
    "clipping": ((sgd(), keras.optimizers.SGD(0.1, global_clipnorm=0.5)), "optimizer.clipping"),
    "adam": (
        (torch.optim.Adam, keras.optimizers.Adam(1e-3)), "optimizer.epsilon + optimizer.epsilon_place",
    ),
    "rmsprop": (
        (lambda p: torch.optim.RMSprop(p, lr=1e-3), keras.optimizers.RMSprop(1e-3)),
        "optimizer.epsilon + optimizer.epsilon_place + optimizer.rho",
    ),
    "adamw": (
        (torch.optim.AdamW, keras.optimizers.AdamW(1e-3, weight_decay=0.004)),
        "optimizer.epsilon + optimizer.epsilon_place + optimizer.weight_decay",
    ),
    "coupled decay": (
        (sgd(momentum=0.5, weight_decay=0.01), keras.optimizers.SGD(0.1, momentum=0.5, weight_decay=0.01)),
        "optimizer.decay_coupling",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_equal_rules_agree_over_all_steps(pair, name):
    report = parity.compare(*pair, IMAGES, optimizer=EQUAL[name], **SETTINGS)
    assert report.passed, str(report)
    assert any(note.startswith("4 of 4 steps agree") for note in report.notes)
    assert {f.name.split("/")[1] for f in report.findings} >= {"step1", "step4"}


@pytest.mark.parametrize("name", ["adam", "native sgd"])
def test_what_the_optimizers_remember_is_compared(pair, name):
    report = parity.compare(*pair, IMAGES, optimizer=EQUAL[name], **SETTINGS)
    slots = {f.name.split("/")[2] for f in report.findings if f.name.startswith("float64/state/")}
    assert slots == ({"m", "v"} if name == "adam" else {"velocity"})


@pytest.mark.parametrize("name", CAUSES)
def test_rules_that_differ_are_blamed_apart_from_the_trajectory(pair, name):
    optimizer, cause = CAUSES[name]
    report = parity.compare(*pair, IMAGES, optimizer=optimizer, **SETTINGS)
    assert not report.passed
    assert [(c.kind, c.phase) for c in report.culprits] == [("optimizer", "update")]
    parts = {part for found in report.culprits[0].diagnoses for part in found.cause.split(" + ")}
    assert parts == set(cause.split(" + "))


def test_the_report_says_up_to_which_step_everything_agrees(pair):
    optimizer = (sgd(momentum=0.9), keras.optimizers.SGD(0.1, momentum=0.8))
    report = parity.compare(*pair, IMAGES, optimizer=optimizer, **SETTINGS)
    course = next(note for note in report.notes if note.startswith("everything agrees"))
    assert course.startswith("everything agrees up to step 1 of 4; first to leave is parameter/")
    assert "-fold in each step" in course


def test_a_gradient_that_is_truly_zero_is_no_step_of_adam(pair):
    report = parity.compare(*pair, IMAGES, optimizer="adam", **SETTINGS)
    assert any("true one is 0: 0.bias" in note for note in report.notes)


def test_two_copies_of_a_shared_layer_leave_in_the_first_step():
    class Twice(nn.Module):
        def __init__(self, shared):
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.second = self.first if shared else nn.Linear(4, 4)
            self.second.load_state_dict(self.first.state_dict())

        def forward(self, x):
            return self.second(torch.tanh(self.first(x)))

    a = Twice(True)
    b = Twice(False)
    for layer in (b.first, b.second):
        layer.load_state_dict(a.first.state_dict())
    x = np.random.default_rng(1).normal(size=(3, 4))
    report = parity.compare(a, b, x, transfer=False, steps=3)
    assert not report.passed
    assert all(f.passed for f in report.findings if "/output/" in f.name)


def test_a_frozen_parameter_has_no_gradient_to_compare(pair):
    frozen = copy.deepcopy(pair[0])
    frozen[5].weight.requires_grad_(False)
    report = parity.compare(pair[0], frozen, IMAGES)
    assert [f.name for f in report.failures] == ["float64/eval/gradient/parameter/5.weight"]
    assert "frozen" in report.failures[0].problem


def test_models_and_optimizers_are_left_as_they_were():
    a, b = ours(), theirs()
    optimizers = torch.optim.Adam(a.parameters()), keras.optimizers.Adam()
    before = [p.detach().clone() for p in a.parameters()], [v.numpy() for v in b.variables]
    parity.compare(a, b, IMAGES, optimizer=optimizers, **SETTINGS)
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), before[0], strict=True))
    assert all(np.array_equal(v.numpy(), w) for v, w in zip(b.variables, before[1], strict=True))
    assert not optimizers[0].state
    assert not optimizers[1].built
    assert all(p.grad is None for p in a.parameters())


@pytest.mark.parametrize(("optimizer", "words"), [("adamax", "expected one of sgd"), ((1, 2, 3), "a pair, came 3")])
def test_an_unknown_optimizer_is_told(pair, optimizer, words):
    with pytest.raises(ConfigError, match=words):
        parity.compare(*pair, IMAGES, optimizer=optimizer, **SETTINGS)


def test_a_negative_number_of_steps_is_told(pair):
    with pytest.raises(ConfigError, match="steps -1"):
        parity.compare(*pair, IMAGES, steps=-1)
