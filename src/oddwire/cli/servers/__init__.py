"""Servers that the command line starts, and what a command needs of them."""
