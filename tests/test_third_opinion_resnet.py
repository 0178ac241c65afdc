"""Residual and dense networks against torchvision's and Keras' own, with the same random weights, in float64."""

import numpy as np
import pytest

import dualnet
from parity.recording import draw_state

torchvision = pytest.importorskip("torchvision")
BOTTLENECK = {"block": "bottleneck", "layers": (3, 4, 6, 3)}
SIZE = {"in_channels": 3, "image_size": 64, "num_classes": 1000}
OURS = {
    "resnet18": ("resnet", {}),
    "resnet50": ("resnet", BOTTLENECK),
    "densenet121": ("densenet", {}),
}
KERAS_EPSILON = 1.001e-5
KERAS = {
    "ResNet50": ("resnet", {**BOTTLENECK, "version": "v1", "conv_bias": True, "epsilon": KERAS_EPSILON}),
    "DenseNet121": ("densenet", {"epsilon": KERAS_EPSILON}),
}


def images(shape):
    """Exact in float32, to which Keras' functional models round their input."""
    return np.random.default_rng(5).normal(size=shape).astype(np.float32).astype(np.float64)


def ours(backend, id, config):
    """Our model with weights under which every layer counts, and its logits."""
    model = dualnet.build(id, backend.name, **SIZE, **config)
    backend.load(model, draw_state(backend.state(model), seed=3))
    (logits,) = backend.forward(model, [backend.tensor(images((2, 3, 64, 64)), "NCHW")])
    return model, backend.array(logits)


@pytest.mark.parametrize("name", OURS)
def test_torchvision_takes_our_state_and_answers_the_same(name):
    import torch

    id, config = OURS[name]
    backend = dualnet.load("torch")
    with backend.precision("float64"):
        model, logits = ours(backend, id, config)
        theirs = getattr(torchvision.models, name)(weights=None).eval()
        theirs.load_state_dict(model.state_dict())
        with torch.no_grad():
            expected = theirs(torch.tensor(images((2, 3, 64, 64)))).numpy()
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in theirs.parameters())
    assert expected.std() > 1e-3
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-12 * abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", KERAS)
def test_keras_applications_answer_the_same(name, both):
    import keras

    id, config = KERAS[name]
    backend = both["tf"]
    with backend.precision("float64"):
        model, logits = ours(backend, id, config)
        theirs = getattr(keras.applications, name)(
            weights=None, input_shape=(64, 64, 3), classes=1000, classifier_activation=None
        )
        move(model, theirs)
        expected = theirs(images((2, 3, 64, 64)).transpose(0, 2, 3, 1), training=False).numpy()
    assert model.count_params() == theirs.count_params()
    assert expected.std() > 1e-3
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-12 * abs(expected).max())


def move(model, theirs):
    """Our weights into a Keras application: by the order of its layers' names, where ours have the same order."""
    ordered = sorted(
        (layer for layer in theirs.layers if layer.weights),
        key=lambda layer: position(layer.name, 9 if theirs.name == "resnet50" else 0),
    )
    for source, target in zip(leaves(model), ordered, strict=True):
        target.set_weights(source.get_weights())


def leaves(layer):
    """The layers with weights of their own, in the order in which they were made."""
    parts = list(layer._flatten_layers(include_self=False, recursive=False))
    return [leaf for part in parts for leaf in leaves(part)] if parts else [layer] * bool(layer.weights)


def position(name, shortcut):
    """Where a layer of Keras' ResNet50 or DenseNet121 stands in ours: conv3_block2_1_bn, conv1_bn, pool2_conv, ..."""
    parts = name.split("_")
    kind = {"conv": 0, "bn": 1}.get(parts[-1], 0)
    if name.startswith("predictions"):
        return (99,)
    if parts[0] == "bn":
        return (98,)
    if parts[0].startswith("pool"):
        return (int(parts[0][4:]), 999, {"bn": 0, "conv": 1}[parts[-1]])
    stage = int(parts[0][4:].partition("/")[0])
    if not parts[1].startswith("block"):
        return (stage, 0, kind)
    block, number = int(parts[1][5:]), int(parts[2])
    # Number 0 is the shortcut in ResNet50, which comes last in ours, but the first normalization in DenseNet121.
    return (stage, block, number or shortcut, kind)
