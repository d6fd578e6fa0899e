"""Prefect flows: each reads as a list of steps and holds no logic."""
