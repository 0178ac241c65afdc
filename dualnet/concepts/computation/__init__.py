"""Builders of networks, parameters, files, devices: what the concepts are, told without a framework."""
