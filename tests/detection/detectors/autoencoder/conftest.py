"""One trained autoencoder for all tests that only ask it."""

from __future__ import annotations

import pytest
from small_autoencoders import correlated_rows, small

from oddwire.detection.detectors.autoencoder import AutoencoderDetector


@pytest.fixture(scope="session")
def fitted() -> AutoencoderDetector:
    """An autoencoder that knows its rows well."""
    return small(max_epochs=20, learning_rate=1e-2, noise=0.0).fit(correlated_rows(1500))
