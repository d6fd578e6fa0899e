"""What tests of the preprocessing share: every way to map a number."""

from __future__ import annotations

import pytest

from oddwire.detection.preprocessing.number_scaler import RELATIVE_TO
from oddwire.detection.preprocessing.table import TRANSFORMS


@pytest.fixture(params=TRANSFORMS)
def transform(request):
    return request.param


@pytest.fixture(params=RELATIVE_TO)
def relative_to(request):
    return request.param
