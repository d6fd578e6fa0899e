"""Connections → features."""
