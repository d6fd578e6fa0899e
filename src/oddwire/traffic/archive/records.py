"""What an archive of logs has of each file: ``files.json``, and which rows a later one replaced."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from oddwire.errors import DataError

FILES = "files.json"
SUPERSEDED = "superseded.parquet"
PARTS, REFUSED = "parts", "refused"
_MOMENTS = ("began", "first", "last")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SUPERSEDED_SCHEMA = pa.schema({"part": pa.string(), "place": pa.int64(), "by": pa.string()})

Places = NDArray[np.int64]


@dataclass(frozen=True)
class PartRecord:
    """What the archive has of one log file.

    Parameters
    ----------
    name
        What the file was called when it was read, and the folder that it was in: rotated files
        of all days have the same names.
    content
        Hash of its bytes, uncompressed.
    reading
        Hash of the settings that it was read under.
    size
        Its bytes, uncompressed.
    heads
        Hashes of its first bytes, by how many they are.
    rows, refused
        Rows read, superseded ones among them, and lines that were refused.
    stored
        Bytes of the part's Parquet file.
    cut
        Why the file ended before its time; empty where it did not.
    began
        When its earliest connection began, in microseconds since 1970; None without rows.
    first, last
        Known-at of its first and its last row.
    grown_from
        The contents of files that were the beginning of this one.
    """

    name: str
    content: str
    reading: str
    size: int
    heads: Mapping[str, str]
    rows: int
    refused: int
    stored: int
    cut: str = ""
    began: int | None = None
    first: int | None = None
    last: int | None = None
    grown_from: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What its files are called."""
        return f"{self.content[:24]}-{self.reading}"

    @property
    def order(self) -> tuple[int, str]:
        """Where its rows come among those of other parts that are known at the same time."""
        return (self.first or 0, self.id)

    def file(self, folder: Path) -> Path:
        """Return where its rows are."""
        return folder / PARTS / f"{self.id}.parquet"

    def refused_file(self, folder: Path) -> Path:
        """Return where its refused lines are, if there are any."""
        return folder / REFUSED / f"{self.id}.jsonl"


@dataclass(frozen=True)
class Records:
    """All parts of an archive of logs, in the order of their first known-at.

    Parameters
    ----------
    superseded
        By a part's id, the places of its rows that a later record of the same connection
        replaced, and the part that holds the later one; ascending by place.
    """

    parts: tuple[PartRecord, ...] = ()
    superseded: Mapping[str, tuple[Places, tuple[str, ...]]] = field(default_factory=dict)

    @property
    def first(self) -> dt.datetime | None:
        """Known-at of the first row, None without rows."""
        times = [part.first for part in self.parts if part.first is not None]
        return moment(min(times, default=None))

    @property
    def last(self) -> dt.datetime | None:
        """Known-at of the last row, None without rows."""
        times = [part.last for part in self.parts if part.last is not None]
        return moment(max(times, default=None))

    def skipped(self, part: PartRecord) -> Places:
        """Return the places of a part's superseded rows, each once."""
        found = self.superseded.get(part.id)
        return np.empty(0, np.int64) if found is None else np.unique(found[0])

    def kept(self, part: PartRecord) -> int:
        """Return how many rows of a part count."""
        return part.rows - len(self.skipped(part))


def moment(microseconds: int | None) -> dt.datetime | None:
    """Return a time as a datetime in UTC."""
    return None if microseconds is None else _EPOCH + dt.timedelta(microseconds=microseconds)


def microseconds(time: dt.datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (time - _EPOCH) // dt.timedelta(microseconds=1)


def is_of_logs(folder: Path) -> bool:
    """Tell whether an archive has a part for each log file."""
    return (folder / FILES).is_file()


def write_records(records: Records, folder: Path) -> None:
    """Write ``files.json`` and ``superseded.parquet``."""
    # A line for each part: indenting takes longer than all else.
    lines = ",\n".join(json.dumps(_to_json(part)) for part in records.parts)
    (folder / FILES).write_text(f'{{"parts": [\n{lines}\n]}}\n', encoding="utf-8")
    rows = [
        (part, int(place), by)
        for part in sorted(records.superseded)
        for place, by in zip(*records.superseded[part], strict=True)
    ]
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    table = pa.table([list(column) for column in columns], schema=_SUPERSEDED_SCHEMA)
    pq.write_table(table, folder / SUPERSEDED, compression="zstd")


def read_records(folder: Path) -> Records:
    """Read back what `write_records` wrote; none where there is no archive of logs.

    Raises
    ------
    DataError
        If it is damaged.
    """
    if not is_of_logs(folder):
        if (folder / PARTS).is_dir():  # to begin anew would lose what has gone
            raise damaged(folder, folder / FILES)
        return Records()
    try:
        content = json.loads((folder / FILES).read_text(encoding="utf-8"))
        parts = sorted(map(_from_json, content["parts"]), key=lambda part: part.order)
        superseded = _by_part(pq.read_table(folder / SUPERSEDED))
    except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's are ValueErrors
        raise damaged(folder, folder / FILES) from error
    return Records(tuple(parts), superseded)


def damaged(folder: Path, file: Path) -> DataError:
    """Say that a file of an archive is damaged, and what mends it."""
    what = "is damaged" if file.exists() else "is not there"
    return DataError(
        f"{file} {what}: `dvc checkout --force data/ingested/{folder.name}` brings the archive"
        " back as it was last ingested"
    )


def grouped(found: Iterable[tuple[str, int, str]]) -> dict[str, tuple[Places, tuple[str, ...]]]:
    """Group superseded rows (part, place, by which part) by their part, each once."""
    by_part: dict[str, list[tuple[int, str]]] = {}
    for part, place, by in sorted(set(found)):
        by_part.setdefault(part, []).append((place, by))
    return {
        part: (np.array([place for place, _ in rows], np.int64), tuple(by for _, by in rows))
        for part, rows in by_part.items()
    }


def _by_part(table: pa.Table) -> dict[str, tuple[Places, tuple[str, ...]]]:
    columns = (table[name].to_pylist() for name in _SUPERSEDED_SCHEMA.names)
    return grouped(zip(*columns, strict=True))


def _to_json(part: PartRecord) -> dict[str, Any]:
    content = asdict(part)
    for name in _MOMENTS:
        when = moment(content[name])
        content[name] = None if when is None else when.isoformat(timespec="microseconds")
    return content


def _from_json(content: Mapping[str, Any]) -> PartRecord:
    texts = {name: content[name] for name in _MOMENTS}
    times = {
        name: None if text is None else microseconds(dt.datetime.fromisoformat(text))
        for name, text in texts.items()
    }
    return PartRecord(**{**content, **times, "grown_from": tuple(content["grown_from"])})
