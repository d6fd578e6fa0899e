"""Autoencoders that train in a second, and rows that they can learn."""

from __future__ import annotations

from typing import Any

import numpy as np

from oddwire.detection.detectors.autoencoder import AutoencoderDetector


def correlated_rows(rows: int, columns: int = 12, *, seed: int = 0) -> np.ndarray:
    """Rows near a plane of three dimensions."""
    random = np.random.default_rng(seed)
    plane = np.random.default_rng(99).normal(size=(3, columns))
    return random.normal(size=(rows, 3)) @ plane + 0.05 * random.normal(size=(rows, columns))


def small(**changes: Any) -> AutoencoderDetector:
    """Return an unfitted detector."""
    parameters = {"width": 32, "latent_size": 3, "max_epochs": 4, "random_state": 0}
    return AutoencoderDetector(**{**parameters, **changes})


def reconstructed(detector: AutoencoderDetector, rows: np.ndarray) -> np.ndarray:
    """Return what each network makes of rows, straight from the network."""
    import torch

    output: np.ndarray = detector.network_(torch.from_numpy(rows.astype(np.float32))).double()
    return output.numpy()
