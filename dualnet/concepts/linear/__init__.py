"""Linear models: what the concepts are, told without a framework."""
