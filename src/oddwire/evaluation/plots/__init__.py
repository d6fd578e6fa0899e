"""Figures drawn with matplotlib: values in, a `Figure` out, nothing kept."""
