"""Rows → training, calibration, validation and test."""
