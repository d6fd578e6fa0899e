"""What all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public sample data, which is never committed."""
    default = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("ODDWIRE_SHARED_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no sample data at {folder}; name it with ODDWIRE_SHARED_DATA")
    return folder
