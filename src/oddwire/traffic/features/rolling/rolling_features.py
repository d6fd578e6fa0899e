"""Features of the rows of a log that is followed: those of `connection_features`, to the last bit.

Rows come in micro-batches, and what a batch costs depends on its own rows alone, however many lie
in the time windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.connection_features import (
    WINDOW_FEATURES,
    check_features,
    feature_frame,
)
from oddwire.traffic.features.long_memory import LongMemory
from oddwire.traffic.features.rolling.windows import RollingWindows, WindowRows
from oddwire.traffic.features.time_windows import IntArray
from oddwire.traffic.schema import FeatureSchema

# Ten minutes at 7,000 connections a second. In memory, 150 to 700 bytes a row.
MOST_ROWS = 2**22


class RollingFeatures:
    """Turns micro-batches of connections into feature frames, one after the other.

    What must be kept over a restart is small, the clock and the long memory (`to_arrays`); the
    windows fill again from the rows of the last `LONGEST_WINDOW` seconds before (`see_again`). A
    restart calls `go_on`, then `see_again` of the rows before the arrays were taken, then `see` of
    those after.

    Parameters
    ----------
    schema
        The features that are needed.
    memory
        What is known of the connections before the first ones; an empty memory by default.
    most_rows
        How many rows the windows hold at most: of more, the oldest leave before their time, and are
        counted in ``dropped``.

    Attributes
    ----------
    clocks
        What the clock showed at each of the rows last given to `of` or `see`, int64 of shape (n,).
    dropped
        How many rows left the windows before their time.

    Raises
    ------
    ParameterError
        If features are needed that this version does not compute.

    Examples
    --------
    >>> from oddwire.traffic.connections import check_connections
    >>> from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
    >>> rows = check_connections(
    ...     pd.DataFrame({
    ...         "ts": [0, 2], "src_ip": "10.0.0.5", "dst_ip": ["10.0.0.9", "203.0.113.7"],
    ...         "dst_port": [22, 443], "proto": "tcp",
    ...     }),
    ...     origin="example",
    ... )
    >>> features = RollingFeatures(CONNECTION_FEATURES)
    >>> features.of(rows.head(1))["src_peers_10s"].tolist()
    [1.0]
    >>> features.of(rows.tail(1))["src_peers_10s"].tolist()
    [2.0]
    """

    def __init__(
        self,
        schema: FeatureSchema,
        *,
        memory: LongMemory | None = None,
        most_rows: int = MOST_ROWS,
    ) -> None:
        check_features(schema)
        self._most_rows = most_rows
        self._clock, self._memory = Clock(), memory or LongMemory()
        self._windows = RollingWindows(most_rows=most_rows)
        self.clocks: IntArray = np.empty(0, dtype=np.int64)
        self.dropped = 0

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the feature frame of the next rows.

        Parameters
        ----------
        rows
            Connections of the connection schema, in the order in which they are known; may be none.
        """
        found = np.empty((len(WINDOW_FEATURES), len(rows)))
        remembered = self._take(rows, found)
        return feature_frame(rows, zip(WINDOW_FEATURES, found, strict=True), remembered)

    def see(self, rows: pd.DataFrame) -> None:
        """Go on as by `of`, without features."""
        self._take(rows, None)

    def see_again(self, rows: pd.DataFrame, clocks: IntArray) -> None:
        """Fill the windows alone with rows of before: neither clock nor long memory go on.

        Parameters
        ----------
        rows
            As for `of`, oldest first, and before all that `of` and `see` take.
        clocks
            What the clock showed at each, int64 of shape (n,).

        Raises
        ------
        ValueError
            If there are not as many clocks as rows.
        """
        if len(rows) != len(clocks):
            raise ValueError(f"{len(rows)} rows need as many clocks, got {len(clocks)}")
        self._windows.enter(WindowRows.of(rows), clocks)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Return copies of the clock, the long memory and ``dropped``, for `numpy.savez`."""
        memory = {name: array.copy() for name, array in self._memory.to_arrays().items()}
        return {"clock": self._clock.state.copy(), "dropped": np.array([self.dropped]), **memory}

    def go_on(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `to_arrays` returned, with empty windows.

        Raises
        ------
        KeyError, ValueError
            If an array is missing, or of another type or shape.
        """
        clock, dropped = Clock(), arrays["dropped"]
        memory = LongMemory.from_arrays(arrays)
        clock.state[...] = arrays["clock"]
        self._clock, self._memory, self.dropped = clock, memory, int(dropped[0])
        self._windows = RollingWindows(most_rows=self._most_rows)
        self.clocks = np.empty(0, dtype=np.int64)

    def _take(
        self, rows: pd.DataFrame, found: NDArray[np.float64] | None
    ) -> dict[str, NDArray[np.float64]]:
        self.clocks = self._clock.of(rows)
        window_rows = WindowRows.of(rows)
        self.dropped += self._windows.enter(window_rows, self.clocks, found)
        return self._memory.update(rows, self.clocks, window_rows.addresses)
