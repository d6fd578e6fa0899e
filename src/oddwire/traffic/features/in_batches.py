"""Features of rows that come in batches, equal to those of all rows at once to the last bit."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from oddwire.params import RowKind
from oddwire.traffic.features.connection_features import LONGEST_WINDOW, to_features
from oddwire.traffic.frame_files import write_frames
from oddwire.traffic.schema import TIME, FeatureSchema

_BEFORE = "before.parquet"
_REACH = pd.Timedelta(seconds=LONGEST_WINDOW)


class FeaturesInBatches:
    """Turns batches of rows into feature frames, one after the other.

    Connections of the longest time window before a batch are kept and put before it; their number
    follows from the traffic. Connections come in the order of time, a table's rows in any.

    Parameters
    ----------
    kind, schema
        As for `to_features`.
    """

    def __init__(self, kind: RowKind, schema: FeatureSchema) -> None:
        self.kind, self._schema = kind, schema
        self._before: pd.DataFrame | None = None

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the feature frame of the next rows.

        Raises
        ------
        ParameterError
            As by `to_features`.
        """
        if self.kind == "table" or rows.empty:
            return to_features(self.kind, rows, self._schema)
        near = rows
        if self._before is not None:
            near = pd.concat([self._before, rows], ignore_index=True)
        self._before = near[near[TIME] > near[TIME].iloc[-1] - _REACH]
        features = to_features(self.kind, near, self._schema)
        if len(near) == len(rows):
            return features
        return features.iloc[len(near) - len(rows) :].reset_index(drop=True)

    def save(self, folder: Path) -> None:
        """Write what later rows look back on to a folder."""
        if self._before is not None:
            write_frames([self._before], folder / _BEFORE)

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote."""
        if (folder / _BEFORE).is_file():
            self._before = pd.read_parquet(folder / _BEFORE)
