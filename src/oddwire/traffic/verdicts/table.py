"""The verdicts on a source's connections, as ``labels/SOURCE.csv`` keeps them.

One line for each connection, in plain text that git can compare and merge. Where a connection has
two, as after a merge, the later one holds. Some of the text is an attacker's, and people open such
files in spreadsheets: what a spreadsheet would take for a formula gets an apostrophe before it.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from oddwire.errors import DataError, short_repr

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_WORDS = ("benign", "attack")  # by the label
_COLUMNS = (
    "start", "end", "uid", "src_ip", "src_port", "dst_ip", "dst_port", "proto",
    "label", "family", "note", "judged", "alert",
)  # fmt: skip
# OWASP's list for CSV; the apostrophe itself, so that it can be told from ours.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "'")

Key = tuple[object, ...]
_Row = TypeVar("_Row")


@dataclass(frozen=True)
class JudgedConnection:
    """What names a connection, as the alert has it that was judged.

    Parameters
    ----------
    start, end
        In microseconds since 1970.
    uid, src_ip, dst_ip, proto
        As `wire_text.short_name` has them, None where missing.
    src_port, dst_port
        None where missing.
    """

    start: int
    end: int | None
    uid: str | None
    src_ip: str | None
    src_port: int | None
    dst_ip: str | None
    dst_port: int | None
    proto: str | None

    @property
    def key(self) -> Key:
        """What is equal for two records of one connection.

        A log that gives ids may tell of a connection again while it lasts, with a later end; where
        there is no id, the end tells two connections of one start apart.
        """
        end = (self.start if self.end is None else self.end) if self.uid is None else None
        ends = (self.src_ip, self.src_port, self.dst_ip, self.dst_port)
        return (self.start, end, self.uid, *ends, self.proto)


@dataclass(frozen=True)
class Verdict:
    """What a person judged a connection to be.

    Parameters
    ----------
    label
        0 benign, 1 attack.
    family
        The attack's, None where not said.
    note
        The person's own words.
    judged
        When, as ISO 8601 in UTC.
    alert
        The id of the alert that was judged, or of the incident that was.
    """

    connection: JudgedConnection
    label: int
    family: str | None = None
    note: str = ""
    judged: str = ""
    alert: str = ""


class VerdictTable:
    """The verdicts on a source's connections; the last one on each holds.

    Parameters
    ----------
    verdicts
        From the earliest to the latest.
    """

    def __init__(self, verdicts: Iterable[Verdict] = ()) -> None:
        self._by_key: dict[Key, Verdict] = {}
        self.add(verdicts)

    def __len__(self) -> int:
        return len(self._by_key)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self._by_key.values())

    @property
    def by_key(self) -> Mapping[Key, Verdict]:
        """Each by its connection's key."""
        return self._by_key

    def add(self, verdicts: Iterable[Verdict]) -> int:
        """Add verdicts, and return on how many connections another one is replaced."""
        replaced = 0
        for verdict in verdicts:
            replaced += self._by_key.pop(verdict.connection.key, None) is not None
            self._by_key[verdict.connection.key] = verdict
        return replaced

    def remove(self, connections: Iterable[JudgedConnection]) -> int:
        """Take verdicts away, and return how many there were."""
        return sum(self._by_key.pop(each.key, None) is not None for each in connections)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a table; where there is no file, it is empty.

        Raises
        ------
        DataError
            If it cannot be read, or a line is none of a table of verdicts; it names the line.
        """
        return cls(_read(file, _verdict))

    def text(self) -> str:
        """Return the content of its file."""
        return "".join(map(_line, [_COLUMNS, *(map(_harmless, _cells(one)) for one in self)]))


def judged_ids(file: Path) -> frozenset[str]:
    """Return the ids of all alerts and incidents in a table, and look at nothing else in it.

    Raises
    ------
    DataError
        If it cannot be read, or is no table.
    """
    return frozenset(_read(file, _id))


def _line(cells: Iterable[str]) -> str:
    written = io.StringIO(newline="")
    csv.writer(written).writerow(cells)  # which quotes what holds a part of the end of its lines
    return written.getvalue().removesuffix("\r\n") + "\n"


def _cells(verdict: Verdict) -> Iterator[str]:
    one = verdict.connection
    yield from (_as_time(one.start), "" if one.end is None else _as_time(one.end))
    for value in (one.uid, one.src_ip, one.src_port, one.dst_ip, one.dst_port, one.proto):
        yield "" if value is None else str(value)
    yield from (_WORDS[verdict.label], verdict.family or "")
    yield from (verdict.note, verdict.judged, verdict.alert)


def _read(file: Path, parse: Callable[[list[str]], _Row]) -> Iterator[_Row]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DataError(f"cannot read {file}: {reason}") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        _check_head(next(lines, list(_COLUMNS)))
        for cells in filter(None, lines):
            yield parse(cells)
    except (csv.Error, ValueError) as error:
        raise DataError(f"{file}, line {max(lines.line_num, 1)}: {error}") from None


def _check_head(head: list[str]) -> None:
    if tuple(head) != _COLUMNS:
        raise ValueError(f"the columns must be {','.join(_COLUMNS)}")


def _check_count(cells: list[str]) -> None:
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"there must be {len(_COLUMNS)} cells, got {len(cells)}")


def _id(cells: list[str]) -> str:
    _check_count(cells)
    return _as_it_was(cells[_COLUMNS.index("alert")])


def _verdict(cells: list[str]) -> Verdict:
    _check_count(cells)
    given = dict(zip(_COLUMNS, map(_as_it_was, cells), strict=True))
    if given["label"] not in _WORDS:
        raise ValueError(f"label must be benign or attack, got {short_repr(given['label'])}")
    connection = JudgedConnection(
        start=_microseconds("start", given["start"]),
        end=_microseconds("end", given["end"]) if given["end"] else None,
        **{name: given[name] or None for name in ("uid", "src_ip", "dst_ip", "proto")},
        src_port=_port("src_port", given["src_port"]),
        dst_port=_port("dst_port", given["dst_port"]),
    )
    return Verdict(
        connection, _WORDS.index(given["label"]), given["family"] or None,
        given["note"], given["judged"], given["alert"],
    )  # fmt: skip


def _as_time(micros: int) -> str:
    return f"{(_EPOCH + micros * _MICROSECOND).replace(tzinfo=None).isoformat()}Z"


def _microseconds(name: str, text: str) -> int:
    try:
        time = dt.datetime.fromisoformat(text)
        since = (time if time.tzinfo else time.replace(tzinfo=dt.UTC)) - _EPOCH
        return since // _MICROSECOND
    except (ValueError, OverflowError):
        raise ValueError(f"{name} must be a time, got {short_repr(text)}") from None


def _port(name: str, text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit()):
        raise ValueError(f"{name} must be a number or empty, got {short_repr(text)}")
    return int(text) if text else None


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULAS) else cell


def _as_it_was(cell: str) -> str:
    return cell.removeprefix("'")
