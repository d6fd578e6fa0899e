"""The ensemble: several detectors, combined by the surprisal of their scores."""

from oddwire.detection.detectors.ensemble.detector import EnsembleDetector

__all__ = ["EnsembleDetector"]
