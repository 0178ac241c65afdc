"""What the other framework's name is, as a table whose texts are executed."""
