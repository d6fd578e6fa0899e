"""Watching a source: the loop, and what people and machines are told while it runs."""
