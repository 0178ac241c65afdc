"""TensorFlow's batch normalization: in whatever kernel it runs, its numbers are PyTorch's."""

import numpy as np
import pytest

IMAGES = np.random.default_rng(0).normal(2.0, 3.0, (4, 5, 3, 6))  # N H W C


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("axes", [(0, 3, 1, 2), (0, 2, 1), (0, 1)], ids=["images", "signals", "rows"])
@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_outputs_gradients_and_running_statistics_are_pytorchs(both, dtype, axes, graph):
    import tensorflow as tf
    import torch

    from dualnet.tf._normalization import BatchNorm

    x = IMAGES.reshape(*IMAGES.shape[: len(axes) - 1], -1).astype(dtype)
    cotangent = np.cos(np.arange(x.size)).reshape(x.shape).astype(dtype)
    with both["tf"].precision(dtype):
        layer = BatchNorm(1e-2, 0.25, name="norm")
        layer.build(x.shape)
    layer.gamma.assign(np.linspace(0.5, 1.5, x.shape[-1]))

    def run(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        return y, tape.gradient(y, [x, *layer.trainable_variables], cotangent)

    y, gradients = (tf.function(run) if graph else run)(tf.constant(x))
    norms = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}
    other = norms[x.ndim](x.shape[-1], 1e-2, 0.25, dtype=torch.float64)
    with torch.no_grad():
        other.weight.copy_(torch.linspace(0.5, 1.5, x.shape[-1], dtype=torch.float64))
    there = torch.tensor(x.transpose(axes), dtype=torch.float64, requires_grad=True)
    towards = torch.tensor(cotangent.transpose(axes), dtype=torch.float64)
    expected = other(there)
    expected.backward(towards)
    limit = {"float32": 2e-5, "float64": 1e-12}[dtype]
    close = {"rtol": limit, "atol": limit}
    np.testing.assert_allclose(y.numpy().transpose(axes), expected.detach().numpy(), **close)
    np.testing.assert_allclose(gradients[0].numpy().transpose(axes), there.grad.numpy(), **close)
    np.testing.assert_allclose(gradients[1], other.weight.grad, **close)
    np.testing.assert_allclose(layer.moving_mean, other.running_mean, **close)
    np.testing.assert_allclose(layer.moving_variance, other.running_var, **close)
