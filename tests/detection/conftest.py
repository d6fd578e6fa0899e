"""Models that many tests only ask."""

from __future__ import annotations

import pytest
from small_models import trained

from oddwire.detection.detectors import DETECTORS
from oddwire.detection.model import Model


@pytest.fixture(scope="session", params=sorted(DETECTORS))
def model(request: pytest.FixtureRequest) -> Model:
    """A calibrated model of each detector in turn."""
    return trained(request.param, alert_p_value=0.02, metadata={"source": "simulated"})


@pytest.fixture(scope="session")
def forest() -> Model:
    """A calibrated isolation forest, for what does not depend on the detector."""
    return trained()
