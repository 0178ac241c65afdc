"""Builders of networks, parameters, files, devices, in TensorFlow."""
