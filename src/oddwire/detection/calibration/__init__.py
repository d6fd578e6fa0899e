"""Anomaly scores → p-values, thresholds and false-discovery cuts."""
