"""What was on the wire before the first row that is watched, where the source has an archive."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pandas as pd

from oddwire.operations.progress import step
from oddwire.project import Project
from oddwire.traffic.archive.reading import open_archive
from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.in_batches import LOOK_BACK

_MICROSECOND = dt.timedelta(microseconds=1)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def connections_before(
    project: Project, source: str, first: pd.DataFrame, *, rows: int
) -> Iterator[pd.DataFrame]:
    """Yield the archive's connections of the days before the first row, the oldest first.

    Parameters
    ----------
    first
        The first rows that are watched: what is known no earlier than they is not yielded.
    rows
        At most so many at a time.
    """
    folder = project.ingested(source)
    if not folder.is_dir():  # nothing was ingested: the memory begins empty
        return
    archive = open_archive(folder)
    if archive.kind != "connections" or archive.first is None:
        return
    begin = _EPOCH + int(Clock().of(first.head(1))[0]) * _MICROSECOND
    with step("look back on the archive"):
        yield from archive.batches("train", rows=rows, since=begin - LOOK_BACK, until=begin)
