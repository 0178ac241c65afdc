"""How fast the twins are: both sides measured in several forms, each in a process of its own."""
