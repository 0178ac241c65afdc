"""One idea from tensors and of the framework's own parts: both forms agree, on each side and across them."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest

import dualnet
from dualnet.catalogue import concept, twin
from dualnet.interface import BACKENDS, Optimizer, State
from parity.recording import draw_batch, draw_state

STEPS = 3
RATE = 0.05
CLOSE = {"rtol": 1e-12, "atol": 1e-14}


class Forms(NamedTuple):
    """The two variants of a model, and what their parameters are called."""

    scratch: str = "scratch"
    concise: str = "concise"
    prefix: str = ""
    """Before the names of the concise form."""
    loss: float = 1.0
    """The concise form's loss as a multiple of the other's."""


MODELS = {
    "linear_regression": Forms(prefix="linear.", loss=2.0),
    "logistic_regression": Forms(prefix="linear."),
    "multilayer_perceptron": Forms(),
    "softmax_regression": Forms(prefix="linear."),
}

LOSSES = {  # (concept, function from scratch): what the framework has, and how many times as large that is
    ("linear_regression", "squared_loss"): ("squared_error", 2.0),
    ("logistic_regression", "binary_cross_entropy"): ("summed_cross_entropy", 1.0),
    ("multilayer_perceptron", "cross_entropy_from_logits"): ("cross_entropy", 1.0),
    ("softmax_cross_entropy", "naive_cross_entropy"): ("cross_entropy", 1.0),
    ("softmax_cross_entropy", "cross_entropy_from_logits"): ("cross_entropy", 1.0),
    ("softmax_regression", "cross_entropy_from_logits"): ("cross_entropy", 1.0),
}


def concise_names(parameters, forms):
    """Parameters from scratch as those of the framework's layers: a weight (in, out) is (out, in) there."""
    return {forms.prefix + name: array.T for name, array in parameters.items()}


@cache
def trained(id, backend, variant):
    """First outputs, losses, and parameters after some steps, all in the terms of the concise form."""
    declared, side, forms = concept(id), dualnet.load(backend), MODELS[id]
    settings, functions = declared.settings(variant), twin(id, backend)
    with side.precision("float64"):
        model = declared.build(functions, variant, settings)
        concise = side.state(declared.build(functions, forms.concise, settings))
        start = draw_state(concise, seed=3).parameters
        if variant == forms.scratch:
            start = {name.removeprefix(forms.prefix): array.T for name, array in start.items()}
        side.load(model, State(start, {}))
        scale = forms.loss if variant == forms.scratch else 1.0
        rule = Optimizer("sgd", RATE * scale)
        trainer = side.trainer(model, declared.loss(functions, side, variant), rule)
        found = {}
        for step in range(STEPS):
            inputs, targets = draw_batch(declared.inputs(settings), declared.targets(settings), step, "float64")
            axes = [spec.axes for spec in declared.inputs(settings).values()]
            native = [side.tensor(array, to) for array, to in zip(inputs.values(), axes, strict=True)]
            if step == 0:
                found["output"] = side.array(side.forward(model, native)[0])
            found[f"loss {step}"] = scale * side.array(trainer.step(native, side.tensor(targets)))
        parameters = side.state(model).parameters
    return found | (concise_names(parameters, forms) if variant == forms.scratch else parameters)


def all_close(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_allclose(first[name], second[name], **CLOSE, err_msg=name)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("id", MODELS)
def test_both_forms_learn_the_same(id, backend, both):
    all_close(trained(id, backend, MODELS[id].scratch), trained(id, backend, MODELS[id].concise))


@pytest.mark.parametrize("id", MODELS)
def test_each_form_learns_what_the_other_form_of_the_other_side_learns(id, both):
    scratch, concise = MODELS[id][:2]
    all_close(trained(id, "torch", scratch), trained(id, "tf", concise))
    all_close(trained(id, "tf", scratch), trained(id, "torch", concise))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("id", "function"), LOSSES)
def test_a_loss_from_scratch_is_that_of_the_framework(id, function, backend, both):
    side, functions = dualnet.load(backend), twin(id, backend)
    name, factor = LOSSES[id, function]
    rng = np.random.default_rng(5)
    outputs, targets = rng.normal(size=(7, 2)), rng.integers(0, 2, 7)
    if name == "squared_error":
        targets = rng.normal(size=(7, 2))
    arguments = side.tensor(outputs), side.tensor(targets)
    with side.precision("float64"):
        scratch = side.array(getattr(functions, function)(*arguments)).mean()
        concise = side.array((getattr(functions, name, None) or side.losses[name])(*arguments))
    np.testing.assert_allclose(factor * scratch, concise, **CLOSE)


@pytest.mark.parametrize("backend", BACKENDS)
def test_logistic_regression_by_hand_learns_what_both_models_learn(backend, both):
    side, functions = dualnet.load(backend), twin("logistic_regression", backend)
    rng = np.random.default_rng(9)
    features, labels = side.tensor(rng.normal(size=(11, 2))), side.tensor(rng.integers(0, 2, 11))
    declared, found = concept("logistic_regression"), []
    with side.precision("float64"):
        by_hand = functions.manual_training(features, labels, 0.1, 10)
        for variant in ("scratch", "concise"):
            model = declared.build(functions, variant)
            trainer = side.trainer(model, declared.loss(functions, side, variant), Optimizer("sgd", 0.1))
            for _ in range(10):
                trainer.step([features], labels)
            found.append([array.ravel() for array in side.state(model).parameters.values()])
    for parameters in found:
        for array, expected in zip(parameters, by_hand, strict=True):
            np.testing.assert_allclose(array, side.array(expected).ravel(), **CLOSE)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("variant", ["scratch", "concise"])
def test_linear_regression_nears_the_least_squares_solution(variant, backend, both):
    side, functions, declared = dualnet.load(backend), twin("linear_regression", backend), concept("linear_regression")
    rng = np.random.default_rng(10)
    x = rng.normal(size=(64, 2))
    features, targets = side.tensor(x), side.tensor(x @ [[2.0], [-3.4]] + 4.2 + 0.3 * rng.normal(size=(64, 1)))
    with side.precision("float64"):
        model = declared.build(functions, variant)
        trainer = side.trainer(model, declared.loss(functions, side, variant), Optimizer("sgd", 0.25))
        for _ in range(300):
            trainer.step([features], targets)
        found = [array.ravel() for array in side.state(model).parameters.values()]
        exact = [side.array(part).ravel() for part in functions.normal_equation(features, targets)]
    np.testing.assert_allclose(np.concatenate(found), np.concatenate(exact), rtol=1e-10)
