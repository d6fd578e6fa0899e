"""Find the odd connections on your wire, and keep finding them as your traffic changes."""

__version__ = "0.1.0"
