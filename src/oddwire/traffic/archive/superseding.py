"""Records of one connection: of those that a sensor wrote while it went on, the last counts.

Two rows are of one connection if they have the same ``uid`` and began at the same moment. The
earlier one by the clock of the log is superseded, be it in the same file or in another. What is
superseded depends on the files alone, not on when they came.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from oddwire.traffic.archive.parts import Times, range_of, read_pieces, times_of
from oddwire.traffic.archive.records import PartRecord, Places
from oddwire.traffic.schema import TIME

UID = "uid"
_COLUMNS = (UID, TIME)
_ROWS = 100_000
Superseded = tuple[str, int, str]


@dataclass(frozen=True)
class Keys:
    """What tells of rows that they are of one connection, shape (n,) each.

    Parameters
    ----------
    places
        The rows' places in their part.
    uids, began
        A hash of the ``uid``, and the beginning.
    clock
        When each row could be known.
    """

    places: Places
    uids: NDArray[np.uint64]
    began: Times
    clock: Times

    def within(self, begin: int, end: int) -> Keys:
        """Return those of connections that began in a stretch of time, both ends included."""
        return self.of((self.began >= begin) & (self.began <= end))

    def of(self, chosen: NDArray[Any]) -> Keys:
        """Return some of them."""
        return Keys(self.places[chosen], self.uids[chosen], self.began[chosen], self.clock[chosen])


def find_superseded(
    new: Sequence[PartRecord], others: Sequence[PartRecord], folder: Path
) -> Iterator[Superseded]:
    """Find rows that a new part supersedes, or that are superseded in it.

    Parameters
    ----------
    new, others
        Parts that were compared with none yet, and those that were compared with each other.
    folder
        The archive that holds all of them.

    Yields
    ------
    The part, the place of the row in it, and the part that has the later record.
    """
    compared = [part for part in others if part.rows]
    for part in new:
        if not part.rows:
            continue
        keys = _read_keys(part.file(folder))
        yield from _inside(part, keys)
        for other in compared:
            yield from _between(part, keys, other, folder)
        compared.append(part)


def _inside(part: PartRecord, keys: Keys) -> Iterator[Superseded]:
    order = np.lexsort((keys.places, keys.began, keys.uids))
    same = (keys.uids[order][1:] == keys.uids[order][:-1]) & (
        keys.began[order][1:] == keys.began[order][:-1]
    )
    for place in keys.places[order][:-1][same].tolist():
        yield part.id, place, part.id


def _between(part: PartRecord, keys: Keys, other: PartRecord, folder: Path) -> Iterator[Superseded]:
    # Both know a connection only after it began, and began to know of none before their earliest.
    begin = max(part.began or 0, other.began or 0)
    end = min(part.last or 0, other.last or 0)
    near = keys.within(begin, end) if begin <= end else None
    if near is None or not len(near.places):
        return
    theirs = _read_matching(other.file(folder), np.unique(near.began))
    if not len(theirs.places):
        return
    ours = pd.DataFrame(vars(near)).merge(
        pd.DataFrame(vars(theirs)), on=["uids", "began"], suffixes=("", "_other")
    )
    later = ours["clock"] > ours["clock_other"]
    if part.order > other.order:
        later |= ours["clock"] == ours["clock_other"]
    for place in ours.loc[later, "places_other"].tolist():
        yield other.id, int(place), part.id
    for place in ours.loc[~later, "places"].tolist():
        yield part.id, int(place), other.id


def _read_keys(file: Path) -> Keys:
    return _together([_keys(*piece) for piece in _pieces(file)])


def _read_matching(file: Path, beginnings: Times) -> Keys:
    """Read the keys of connections that began at one of some moments, in ascending order."""
    with pq.ParquetFile(file) as content:
        if not _may_match(content, beginnings):
            return _together([])
    found = []
    for first, table, clock in _pieces(file):
        match = np.isin(times_of(table[TIME]), beginnings)
        if match.any():
            found.append(_keys(first, table, clock, match))
    return _together(found)


def _may_match(content: Any, beginnings: Times) -> bool:
    """Whether connections that began then may be in a part, by the times alone."""
    for number in range(content.metadata.num_row_groups):
        ends = range_of(content.metadata.row_group(number), TIME)
        if ends is None:
            return True
        begin, end = np.searchsorted(beginnings, [ends[0], ends[1] + 1])
        if begin < end:
            times = times_of(content.read_row_group(number, columns=[TIME])[TIME])
            if np.isin(times, beginnings[begin:end]).any():
                return True
    return False


def _pieces(file: Path) -> Iterator[tuple[int, pa.Table, Times]]:
    for piece in read_pieces(file, rows=_ROWS, columns=_COLUMNS):
        yield piece.first, piece.table, piece.clock


def _keys(
    first: int, table: pa.Table, clock: Times, chosen: NDArray[np.bool_] | None = None
) -> Keys:
    known = pc.is_valid(table[UID]).to_numpy()
    rows = np.flatnonzero(known if chosen is None else known & chosen)
    taken = table.take(pa.array(rows))
    texts = taken[UID].to_numpy()
    uids = pd.util.hash_array(np.asarray(texts, dtype=object), categorize=False)
    return Keys(rows + first, uids, times_of(taken[TIME]), clock[rows])


def _together(parts: Sequence[Keys]) -> Keys:
    empty = np.empty(0, np.int64)
    every = [Keys(empty, empty.astype(np.uint64), empty, empty), *parts]
    names = ("places", "uids", "began", "clock")
    return Keys(*(np.concatenate([getattr(one, name) for one in every]) for name in names))
