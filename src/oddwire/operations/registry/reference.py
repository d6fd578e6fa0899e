"""The benign rows kept with a version, which the drift check compares current traffic with."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import ModelError
from oddwire.operations.registry.versions import Version, model_name
from oddwire.operations.tracking.store import Tracking
from oddwire.traffic.schema import LABEL, known_at

FOLDER, FILE = "reference", "reference.parquet"
SCORE = "anomaly_score"
_MOST_ROWS = 50_000


def keep(
    tracking: Tracking, version: Version, model: Model, held_out: pd.DataFrame, fitted: pd.DataFrame
) -> None:
    """Keep the rows of `reference_rows` with a version's run, once."""
    if tracking.has_file(version.run_id, f"{FOLDER}/{FILE}"):
        return
    rows = reference_rows(model, held_out, fitted)
    with tempfile.TemporaryDirectory() as scratch:
        rows.to_parquet(Path(scratch) / FILE)
        tracking.log_folder(version.run_id, Path(scratch), under=FOLDER)


def reference_rows(model: Model, held_out: pd.DataFrame, fitted: pd.DataFrame) -> pd.DataFrame:
    """Return benign rows, in time order, and the anomaly scores of those that were held out.

    Whole days of rows say what a normal day is: the held-out blocks alone are a few hours of each.
    But rows that a model was fitted to look less odd to it than any others, and have no score.

    Parameters
    ----------
    held_out, fitted
        Feature frames of rows that the model was not fitted to, and of those that it was. Without
        labels all of them count as benign.
    """
    parts = [_benign(held_out).assign(**{SCORE: 0.0}), _benign(fitted).assign(**{SCORE: np.nan})]
    rows = pd.concat(parts, ignore_index=True)
    if len(rows) > _MOST_ROWS:  # from all of the time: the last rows might be of an hour
        kept = np.random.default_rng(0).choice(len(rows), _MOST_ROWS, replace=False)
        rows = rows.iloc[np.sort(kept)]
    if (time := known_at(rows)) is not None:
        rows = rows.sort_values(time, kind="stable")
    rows = rows.reset_index(drop=True)
    scored = rows[SCORE].notna()
    rows.loc[scored, SCORE] = model.anomaly_score(rows[scored])
    return rows


def _benign(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows[LABEL].fillna(0) == 0] if LABEL in rows else rows


def load(tracking: Tracking, version: Version) -> pd.DataFrame:
    """Read back what `keep` kept: feature columns and ``anomaly_score``, missing where fitted.

    Raises
    ------
    ModelError
        If it was not kept, or cannot be read.
    """
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as scratch:
        try:
            file = tracking.download(version.run_id, f"{FOLDER}/{FILE}", Path(scratch))
            return pd.read_parquet(file)
        except (MlflowException, OSError, ValueError) as error:  # such as half a file
            raise ModelError(
                f"the reference rows of {model_name(version.source)} version {version.number} "
                f"cannot be read: train again, or make another version champion"
            ) from error
