"""A training: search, fit, evaluate, register, promote."""
