"""A file of a source's format, or a period of its archive → rows and their features."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from oddwire.operations.progress import progress, step
from oddwire.params import Source
from oddwire.traffic.archive import Archive
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
from oddwire.traffic.row_hashes import hash_rows
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources import FileRows, read_file
from oddwire.traffic.wire_text import shown_path


def read_features(
    settings: Source, file: Path, schema: FeatureSchema, *, behind: Path
) -> tuple[FileRows, pd.DataFrame]:
    """Read one file of a source's format.

    Parameters
    ----------
    behind
        As of `FeaturesInBatches`.

    Returns
    -------
    tuple
        The file's rows, and their feature frame in the same order.

    Raises
    ------
    DataError
        If the file is not what the source promises.
    """
    with step(f"read {file.name}"):
        read = read_file(settings, file, schema=schema)
        if read.refused:
            lines = "1 line was" if read.refused == 1 else f"{read.refused:,} lines were"
            progress().remark(f"{shown_path(file)}: {lines} refused; `oddwire score` tells them")
        features = FeaturesInBatches(settings.row_kind, schema, behind=[behind])
        return read, features.of(read.rows)


def read_period(
    archive: Archive,
    parts: Sequence[str],
    start: dt.datetime,
    end: dt.datetime,
    schema: FeatureSchema,
    *,
    rows: int,
) -> pd.DataFrame:
    """Return the feature frame of the rows that are known in a period.

    Parameters
    ----------
    rows
        Of the days before, which are only remembered, at most so many are held at a time.
    """
    features = FeaturesInBatches(archive.kind, schema)
    found: list[pd.DataFrame] = []
    for part in parts:
        if archive.kind == "connections":
            before = start - LOOK_BACK
            for batch in archive.batches(part, rows=rows, since=before, until=start):
                features.take(batch)
        found += map(features.of, archive.batches(part, rows=rows, since=start, until=end))
    return pd.concat([each for each in found if len(each)] or found[:1], ignore_index=True)


def digest_of_period(archive: Archive, start: dt.datetime, end: dt.datetime, *, rows: int) -> str:
    """Return a hash of the rows of a source that are known in a period: others have another."""
    found = hashlib.sha256()
    for batch in archive.batches("train", rows=rows, since=start, until=end):
        found.update(hash_rows(batch).tobytes())
    return found.hexdigest()[:16]
