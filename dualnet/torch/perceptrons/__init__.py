"""Multilayer perceptrons, in PyTorch."""
