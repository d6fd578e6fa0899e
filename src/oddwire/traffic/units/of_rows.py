"""Units: what people count false alarms in.

Alerts come in bursts: one busy scanner raises thousands of them in an hour, and whoever looks at
one of them has looked at all. So false alarms are counted by *units*, a source of connections in
ten minutes, and by *incidents*, the alerts of one source with gaps of less than ten minutes. Where
rows have no time, a unit is a source; where they have no source, a unit is a row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_datetime64_any_dtype

from oddwire.compiling import compiled
from oddwire.traffic.features.clock import MICROSECONDS, Clock
from oddwire.traffic.schema import END, TIME, UNIT, known_at

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Kind = Literal["source and time", "source", "row"]

MINUTES = 10.0
UNKNOWN_SOURCE = "unknown"  # of a row that names none: it is counted by itself


@dataclass(frozen=True, eq=False)
class Units:
    """Which unit each row belongs to. Made by `units_of`.

    Parameters
    ----------
    sources
        The number of each row's source, from 0, shape (n,).
    names
        The text of each source, shape (sources,); from the wire.
    clock
        When each row was known, in microseconds since 1970, never falling; None without times.
    minutes
        How long a unit is, and from which gap on alerts of a source are two incidents.
    kind
        What a unit is.
    """

    sources: Ints
    names: NDArray[np.object_]
    clock: Ints | None
    minutes: float
    kind: Kind

    def __len__(self) -> int:
        return len(self.sources)

    @property
    def codes(self) -> Ints:
        """The number of each row's unit, from 0 in the order of their first rows, shape (n,)."""
        if self.clock is None or self.kind == "row":
            return self.sources
        # Both are numbered from 0, so that there is room for all pairs in 64 bits.
        slots, different = pd.factorize(self.clock // self._length)
        pairs = self.sources * len(different) + slots
        return np.asarray(pd.factorize(pairs)[0], dtype=np.int64)

    @property
    def _length(self) -> int:
        return minutes_in_microseconds(self.minutes)

    def take(self, chosen: NDArray[Any]) -> Self:
        """Return the units of some rows.

        Parameters
        ----------
        chosen
            Places in ascending order, or a mask of shape (n,).
        """
        clock = None if self.clock is None else self.clock[chosen]
        numbers, sources = np.unique(self.sources[chosen], return_inverse=True)
        return type(self)(
            sources.astype(np.int64), self.names[numbers], clock, self.minutes, self.kind
        )

    def before(self, scores: ArrayLike) -> Floats:
        """Return the highest score of each source's rows shortly before each row.

        A row begins an incident at a threshold t exactly where ``before < t <= score``: it raises
        an alert, and its source has raised none within `minutes` before it.

        Parameters
        ----------
        scores
            Anomaly scores, shape (n,).

        Returns
        -------
        float64, shape (n,)
            -inf where the source has no row in that time.
        """
        values = np.ascontiguousarray(scores, dtype=np.float64)
        if len(values) != len(self):
            raise ValueError(f"a score per row is needed, {len(self)} in all, got {len(values)}")
        if self.kind == "row":
            return np.full(len(values), -np.inf)
        clock = np.zeros(len(self), dtype=np.int64) if self.clock is None else self.clock
        order = np.argsort(self.sources, kind="stable")  # within a source, as they were known
        highest = compiled(
            _highest_before, "float64[::1](int64[::1], int64[::1], float64[::1], int64)"
        )
        found = np.empty(len(values))
        found[order] = highest(self.sources[order], clock[order], values[order], self._length)
        return found

    def incidents(self, scores: ArrayLike, threshold: float) -> int:
        """Count the incidents that a threshold makes of anomaly scores of shape (n,)."""
        values = np.asarray(scores, dtype=np.float64)
        return int(np.count_nonzero((values >= threshold) & (self.before(values) < threshold)))


def units_of(frame: pd.DataFrame, *, minutes: float = MINUTES) -> Units:
    """Find the units of the rows of a feature frame.

    Parameters
    ----------
    frame
        n rows in the order in which they were known. The source is their `UNIT`, which a source's
        ``unit:`` names the columns of, or of connections ``src_ip``.
    minutes
        How long a unit is, above 0.

    Examples
    --------
    >>> frame = pd.DataFrame({
    ...     "src_ip": ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.1"],
    ...     "end": pd.to_datetime([0, 30, 60, 650], unit="s", utc=True),
    ... })
    >>> units = units_of(frame)
    >>> units.codes.tolist(), units.incidents([1, 0, 1, 1], 1)
    ([0, 1, 0, 2], 1)
    """
    column = source_column(frame)
    if column is None:
        rows = np.arange(len(frame), dtype=np.int64)
        names = np.full(len(frame), UNKNOWN_SOURCE, object)
        return Units(rows, names, _clock(frame), minutes, "row")
    codes, different = pd.factorize(frame[column])
    missing = codes < 0
    codes[missing] = len(different) + np.arange(np.count_nonzero(missing))
    # Objects, since NumPy would give each text as much room as the longest one takes.
    names = np.full(len(different) + np.count_nonzero(missing), UNKNOWN_SOURCE, dtype=object)
    names[: len(different)] = [str(name) for name in different]
    clock = _clock(frame)
    kind: Kind = "source" if clock is None else "source and time"
    return Units(codes.astype(np.int64), names, clock, minutes, kind)


def minutes_in_microseconds(minutes: float) -> int:
    """Return how long a unit of so many minutes is, in microseconds."""
    return max(1, round(minutes * 60 * MICROSECONDS))


def source_column(frame: pd.DataFrame) -> str | None:
    """Return the column that names the source of each row; None where there is none."""
    if UNIT in frame:
        return UNIT
    # Of a table it is one of many columns.
    return "src_ip" if "src_ip" in frame and known_at(frame) == END else None


def _clock(frame: pd.DataFrame) -> Ints | None:
    name = known_at(frame)
    if name == END:
        return Clock().of(frame)
    if name is None or not is_datetime64_any_dtype(frame[TIME]):
        return None
    times = frame[TIME].dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    known = ~np.isnat(times)
    if len(times) and not known.any():
        return None
    # Rows of a table without a time come first, and share one.
    moments = times.view(np.int64)
    moments = np.where(known, moments, moments[known].min(initial=np.iinfo(np.int64).max))
    return np.maximum.accumulate(moments)


def _highest_before(sources: Ints, clock: Ints, scores: Floats, length: int) -> Floats:
    """Compute `Units.before` for rows in the order of their sources, in O(n)."""
    found = np.empty(len(scores), dtype=np.float64)
    # Places of the rows that can still be the highest, their scores falling.
    queue = np.empty(len(scores), dtype=np.int64)
    first = last = 0
    for row in range(len(scores)):
        if row == 0 or sources[row] != sources[row - 1]:
            first = last = 0
        while first < last and clock[row] - clock[queue[first]] >= length:
            first += 1
        found[row] = scores[queue[first]] if first < last else -np.inf
        while first < last and scores[queue[last - 1]] <= scores[row]:
            last -= 1
        queue[last] = row
        last += 1
    return found
