"""What is anomalous: preprocessing, detectors, calibration, models. Knows no experiments."""
