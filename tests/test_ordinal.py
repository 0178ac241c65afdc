"""Ordinal and siamese networks: ranks, consistent thresholds, distances, pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dualnet
from dualnet.concepts.metric_and_ordinal import _ordinal as ordinal
from dualnet.data import load
from dualnet.interface import DataError, Dataset, State
from parity.recording import draw_state

RNG = np.random.default_rng(0)
ORDINAL = ("coral", "niu_ordinal", "beckham_ordinal")


def outputs(backend, id, features):
    model = dualnet.build(id, backend.name)
    backend.load(model, draw_state(backend.state(model), seed=0, scales=dualnet.concept(id).scales))
    values = backend.forward(model, [backend.tensor(features, "NF")])
    return dict(zip(dualnet.concept(id).outputs, map(backend.array, values), strict=True))


FEATURES = RNG.normal(size=(97, 10)).astype(np.float32)


@pytest.mark.parametrize("id", ORDINAL)
def test_all_have_one_interface(id, backend):
    found = outputs(backend, id, FEATURES)
    assert [*found][:3] == ["rank", "probabilities", "logits"]
    assert found["rank"].dtype == np.int64 and found["rank"].shape == (97,)
    assert found["rank"].min() >= 0 and found["rank"].max() <= 4
    assert len(np.unique(found["rank"])) > 1
    assert found["probabilities"].shape == (97, 4)
    assert (found["probabilities"] >= 0).all() and (found["probabilities"] <= 1).all()


@pytest.mark.parametrize("id", ["coral", "niu_ordinal"])
def test_a_rank_counts_the_questions_answered_with_yes(id, backend):
    found = outputs(backend, id, FEATURES)
    np.testing.assert_array_equal(found["rank"], (found["probabilities"] > 0.5).sum(axis=1))


def test_a_rank_is_the_rounded_expectation(backend):
    found = outputs(backend, "beckham_ordinal", FEATURES)
    np.testing.assert_array_equal(found["rank"], np.round(found["expectation"]))


def test_thresholds_of_class_probabilities_never_rise(backend):
    found = outputs(backend, "beckham_ordinal", FEATURES)
    assert (np.diff(found["probabilities"], axis=1) <= 1e-7).all()


@settings(derandomize=True, deadline=None, max_examples=25)
@given(seed=st.integers(0, 10**6), biases=st.lists(st.floats(-4, 4), min_size=4, max_size=4))
def test_coral_is_consistent_whenever_its_biases_descend(backend, seed, biases):
    """Whatever the weights and the row: one order of thresholds for all, that of the biases."""
    model = backend_model(backend)
    start = draw_state(backend.state(model), seed)
    descending = np.sort(np.array(biases))[::-1].copy()
    parameters = {**start.parameters, "head.bias": descending}
    backend.load(model, State(parameters, start.buffers))
    features = np.random.default_rng(seed).normal(size=(23, 10)).astype(np.float32)
    probabilities = backend.array(backend.forward(model, [backend.tensor(features, "NF")])[1])
    assert (np.diff(probabilities, axis=1) <= 0).all()


MODELS = {}


def backend_model(backend):
    """One model for all examples: building it takes longer than asking it."""
    if backend.name not in MODELS:
        MODELS[backend.name] = dualnet.build("coral", backend.name)
    return MODELS[backend.name]


def test_coral_starts_with_descending_biases_on_both_sides(both):
    for name, backend in both.items():
        found = backend.state(dualnet.build("coral", name)).parameters["head.bias"]
        np.testing.assert_allclose(found, [1.0, 0.75, 0.5, 0.25], rtol=1e-6)
    law = dualnet.concept("coral").initializers(dualnet.concept("coral").settings())["head.bias"]
    np.testing.assert_array_equal(law.draw((4,), RNG), [1.0, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("id", ORDINAL)
def test_images_are_rows_of_pixels(id):
    declared = dualnet.concept(id)
    config = declared.settings("digits")
    found = declared.rows(load("digits"), config)
    found.check(declared.inputs(config), declared.targets(config))
    np.testing.assert_array_equal(found.test_inputs, load("digits").test_inputs.reshape(360, 784))


def test_errors_are_shown_by_rank():
    ranks = np.array([0, 1, 1, 2, 4, 4])
    predicted = np.array([0, 3, 0, 2, 2, 4])
    probabilities = np.array([[0.9, 0.4, 0.3, 0.2]] * 5 + [[0.1, 0.4, 0.3, 0.2]])
    dataset = Dataset("d", "here", FEATURES[:6], ranks, FEATURES[:6], ranks)
    errors, above = ordinal.exhibits(
        lambda features: {"rank": predicted, "probabilities": probabilities},
        dataset,
        {"backbone": "mlp", "num_classes": 5},
    )
    np.testing.assert_allclose(errors.arrays["MAE"], [0, 1.5, 0, 0, 1])
    np.testing.assert_allclose(errors.arrays["RMSE"], np.sqrt([0, 2.5, 0, 0, 2]))
    assert "MAE 0.833, RMSE 1.225" in errors.title
    assert "inconsistent in 16.7%" in above.title
    np.testing.assert_allclose(above.arrays["true"], np.array([5, 3, 2, 2]) / 6)


# --- siamese ---------------------------------------------------------------------------------------------------

DIGITS = load("digits")
PAIRED = dualnet.concept("siamese_mlp").rows(DIGITS, {})


def test_half_of_the_pairs_are_of_one_class_and_every_row_is_a_left_one():
    left, right = PAIRED.train_inputs
    np.testing.assert_array_equal(left, DIGITS.train_inputs.reshape(-1, 784))
    assert abs(PAIRED.train_targets.mean() - 0.5) < 1e-3
    assert right.shape == left.shape


def test_partners_are_of_the_class_that_the_target_says():
    label_of = {row.tobytes(): label for row, label in zip(*_flat(DIGITS), strict=True)}
    right_labels = np.array([label_of[row.tobytes()] for row in PAIRED.test_inputs[1]])
    np.testing.assert_array_equal(right_labels == DIGITS.test_targets, PAIRED.test_targets == 1)


def _flat(dataset):
    return dataset.test_inputs.reshape(-1, 784), dataset.test_targets


def test_pairs_need_labels():
    dataset = Dataset("d", "here", FEATURES, FEATURES[:, 0], FEATURES, FEATURES[:, 0])
    with pytest.raises(DataError, match="'d' has no labels"):
        dualnet.concept("siamese_mlp").rows(dataset, {})


def test_both_images_see_the_same_weights_and_order_does_not_matter(backend):
    model = dualnet.build("siamese_mlp", backend.name)
    left, right = (backend.tensor(part[:7], "NF") for part in PAIRED.test_inputs)
    there, back = (backend.forward(model, pair) for pair in ([left, right], [right, left]))
    for a, b in ((0, 0), (1, 1), (2, 3), (3, 2)):
        np.testing.assert_allclose(backend.array(there[a]), backend.array(back[b]), rtol=1e-6)
    assert backend.array(there[1]).min() > 0


def test_an_image_is_at_distance_0_from_itself_and_has_a_finite_gradient(backend):
    declared, twin = dualnet.concept("siamese_mlp"), dualnet.twin("siamese_mlp", backend.name)
    model = dualnet.build("siamese_mlp", backend.name)
    image = backend.tensor(PAIRED.test_inputs[0][:5], "NF")
    same = backend.tensor(np.array([0, 1, 0, 1, 1]), "N")
    found = backend.gradients(model, [image, image], same, declared.loss(twin, backend))
    np.testing.assert_array_equal(backend.array(found.outputs[1]), np.zeros(5))
    np.testing.assert_array_equal(backend.array(found.outputs[0]), np.ones(5))
    assert all(np.isfinite(array).all() for array in found.parameters.values())
