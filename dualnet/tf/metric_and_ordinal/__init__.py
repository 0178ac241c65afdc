"""Distances and ranks that are learnt, in TensorFlow."""
