"""Convolutional networks, from AlexNet on, in PyTorch."""
