"""Generative adversarial networks, in PyTorch."""
