"""A file of a source's format → rows and their features."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from oddwire.operations.progress import step
from oddwire.params import Source
from oddwire.traffic.features.connection_features import to_features
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources import FileRows, read_file


def read_features(
    settings: Source, file: Path, schema: FeatureSchema
) -> tuple[FileRows, pd.DataFrame]:
    """Read one file of a source's format.

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
        return read, to_features(settings.row_kind, read.rows, schema)
