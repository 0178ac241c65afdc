"""Models that nobody here wrote: torchvision's against those of keras.applications, without a hint.

Where the two libraries differ, exactly that is reported, with verified causes; with it reconciled, all agrees.
"""

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from torch import nn
from torch.nn import functional as F

import dualnet
import parity

dualnet.load("torch"), dualnet.load("tf")  # before torchvision, in the tested order
import keras  # noqa: E402
import torchvision  # noqa: E402

CLASSES = 10
V, K = torchvision.models, keras.applications


@dataclass(frozen=True)
class Foreign:
    """One architecture of both libraries, and what is known to differ."""

    torch: object
    keras: object
    size: int
    differs: dict
    reconcile: object
    allow: tuple = ()


def epsilon(value):
    def reconcile(model):
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = value

    return reconcile


def resnet(model):
    epsilon(1.001e-5)(model)
    for module in model.modules():
        if isinstance(module, V.resnet.Bottleneck):  # the first version has its stride in the first convolution
            module.conv1.stride, module.conv2.stride = module.conv2.stride, (1, 1)


def mobilenet(model):
    epsilon(1e-3)(model)
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):  # "same" pads behind
            module.padding = (0, 0)
            module.register_forward_pre_hook(lambda _, args: (F.pad(args[0], (0, 1, 0, 1)),))


def inception(model):
    original = F.avg_pool2d
    model.pool = lambda *args, **kwargs: original(*args, **{**kwargs, "count_include_pad": False})
    for module in model.modules():
        if hasattr(module, "branch_pool"):
            forward = module._forward

            def patched(x, forward=forward):
                F.avg_pool2d = model.pool
                try:
                    return forward(x)
                finally:
                    F.avg_pool2d = original

            module._forward = patched


MODELS = {
    "resnet50": Foreign(
        lambda: V.resnet50(weights=None, num_classes=CLASSES), K.ResNet50, 64,
        {("batch_norm", "norm.epsilon"): 53, ("conv", "conv.stride"): 6}, resnet,
        ("*_conv.bias",),  # Keras' convolutions have biases before batch normalisation
    ),
    "densenet121": Foreign(
        lambda: V.densenet121(weights=None, num_classes=CLASSES), K.DenseNet121, 64,
        {("batch_norm", "norm.epsilon"): 121}, epsilon(1.001e-5),
    ),
    "mobilenet_v2": Foreign(
        lambda: V.mobilenet_v2(weights=None, num_classes=CLASSES), K.MobileNetV2, 64,
        {("batch_norm", "norm.epsilon"): 52, ("conv", "conv.padding_same"): 5}, mobilenet,
        ("classifier.0",),  # Keras' has no dropout
    ),
    "inception_v3": Foreign(
        lambda: V.inception_v3(
            weights=None, num_classes=CLASSES, aux_logits=False, init_weights=False, transform_input=False
        ),
        K.InceptionV3, 139, {("avg_pool", "pool.count_include_pad"): 9}, inception,
        ("dropout", "*.bn.weight"),  # Keras' has neither dropout nor scales
    ),
    "vgg16": Foreign(
        lambda: V.vgg16(weights=None, num_classes=CLASSES), K.VGG16, 224, {}, lambda model: None,
        ("classifier.2", "classifier.5"),  # Keras' has no dropout
    ),
}  # fmt: skip


def slow(*names):
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@cache
def inputs(size):
    return np.random.default_rng(0).normal(size=(2, 3, size, size))


def models(name):
    found = MODELS[name]
    size = (found.size, found.size, 3)
    theirs = found.keras(weights=None, classes=CLASSES, input_shape=size, classifier_activation=None)
    return found, found.torch(), theirs


@pytest.mark.parametrize("name", ["mobilenet_v2", *slow("resnet50", "densenet121", "inception_v3", "vgg16")])
def test_exactly_the_known_differences_are_reported(name):
    found, ours, theirs = models(name)
    report = parity.compare(ours, theirs, inputs(found.size), allow=found.allow)
    causes = Counter((c.kind, c.diagnoses[0].cause if c.diagnoses else c.measured) for c in report.culprits)
    assert causes == found.differs
    assert not report.unpaired
    assert report.passed is not bool(found.differs)


@pytest.mark.parametrize("name", ["mobilenet_v2", "densenet121", "resnet50", *slow("inception_v3")])
def test_with_the_differences_reconciled_all_agrees(name):
    found, ours, theirs = models(name)
    found.reconcile(ours)
    report = parity.compare(ours, theirs, inputs(found.size), allow=found.allow)
    assert report.passed, str(report)
    assert report.smallest_passing_limit < 1e-11
