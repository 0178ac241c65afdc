"""Multilayer perceptrons: what the concepts are, told without a framework."""
