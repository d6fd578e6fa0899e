"""An archive that grows, and logs for it."""

from __future__ import annotations

import gzip

import pytest
from archived_logs import Archived, zeek_log


@pytest.fixture
def archived(tmp_path):
    return Archived(tmp_path / "archive")


@pytest.fixture
def log(tmp_path):
    """Write a log of Zeek, compressed if its name says so."""

    def write(name, rows):
        file = tmp_path / "logs" / name
        file.parent.mkdir(exist_ok=True)
        text = rows if isinstance(rows, str) else zeek_log(rows)
        file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return file

    return write
