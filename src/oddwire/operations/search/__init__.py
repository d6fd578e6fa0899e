"""Hyperparameter studies and what they maximise."""
