"""Interim records: of a long connection that is told again and again, the last record counts.

Records belong together if they have one uid and one start: in data that was made anonymous, uids
are not always those of one connection. Hashes of 64 bits stand for both, so that the records of a
file take 8 bytes each while it is looked through, and those that are repeated 16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddwire.traffic.sources.logs import LogPart

Hashes = NDArray[np.uint64]
_NO_UID = np.uint64(0)
_ODD = np.uint64(0x9E3779B97F4A7C15)


def uid_hashes(uids: pa.Array | pa.ChunkedArray) -> Hashes:
    """Return a hash of each uid, 0 where there is none, shape (n,)."""
    texts = pc.fill_null(uids, "").to_pandas().to_numpy(dtype=object)
    hashes: Hashes = pd.util.hash_array(texts, categorize=False)
    hashes[np.asarray(pc.is_null(uids))] = _NO_UID
    return hashes


def connection_keys(connections: pa.Table) -> Hashes:
    """Return a hash of each connection's uid and start, 0 where it has no uid, shape (n,).

    Records with one key are of one connection, in one file or in several.
    """
    hashes = uid_hashes(connections["uid"])
    starts = np.asarray(pc.cast(connections["ts"], pa.int64())).astype(np.uint64)
    keys: Hashes = np.where(hashes == _NO_UID, _NO_UID, hashes ^ (starts * _ODD))
    return keys


def superseded(keys: Hashes) -> NDArray[np.int64]:
    """Return the places of the rows after which one of the same key follows, in order.

    Examples
    --------
    >>> superseded(np.array([7, 8, 7, 0, 0, 7], dtype=np.uint64)).tolist()
    [0, 2]
    """
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    earlier = (ordered[1:] == ordered[:-1]) & (ordered[1:] != _NO_UID)
    return np.sort(order[:-1][earlier])


def last_of_each(
    parts: Callable[[], Iterator[LogPart]], uids: Iterable[pa.Array]
) -> Iterator[LogPart]:
    """Leave out the rows that a later one of the same connection supersedes.

    Parameters
    ----------
    parts
        Reads a file. Where uids are repeated it is read twice, for a later record may be refused.
    uids
        The uids of the file's lines, found faster than by reading it; more than it has do no harm.
    """
    repeated = _repeated(uids)
    if not len(repeated):
        yield from parts()
        return
    left_out = _superseded_rows(parts(), repeated)
    first = 0
    for part in parts():
        rows = part.connections.num_rows
        here = left_out[slice(*np.searchsorted(left_out, (first, first + rows)))] - first
        yield _without(part, here)
        first += rows


def _repeated(uids: Iterable[pa.Array]) -> Hashes:
    hashes = np.sort(np.concatenate([np.empty(0, np.uint64), *map(uid_hashes, uids)]))
    twice = hashes[1:][hashes[1:] == hashes[:-1]]
    return np.unique(twice[twice != _NO_UID])


def _superseded_rows(parts: Iterable[LogPart], repeated: Hashes) -> NDArray[np.int64]:
    first, keys, places = 0, [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    for part in parts:
        here = np.flatnonzero(np.isin(uid_hashes(part.connections["uid"]), repeated))
        keys.append(connection_keys(part.connections)[here])
        places.append(here + first)
        first += part.connections.num_rows
    return np.concatenate(places)[superseded(np.concatenate(keys))]


def _without(part: LogPart, places: NDArray[np.int64]) -> LogPart:
    if not len(places):
        return part
    keep = np.ones(part.connections.num_rows, dtype=bool)
    keep[places] = False
    kept = part.connections.filter(pa.array(keep))
    return replace(part, connections=kept, folded=part.folded + len(places))
