"""Convolutional networks, the classics: what the concepts are, told without a framework."""
