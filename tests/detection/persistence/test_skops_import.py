"""What is imported to read a model."""

from __future__ import annotations

import subprocess
import sys

_ASKED = """
import sys
from oddwire.detection.persistence.skops_import import skops_io
skops_io()
from skops.io._trusted_types import SKLEARN_ESTIMATOR_TYPE_NAMES as known
from skops.io._utils import get_type_name
print("torch" in sys.modules)
from sklearn.utils import all_estimators
every = {get_type_name(found) for _, found in all_estimators()}
print(len(known) > 100, set(known) == {name for name in every if name.startswith("sklearn.")})
"""


def test_skops_knows_all_estimators_and_brings_no_torch() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert said.split() == ["False", "True", "True"]
