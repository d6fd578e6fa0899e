"""The autoencoder: the one part of oddwire that knows torch and Lightning."""

from oddwire.detection.detectors.autoencoder.detector import AutoencoderDetector

__all__ = ["AutoencoderDetector"]
