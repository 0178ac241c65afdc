"""Autoencoders, plain and variational, in PyTorch."""
