"""One training loop, two engines; side by side, each backend in a process of its own."""
