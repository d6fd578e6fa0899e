"""Connections as they come in: followed, scored, grouped into incidents, handed on."""
