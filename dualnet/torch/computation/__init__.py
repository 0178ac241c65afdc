"""Builders of networks, parameters, files, devices, in PyTorch."""
