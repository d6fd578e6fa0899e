"""What is odd: preprocessing, detectors, calibration, models. Knows nothing of experiments."""
