"""The isolation forest, with a check of ranges and fast scoring."""

from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector

__all__ = ["IsolationForestDetector"]
