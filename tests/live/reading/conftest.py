"""Opening and reading a source, and closing what was opened."""

from __future__ import annotations

import threading

import pandas as pd
import pytest

from oddwire.live.reading.opening import open_reading
from oddwire.project import Project


class Read:
    """What was read."""

    def __init__(self, batches):
        self.batches = batches
        rows = [one.rows for one in batches if len(one.rows)]
        self.rows = pd.concat(rows, ignore_index=True) if rows else None
        self.places = [place for one in batches for place in one.places]
        self.notices = [notice for one in batches for notice in one.notices]
        self.refused = sum(one.refused for one in batches)
        self.position = batches[-1].position if batches else None

    @property
    def uids(self):
        """The uids of the rows."""
        return [] if self.rows is None else self.rows["uid"].tolist()


@pytest.fixture
def opened(tmp_path):
    """Return `open_reading` with the folder of the test as the project."""
    readings = []

    def opened(source, **options):
        reading = open_reading(source, name="office", project=Project(tmp_path), **options)
        readings.append(reading)
        return reading

    yield opened
    for one in readings:
        one.close()


@pytest.fixture
def read(opened):
    """Read all that there is."""

    def read(source, *, confirm=True, **options):
        reading = opened(source, **options)
        found = []
        for one in reading.batches(until_end=True, stopped=threading.Event()):
            if one is not None:
                found.append(one)
                if confirm:
                    reading.confirm(one.position)
        reading.close()
        return Read(found)

    return read
