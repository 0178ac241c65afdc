"""Convolutional networks, the classics, in PyTorch."""
