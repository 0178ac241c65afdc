"""The seam: both backends do what the protocol says, and layouts are right for every kind of layer."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import stats

import dualnet
from dualnet import catalogue
from dualnet.interface import ConfigError, Optimizer, State, StateError
from parity.recording import draw_state
from parity.tolerance import FLOAT64_LIMIT, distance

RNG = np.random.default_rng(0)


def conv(dimensions, transposed=False):
    kernel, spatial = (3, 2, 4)[:dimensions], (7, 11, 5)[:dimensions]
    letters = "DHW"[-dimensions:]
    name = (
        f"Conv{'Transpose' if transposed else ''}{dimensions}d",
        f"Conv{dimensions}D{'Transpose' if transposed else ''}",
    )
    return name, (5, 3, kernel), {"filters": 3, "kernel_size": kernel}, (2, 5, *spatial), "NC" + letters


# (PyTorch class, Keras class), PyTorch arguments, Keras keywords, canonical input shape, axes
KINDS = {
    "dense": (("Linear", "Dense"), (5, 3), {"units": 3}, (2, 5), "NF"),
    "embedding": (("Embedding", "Embedding"), (11, 5), {"input_dim": 11, "output_dim": 5}, (2, 3), ""),
    "layer_norm": (("LayerNorm", "LayerNormalization"), (5, 1e-3), {"epsilon": 1e-3}, (2, 5), "NF"),
    "group_norm": (
        ("GroupNorm", "GroupNormalization"), (2, 6, 1e-3), {"groups": 2, "epsilon": 1e-3}, (2, 6, 5, 7), "NCHW",
    ),
    "batch_norm": (("BatchNorm2d", "BatchNormalization"), (5, 1e-3), {"epsilon": 1e-3}, (2, 5, 3, 7), "NCHW"),
    **{f"conv{n}d": conv(n) for n in (1, 2, 3)},
    **{f"transposed_conv{n}d": conv(n, transposed=True) for n in (1, 2, 3)},
    "depthwise_conv1d": (
        ("Conv1d", "DepthwiseConv1D"), (5, 10, 3, 1, 0, 1, 5),
        {"kernel_size": 3, "depth_multiplier": 2}, (2, 5, 7), "NCW",
    ),
    "depthwise_conv2d": (
        ("Conv2d", "DepthwiseConv2D"), (5, 10, (3, 2), 1, 0, 1, 5),
        {"kernel_size": (3, 2), "depth_multiplier": 2}, (2, 5, 7, 11), "NCHW",
    ),
}  # fmt: skip


def layer(backend, kind):
    (torch_name, keras_name), args, kwargs, shape, axes = KINDS[kind]
    with backend.precision("float64"):
        if backend.name == "torch":
            import torch

            return getattr(torch.nn, torch_name)(*args)
        import keras

        if axes:
            native = backend.tensor(np.zeros(shape), axes).shape[1:]
            source = keras.Input(native, dtype="float64")
        else:
            source = keras.Input(shape[1:], dtype="int64")
        return keras.Sequential([source, getattr(keras.layers, keras_name)(**kwargs, name="it")])


@pytest.mark.parametrize("kind", KINDS)
def test_canonical_layout_means_the_same_function(kind, both):
    shape, axes = KINDS[kind][3:]
    x = RNG.normal(size=shape) if axes else RNG.integers(0, 11, shape)
    models = {name: layer(backend, kind) for name, backend in both.items()}
    names = {n.rpartition(".")[2]: a.shape for n, a in both["torch"].state(models["torch"]).parameters.items()}
    buffers = {n: a.shape for n, a in both["torch"].state(models["torch"]).buffers.items()}
    arrays = {name: RNG.uniform(0.5, 1.5, s) for name, s in {**names, **buffers}.items()}
    outputs = {}
    for name, backend in both.items():
        prefix = "it." if name == "tf" else ""
        state = State({prefix + n: arrays[n] for n in names}, {prefix + n: arrays[n] for n in buffers})
        backend.load(models[name], state)
        back = backend.state(models[name])
        for key, array in {**state.parameters, **state.buffers}.items():
            np.testing.assert_array_equal({**back.parameters, **back.buffers}[key], array)
        (output,) = backend.forward(models[name], [backend.tensor(x, axes)])
        outputs[name] = backend.array(output, axes)
    assert distance(outputs["tf"], outputs["torch"]).error <= FLOAT64_LIMIT


def test_a_keras_layer_of_unknown_layout_is_refused(both):
    import keras

    model = keras.Sequential([keras.Input((3, 4)), keras.layers.EinsumDense("abc,cd->abd", (3, 2))])
    with pytest.raises(StateError, match="EinsumDense"):
        both["tf"].state(model)


@pytest.mark.parametrize("axes", ["", "N", "NF", "NCW", "NCHW", "NCDHW", "NTD"])
def test_tensors_go_out_and_in_unchanged(axes, backend):
    array = RNG.normal(size=(2, 3, 5, 7, 11)[: len(axes) or 2])
    native = backend.tensor(array, axes)
    back = backend.array(native, axes)
    np.testing.assert_array_equal(back, array)
    assert back.dtype == np.float64
    back += 1.0  # a copy: what is native does not move
    np.testing.assert_array_equal(backend.array(native, axes), array)


def test_images_are_native_in_each_framework(both):
    image = np.zeros((2, 3, 5, 7), np.float32)
    assert tuple(both["torch"].tensor(image, "NCHW").shape) == (2, 3, 5, 7)
    assert tuple(both["tf"].tensor(image, "NCHW").shape) == (2, 5, 7, 3)


def lenet(backend, dtype="float32", **config):
    with backend.precision(dtype):
        return dualnet.build("lenet", backend=backend.name, **config)


def test_names_and_shapes_are_the_same_on_both_sides(both):
    states = [b.state(lenet(b, batch_norm=True)) for b in both.values()]
    for a, b in zip(*states, strict=True):
        assert {name: array.shape for name, array in a.items()} == {name: array.shape for name, array in b.items()}


def test_keras_variable_paths_are_the_canonical_names(both):
    model = lenet(both["tf"])
    paths = {v.path.removeprefix("lenet/").replace("/", ".").replace("kernel", "weight") for v in model.variables}
    assert paths == set(both["torch"].state(lenet(both["torch"])).parameters)


def test_state_is_a_copy(backend):
    model = lenet(backend)
    before = backend.state(model)
    before.parameters["output.bias"] += 1.0
    assert not np.array_equal(backend.state(model).parameters["output.bias"], before.parameters["output.bias"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("output.bias"), "missing output.bias"),
        (lambda p: p.update(extra=np.ones(3)), "unknown extra"),
        (lambda p: p.update({"output.bias": np.ones(1)}), r"expected \(10,\), came \(1,\)"),
        (lambda p: p.update({"output.weight": np.ones((84, 10))}), r"expected \(10, 84\), came \(84, 10\)"),
    ],
    ids=["missing", "extra", "broadcast", "transposed"],
)
def test_loading_what_does_not_fit_raises_and_changes_nothing(backend, change, message):
    model = lenet(backend)
    before = backend.state(model)
    parameters = {name: array + 1.0 for name, array in before.parameters.items()}
    change(parameters)
    with pytest.raises(StateError, match=message):
        backend.load(model, State(parameters, before.buffers))
    for name, array in backend.state(model).parameters.items():
        np.testing.assert_array_equal(array, before.parameters[name])


def test_loading_leaves_its_argument_alone(backend):
    model = lenet(backend)
    state = backend.state(model)
    kept = {name: array.copy() for name, array in state.parameters.items()}
    backend.load(model, state)
    for name, array in state.parameters.items():
        np.testing.assert_array_equal(array, kept[name])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_precision_reaches_everything_and_is_put_back(backend, dtype):
    model = lenet(backend, dtype)
    x = backend.tensor(RNG.normal(size=(2, 1, 28, 28)).astype(dtype), "NCHW")
    assert {array.dtype for array in backend.state(model).parameters.values()} == {np.dtype(dtype)}
    assert backend.array(backend.forward(model, [x])[0]).dtype == dtype
    stages = {name: stage.axes for name, stage in lenet_stages().items()}
    assert {a.dtype for a in backend.layers(model, [x], stages).values()} == {np.dtype(dtype)}
    after = backend.state(lenet(backend)).parameters
    assert {array.dtype for array in after.values()} == {np.dtype(np.float32)}


def test_a_seed_decides_the_native_weights(backend):
    def weights(seed):
        with backend.precision("float32", seed=seed):
            return backend.state(dualnet.build("lenet", backend=backend.name)).parameters["output.weight"]

    np.testing.assert_array_equal(weights(1), weights(1))
    assert not np.array_equal(weights(1), weights(2))


def lenet_stages(variant=None):
    concept = catalogue.concept("lenet")
    return concept.stages(concept.settings(variant))


MODELS = [(c.id, v) for c in catalogue.concepts() if c.kind == "model" for v in c.variants]
DEEP = ("densenet", "googlenet", "resnet", "celeba_gender_classifiers")
"""Models that take their time: in the default run one form of each."""
EVERY_MODEL = pytest.mark.parametrize(
    ("id", "variant"),
    [
        pytest.param(
            id,
            variant,
            id=f"{id}-{variant}",
            marks=[pytest.mark.slow] if id in DEEP and variant != catalogue.concept(id).default_variant else [],
        )
        for id, variant in MODELS
    ],
)


def small(id, variant, backend):
    """A concept, its settings and a model in the size in which the two sides are compared."""
    concept = catalogue.concept(id)
    config = concept.variant(variant).small
    return concept, concept.settings(variant, config), built(id, variant, backend.name)


@cache
def built(id, variant, name):
    """One model for all tests that leave it as it is; `built.__wrapped__` makes another."""
    return dualnet.build(id, name, variant=variant, **catalogue.concept(id).variant(variant).small)


def rows(spec):
    """Two rows of an input, of numbers or of labels."""
    shape = (2, *spec.shape)
    return RNG.integers(spec.classes, size=shape) if spec.classes else RNG.normal(size=shape).astype(np.float32)


@EVERY_MODEL
def test_stage_shapes(id, variant, backend):
    concept, settings, model = small(id, variant, backend)
    inputs = [backend.tensor(rows(spec), spec.axes) for spec in concept.inputs(settings).values()]
    stages = concept.stages(settings)
    found = backend.layers(model, inputs, {name: stage.axes for name, stage in stages.items()})
    assert {name: array.shape[1:] for name, array in found.items()} == {n: s.shape for n, s in stages.items()}


@EVERY_MODEL
def test_native_initialisation_follows_the_declared_laws(id, variant, backend):
    from dualnet.interface import initial_state

    concept, settings, model = small(id, variant, backend)
    native = backend.state(model)
    drawn, again = (initial_state(native, concept.initializers(settings), seed).parameters for seed in (1, 2))
    for name, array in native.parameters.items():
        law = drawn[name]
        if np.array_equal(law, again[name]):  # a constant
            np.testing.assert_array_equal(array, law.astype(array.dtype))
        elif array.size >= 100:
            assert array.std() == pytest.approx(law.std(), rel=0.35), name
            uniform = abs(law).max() < 2 * law.std()
            normal = stats.norm.isf(1e-9 / array.size) * law.std()  # one draw in 10**9 is further out
            assert abs(array).max() <= (1.5 * abs(law).max() if uniform else normal), name


def test_layer_recording_leaves_the_model_as_it_was(backend):
    model = lenet(backend)
    x = backend.tensor(RNG.normal(size=(2, 1, 28, 28)).astype(np.float32), "NCHW")
    (before,) = backend.forward(model, [x])
    stages = {name: stage.axes for name, stage in lenet_stages().items()}
    recorded = backend.layers(model, [x], stages)
    kept = {name: array.copy() for name, array in recorded.items()}
    (after,) = backend.forward(model, [backend.tensor(np.zeros((3, 1, 28, 28), np.float32), "NCHW")])
    assert after.shape[0] == 3
    for name, array in recorded.items():
        np.testing.assert_array_equal(array, kept[name])
    np.testing.assert_array_equal(backend.array(before), backend.array(backend.forward(model, [x])[0]))


@EVERY_MODEL
def test_native_saving_works(id, variant, backend, tmp_path):
    concept, settings, model = small(id, variant, backend)
    inputs = [backend.tensor(rows(spec), spec.axes) for spec in concept.inputs(settings).values()]
    expected = backend.array(backend.forward(model, inputs)[0])
    if backend.name == "torch":
        import torch

        torch.save(model.state_dict(), tmp_path / "m.pt")
        again = built.__wrapped__(id, variant, backend.name)
        again.load_state_dict(torch.load(tmp_path / "m.pt", weights_only=True))
    else:
        import keras

        model.save(tmp_path / "m.keras")
        again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(backend.array(backend.forward(again, inputs)[0]), expected)


# --- update rules against the written formula ------------------------------------------------------------------

RULES = {
    "sgd": Optimizer("sgd", 0.1),
    "momentum": Optimizer("sgd", 0.1, momentum=0.9),
    "adam": Optimizer("adam", 0.1),
    "adam-other": Optimizer("adam", 0.3, betas=(0.8, 0.95), epsilon=0.1),
}


def by_hand(rule, w, gradients):
    """`dualnet.interface.Optimizer`, in NumPy."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, start=1):
        if rule.name == "sgd":
            m = rule.momentum * m + g
            w = w - rule.learning_rate * m
        else:
            b1, b2 = rule.betas
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            w = w - rule.learning_rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + rule.epsilon)
    return w


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_update_rules_follow_the_written_formula(rule, backend):
    """A linear loss has the gradient that we choose: tiny ones as well, where a misplaced epsilon shows."""
    rng = np.random.default_rng(7)
    gradients = rng.normal(size=(4, 3, 5)) * 10.0 ** rng.integers(-8, 1, (3, 5))
    with backend.precision("float64"):
        model = _single(backend)
        start = backend.state(model)
        w = rng.normal(size=(3, 5))
        backend.load(model, State(dict.fromkeys(start.parameters, w), {}))
        trainer = backend.trainer(
            model,
            lambda outputs, targets: (
                (outputs * targets).sum() if backend.name == "torch" else _tf_sum(outputs * targets)
            ),
            rule,
        )
        for g in gradients:
            trainer.step([backend.tensor(np.eye(5), "NF")], backend.tensor(g.T.copy()))
        (found,) = backend.state(model).parameters.values()
    assert distance(found, by_hand(rule, w, gradients)).error <= 1e-14


@pytest.mark.parametrize("rows", [1, 4, 23], ids="{} rows".format)
def test_steps_are_one_step_for_each_batch(rows, backend):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(23, 1, 28, 28)), rng.integers(10, size=23)
    order, results = rng.permutation(23)[:rows], {}
    with backend.precision("float64"):
        for way in ("step", "steps"):
            model = dualnet.build("lenet", backend.name)
            start = backend.state(model)
            backend.load(model, draw_state(start, seed=0))
            trainer = backend.trainer(model, backend.losses["cross_entropy"], RULES["adam-other"])
            images, labels = backend.tensor(x, "NCHW"), backend.tensor(y, "N")
            if way == "steps":
                losses = backend.array(trainer.steps([images], labels, order, 5))
            else:
                batches = backend.batches([images], labels, order, 5)
                losses = np.array([backend.array(trainer.step(*batch)) for batch in batches])
            results[way] = {"losses": losses, **backend.state(model).parameters}
    assert len(results["steps"]["losses"]) == -(-rows // 5)
    for name, expected in results["step"].items():
        assert distance(results["steps"][name], expected).error <= 1e-12, name


class Terms(NamedTuple):
    total: Any
    first: Any
    second: Any


def test_the_first_term_of_a_loss_is_minimised_and_every_one_is_told(backend):
    squared = backend.losses["squared_error"]
    x, y = np.array([[1.0, 2.0], [3.0, -1.0]]), np.array([[0.5], [-1.5]])

    def loss(outputs, targets):
        first, second = squared(outputs, targets), squared(outputs, 3 * targets)
        return Terms(2 * first + second, first, second)

    with backend.precision("float64"):
        model = dualnet.build("linear_regression", backend.name)
        backend.load(model, draw_state(backend.state(model), seed=0))
        (weight,) = (array for array in backend.state(model).parameters.values() if array.ndim == 2)
        (bias,) = (array for array in backend.state(model).parameters.values() if array.ndim == 1)
        found = backend.gradients(model, [backend.tensor(x)], backend.tensor(y), loss)
        stepped = backend.trainer(model, loss, RULES["adam-other"]).step([backend.tensor(x)], backend.tensor(y))
    predictions = x @ weight.T + bias
    errors, others = predictions - y, predictions - 3 * y
    expected = 2 * np.square(errors).mean() + np.square(others).mean()
    assert [float(value) for value in (found.loss, stepped, found.terms["total"])] == pytest.approx([expected] * 3)
    assert [*found.terms] == ["total", "first", "second"]
    assert float(found.terms["first"]) == pytest.approx(np.square(errors).mean())
    assert float(found.terms["second"]) == pytest.approx(np.square(others).mean())
    np.testing.assert_allclose(backend.array(found.inputs[0]), (2 * errors + others) @ weight, rtol=1e-12)


def _tf_sum(tensor):
    import tensorflow as tf

    return tf.reduce_sum(tensor)


def _single(backend):
    if backend.name == "torch":
        import torch

        return torch.nn.Linear(5, 3, bias=False)
    import keras

    return keras.Sequential([keras.Input((5,)), keras.layers.Dense(3, use_bias=False, name="it")])


# --- wrong settings --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"activation": "gelu"}, "choose one of sigmoid, relu, tanh"),
        ({"pooling": "min"}, "choose one of avg, max"),
        ({"padding": ("full", "valid")}, "choose one of same, valid"),
        ({"image_size": 9}, "too small"),
        ({"colour": 3}, "has no setting 'colour'"),
    ],
)
def test_wrong_settings_give_one_clear_error(backend, config, message):
    with pytest.raises(ConfigError, match=message):
        dualnet.build("lenet", backend=backend.name, **config)


def test_colour_images_and_other_sizes_work_by_configuration(both):
    config = {"in_channels": 3, "image_size": 33, "num_classes": 7, "channels": (5, 11), "hidden": (13,)}
    x, outputs, state = RNG.normal(size=(2, 3, 33, 33)), {}, None
    for name, backend in both.items():
        model = lenet(backend, "float64", **config)
        state = state or backend.state(model)
        backend.load(model, state)
        outputs[name] = backend.array(backend.forward(model, [backend.tensor(x, "NCHW")])[0])
    assert distance(outputs["tf"], outputs["torch"]).error <= FLOAT64_LIMIT
