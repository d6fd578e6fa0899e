"""Connections as they come in → scores and alerts, with the numbers that a batch would give."""
