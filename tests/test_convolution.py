"""The convolution that pads alike on every side: equal on both sides, and safe where the frameworks' own is not."""

import subprocess
import sys

import numpy as np
import pytest

from dualnet import load
from dualnet.interface import BACKENDS

STRIDED_1X1 = """
import torch
from dualnet.torch._convolution import Conv2D

convolution = Conv2D(5, 7, 1, 2, bias=False).to(memory_format=torch.channels_last)
for _ in range(50):
    images = torch.randn(3, 5, 26, 26).contiguous(memory_format=torch.channels_last).requires_grad_()
    convolution(images).square().sum().backward()
"""
"""With PyTorch's own layer this corrupts the heap: the process is killed by a signal."""


def test_the_float32_gradient_of_a_strided_1x1_kernel_does_not_corrupt_memory():
    subprocess.run([sys.executable, "-c", STRIDED_1X1], check=True, timeout=120)


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 7, 8])
def test_both_sides_keep_their_frameworks_parameters_and_agree(kernel, stride, size):
    import torch

    from dualnet.tf._convolution import Conv2D as TfConv2D
    from dualnet.torch._convolution import Conv2D as TorchConv2D

    sides = {name: load(name) for name in BACKENDS}
    images = np.random.default_rng(0).standard_normal((2, 4, size, size))
    with sides["torch"].precision("float64"):
        ours = TorchConv2D(4, 6, kernel, stride)
        plain = torch.nn.Conv2d(4, 6, kernel, stride, padding=kernel // 2)
        plain.load_state_dict(ours.state_dict())
        expected = plain(torch.tensor(images)).detach().numpy()
        np.testing.assert_allclose(ours(torch.tensor(images)).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
        weight, bias = (p.detach().numpy() for p in (ours.weight, ours.bias))
    with sides["tf"].precision("float64"):
        twin = TfConv2D(6, kernel, stride)
        native = images.transpose(0, 2, 3, 1)
        twin.build(native.shape)
        twin.kernel.assign(weight.transpose(2, 3, 1, 0))
        twin.bias.assign(bias)
        found = np.asarray(twin(native)).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
