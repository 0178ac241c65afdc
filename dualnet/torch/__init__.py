"""The PyTorch side: every concept as native ``torch.nn.Module`` and functions over ``torch.Tensor``."""

from dualnet import prepare

prepare("torch")
