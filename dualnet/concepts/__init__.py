"""What each concept is: settings, inputs, stage shapes, sources, recipes and cases. NumPy only."""
