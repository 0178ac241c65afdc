"""What the chapter on computation says of the frameworks themselves: optimizers, lists of parameters, devices."""

import numpy as np
import pytest

import dualnet
from dualnet.catalogue import twin
from dualnet.interface import BACKENDS


def test_a_pytorch_optimizer_may_hold_parameters_that_have_no_shape_yet(both):
    import torch

    layer = torch.nn.LazyLinear(3)
    with pytest.raises(RuntimeError, match="uninitialized"):
        _ = layer.weight.shape
    optimizer = torch.optim.SGD(layer.parameters(), 0.125)
    layer(torch.ones(1, 2)).sum().backward()
    before = layer.weight.detach().clone()
    optimizer.step()
    np.testing.assert_array_equal(layer.weight.detach().numpy(), before.numpy() - np.float32(0.125))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_layer_of_our_own_lists_its_parameters_and_one_without_has_none(backend, both):
    side = dualnet.load(backend)
    names = {v: sorted(side.state(dualnet.build("custom_layer", backend, variant=v)).parameters) for v in
             ("my_dense", "centered")}  # fmt: skip
    assert names["my_dense"] == names["centered"] == ["hidden.bias", "hidden.weight", "output.bias", "output.weight"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_frozen_is_saved_but_not_trained(backend, both):
    side = dualnet.load(backend)
    model = dualnet.build("model_blocks", backend, variant="fixed_hidden")
    before = side.state(model)
    images = np.random.default_rng(1).uniform(size=(5, 1, 8, 8)).astype(np.float32)
    trainer = side.trainer(model, side.losses["cross_entropy"], dualnet.interface.Optimizer("sgd", 0.1))
    trainer.step([side.tensor(images, "NCHW")], side.tensor(np.arange(5)))
    after = side.state(model)
    assert list(before.buffers) == ["fixed"]
    np.testing.assert_array_equal(before.buffers["fixed"], after.buffers["fixed"])
    assert all((before.parameters[name] != after.parameters[name]).any() for name in before.parameters)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gpu_computes_what_the_cpu_does(backend, both):
    side, functions = dualnet.load(backend), twin("device_placement", backend)
    x = side.tensor(np.random.default_rng(2).normal(size=(5, 31)).astype(np.float32))  # TF32 would round these
    try:
        found = side.array(functions.gpu(x))
    except ValueError:
        pytest.skip("no GPU here")
    np.testing.assert_allclose(found, side.array(functions.cpu(x)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_products_leave_the_precision_of_the_process_as_it_was(backend, both):
    side, functions = dualnet.load(backend), twin("device_placement", backend)
    before = side.versions()["tf32"]
    functions.cpu(side.tensor(np.ones((2, 3), np.float32)))
    assert side.versions()["tf32"] == before
