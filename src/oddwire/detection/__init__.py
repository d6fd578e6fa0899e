"""What is anomalous: preprocessing, detectors, calibration, models. Knows nothing of experiments."""
