"""A file of a source's format, or a period of its archive → rows and their features."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.operations.progress import progress, step
from oddwire.params import Source
from oddwire.traffic.archive import Archive
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
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
        features = FeaturesInBatches(settings.row_kind, schema, behind=behind)
        return read, features.of(read.rows)


def read_period(
    archive: Archive,
    parts: Sequence[str],
    start: dt.datetime,
    end: dt.datetime,
    schema: FeatureSchema,
) -> pd.DataFrame:
    """Return the feature frame of the rows that are known in a period."""
    near, inside = [], []
    for part in parts:
        for since, until, wanted in ((start - LOOK_BACK, start, False), (start, end, True)):
            rows = archive.read(part, since=since, until=until)
            near.append(rows)
            inside.append(np.full(len(rows), wanted))
    rows = pd.concat([part for part in near if len(part)] or near[:1], ignore_index=True)
    of_period = np.concatenate(inside)
    first = int(of_period.argmax()) if of_period.any() else len(rows)
    features = FeaturesInBatches(archive.kind, schema)
    features.take(rows.iloc[:first])
    found = features.of(rows.iloc[first:].reset_index(drop=True))
    return found[of_period[first:]].reset_index(drop=True)
