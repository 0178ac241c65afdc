"""The deepest residual network, in the size of ImageNet."""

import numpy as np
import pytest

import dualnet
from dualnet.interface import State

FULL = {"in_channels": 3, "image_size": 224, "num_classes": 1000}


@pytest.mark.slow
def test_resnet152_answers_the_same_on_both_sides(both):
    rng = np.random.default_rng(11)
    images, logits = rng.normal(size=(1, 3, 224, 224)), {}
    torch_side, tf_side = both["torch"], both["tf"]
    with torch_side.precision("float64", seed=1):
        model = dualnet.build("resnet", "torch", variant="resnet152", **FULL)
        start = torch_side.state(model)
        moved = {name: array * rng.uniform(0.5, 1.5, array.shape) for name, array in start.buffers.items()}
        start = State(start.parameters, moved)
        torch_side.load(model, start)
        logits["torch"] = torch_side.array(torch_side.forward(model, [torch_side.tensor(images, "NCHW")])[0])
    with tf_side.precision("float64"):
        model = dualnet.build("resnet", "tf", variant="resnet152", **FULL)
        tf_side.load(model, start)
        logits["tf"] = tf_side.array(tf_side.forward(model, [tf_side.tensor(images, "NCHW")])[0])
    scale = abs(logits["torch"]).max()
    assert scale > 1e-3
    np.testing.assert_allclose(logits["tf"], logits["torch"], rtol=0, atol=1e-11 * scale)
