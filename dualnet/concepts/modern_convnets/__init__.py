"""Convolutional networks, from AlexNet on: what the concepts are, told without a framework."""
