"""Figures of a detector that need no label."""
