"""What a call costs, counted on both sides by other means, from formulas, and by torchvision."""

from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import dualnet
from dualnet.concepts.modern_convnets.conv_cost_analysis import STACKS, Conv, Dense, Pool, check_layer
from dualnet.interface import BACKENDS

MODELS = [
    (concept.id, variant) for concept in dualnet.concepts() if concept.kind == "model" for variant in concept.variants
]
QUICK = [
    ("linear_regression", "scratch"), ("multilayer_perceptron", "concise"), ("lenet", "batch_norm"),
    ("alexnet", "two_towers"), ("resnet", "resnet18_d2l"), ("ae_deconv_nopool", "strided_deconv_crop"),
    ("gan_fc_mnist", "g75_128_d128"), ("niu_ordinal", "digits"), ("vae", "fc_500_15"),
]  # fmt: skip
"""Products and convolutions of all kinds: grouped, strided, transposed; a training step of two players."""
REST = sorted({*MODELS} - {*QUICK})
OUTER = ("beckham_ordinal",)
"""Its gradient has an outer product, where nothing is added: TensorFlow has it as a matrix product all the same."""


def side(name):
    return import_module(f"dualnet.{name}._bench")


def rows(spec, rng, count=3):
    if spec.classes:
        return rng.integers(spec.classes, size=(count, *spec.shape))
    return rng.random((count, *spec.shape), dtype=np.float32)


def counted(id, variant, backend):
    concept = dualnet.concept(id)
    chosen = concept.variant(variant)
    sizes, rng = concept.settings(variant, chosen.small), np.random.default_rng(3)
    twin = dualnet.twin(id, backend.name)
    model = concept.build(twin, variant, chosen.small)
    trainer = side(backend.name).trainer(
        "eager", model, concept.loss(twin, backend, variant), chosen.recipe.optimizer, concept.step(twin, variant)
    )
    x = [backend.tensor(rows(spec, rng), spec.axes) for spec in concept.inputs(sizes).values()]
    y = backend.tensor(rows(concept.targets(sizes), rng), concept.targets(sizes).axes)
    count = side(backend.name).multiply_adds
    return count(trainer.predict, x), count(trainer.step, x, y)


def check(id, variant, both):
    tf, torch = (counted(id, variant, both[name]) for name in BACKENDS)
    assert tf[0] == torch[0] > 0
    if id not in OUTER:
        assert tf[1] == torch[1] > tf[0]


@pytest.mark.parametrize(("id", "variant"), QUICK, ids=map("-".join, QUICK))
def test_both_sides_have_as_many_multiply_adds(id, variant, both):
    check(id, variant, both)


@pytest.mark.slow
@pytest.mark.parametrize(("id", "variant"), REST, ids=map("-".join, REST))
def test_all_models_have_as_many_multiply_adds_on_both_sides(id, variant, both):
    check(id, variant, both)


def test_twelve_multiply_adds_of_a_line(both):
    for backend in both.values():
        assert counted("linear_regression", "concise", backend) == (3 * 2, 2 * 3 * 2)  # no gradient by the inputs


def test_the_products_of_tensorflow(both):
    import tensorflow as tf

    count = side("tf").multiply_adds
    a, b, c = tf.ones((2, 3, 5)), tf.ones((2, 7, 5)), tf.ones((3, 7))
    assert count(lambda x, y: tf.matmul(x, y, transpose_b=True), a, b) == 2 * 3 * 5 * 7
    assert count(lambda x, y: tf.matmul(x, y, transpose_a=True), c, a[0]) == 3 * 5 * 7
    assert count(lambda x, y: tf.einsum("nik,njk->nij", x, y), a, b) == 2 * 3 * 5 * 7
    assert count(lambda x: tf.einsum("nik->kin", x), a) == 0
    kernel, image = tf.ones((3, 3, 4, 2)), tf.ones((1, 6, 8, 4))
    assert count(lambda x, w: tf.nn.depthwise_conv2d(x, w, (1, 1, 1, 1), "VALID"), image, kernel) == 4 * 6 * 8 * 9
    assert count(lambda x: tf.function(lambda y: tf.matmul(y, y, transpose_b=True))(x), c) == 3 * 3 * 7


def test_a_gradient_that_nobody_asks_for_costs_nothing(both):
    import tensorflow as tf

    def slopes(x, w):
        with tf.GradientTape() as tape:
            tape.watch((x, w))
            y = tf.nn.conv2d(x, w, 1, "VALID")
        return tape.gradient(y, w)

    image, kernel = tf.ones((1, 6, 8, 4)), tf.ones((3, 3, 4, 2))
    assert side("tf").multiply_adds(slopes, image, kernel) == 4 * 6 * 2 * 9 * 4  # nor does the output


# --- the formulas of conv_cost_analysis ---------------------------------------------------------------------------


def native(shape, layers):
    """A PyTorch network of these layers, made by hand, and an image for it, without numbers."""
    network, x = torch.nn.Sequential(), torch.empty(1, *shape, device="meta")
    for layer in layers:
        if isinstance(layer, Conv):
            kernel, stride, padding, groups = layer[1:]
            new = torch.nn.Conv2d(x.shape[1], layer.channels, kernel, stride, padding, 1, groups, device="meta")
        elif isinstance(layer, Pool):
            new = torch.nn.MaxPool2d(*layer)
        else:
            x = x.flatten(1)
            network.append(torch.nn.Flatten())
            new = torch.nn.Linear(x.shape[1], layer.units, device="meta")
        network.append(new)
        x = new(x)
    return network, torch.empty(1, *shape, device="meta")


def check_costs(shape, layers, both):
    network, x = native(shape, layers)
    parameters, multiply_adds = sum(p.numel() for p in network.parameters()), side("torch").multiply_adds(network, x)
    for name, backend in both.items():
        costs = dualnet.twin("conv_cost_analysis", name).layer_costs(shape, layers)
        found = [int(backend.array(counts).sum()) for counts in costs[:2]]
        assert found == [parameters, multiply_adds]


@pytest.mark.parametrize("name", STACKS)
def test_a_public_counter_finds_the_same_costs(name, both):
    check_costs(*STACKS[name], both)


LAYERS = st.one_of(
    st.builds(
        Conv, st.integers(1, 3).map(lambda n: 2 * n), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2),
        st.sampled_from((1, 2)),
    ),
    st.builds(Pool, st.integers(1, 3), st.integers(1, 3), st.integers(0, 1)),
    st.builds(Dense, st.integers(1, 9)),
)  # fmt: skip


def possible(shape, layers):
    """As many of the layers as can follow one another."""
    kept, x = [], shape
    for layer in layers:
        try:
            check_layer(x, layer)
        except ValueError:
            continue
        kept.append(layer)
        network, image = native(shape, kept)
        x = tuple(network(image).shape[1:])
    return tuple(kept)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(size=st.tuples(st.just(2), st.integers(5, 17), st.integers(5, 17)), layers=st.lists(LAYERS, max_size=5))
def test_any_stack_costs_what_a_public_counter_says(both, size, layers):
    check_costs(size, possible(size, layers), both)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(channels=st.integers(1, 9), size=st.integers(1, 12), kernel=st.integers(1, 5).map(lambda n: 2 * n + 1))
def test_deep_and_narrow_is_never_dearer_but_in_memory(both, channels, size, kernel):
    backend = both["torch"]
    found = dualnet.twin("conv_cost_analysis", "torch").deep_against_wide(channels, size, kernel)
    weights, multiply_adds, activations = map(backend.array, found)
    assert multiply_adds[0] * kernel**2 == multiply_adds[1] * 9 * (kernel // 2)
    assert activations[0] == activations[1] * (kernel // 2)
    if kernel > 3:
        assert weights[0] < weights[1]
        assert multiply_adds[0] < multiply_adds[1]


PUBLIC = {
    "alexnet": (
        "alexnet",
        "torchvision",
        {"channels": (64, 192, 384, 256, 256), "pooled_size": 6, "hidden": (4096, 4096)},
    ),
    "vgg16": ("vgg", "vgg16", {"channels": (64, 128, 256, 512, 512), "hidden": (4096, 4096), "pooled_size": 7}),
    "resnet18": ("resnet", "resnet18", {}),
    "resnet50": ("resnet", "resnet50", {}),
    "resnet152": ("resnet", "resnet152", {}),
    "densenet121": ("densenet", "densenet121", {}),
}


@pytest.mark.parametrize("name", PUBLIC)
def test_torchvision_publishes_the_same_costs(name):
    from torchvision.models import get_model_weights

    published = next(iter(get_model_weights(name))).meta
    id, variant, config = PUBLIC[name]
    with torch.device("meta"):
        model = dualnet.build(id, "torch", variant=variant, image_size=224, in_channels=3, num_classes=1000, **config)
    images = torch.empty(1, 3, 224, 224, device="meta")
    assert sum(p.numel() for p in model.parameters()) == published["num_params"]
    multiply_adds = side("torch").multiply_adds(model.eval(), images)
    assert multiply_adds / 1e9 == pytest.approx(published["_ops"], abs=1e-3)
