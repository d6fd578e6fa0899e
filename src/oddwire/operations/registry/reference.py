"""The benign rows kept with a version, which the drift check compares current traffic with."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from oddwire.detection.model import Model
from oddwire.operations.registry.versions import Version
from oddwire.operations.tracking.store import Tracking
from oddwire.traffic.schema import LABEL, TIME

FOLDER, FILE = "reference", "reference.parquet"
SCORE = "anomaly_score"
_MOST_ROWS = 20_000


def keep(tracking: Tracking, version: Version, model: Model, rows: pd.DataFrame) -> None:
    """Keep benign rows and their anomaly scores with a version's run, once.

    Parameters
    ----------
    rows
        Feature frame that the model was not fitted to; without labels all of it is kept.
    """
    if tracking.has_file(version.run_id, f"{FOLDER}/{FILE}"):
        return
    if LABEL in rows:
        rows = rows[rows[LABEL].fillna(0) == 0]
    if TIME in rows:
        rows = rows.sort_values(TIME, kind="stable")
    # Whole stretches of time are kept rather than single rows: drift is measured against them.
    rows = rows.tail(_MOST_ROWS).reset_index(drop=True)
    with tempfile.TemporaryDirectory() as scratch:
        rows.assign(**{SCORE: model.anomaly_score(rows)}).to_parquet(Path(scratch) / FILE)
        tracking.log_folder(version.run_id, Path(scratch), under=FOLDER)


def load(tracking: Tracking, version: Version) -> pd.DataFrame:
    """Read back what `keep` kept: feature columns and ``anomaly_score``."""
    with tempfile.TemporaryDirectory() as scratch:
        return pd.read_parquet(tracking.download(version.run_id, f"{FOLDER}/{FILE}", Path(scratch)))
