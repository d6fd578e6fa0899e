"""Columns as they stand in a log → connections, and the rows that break a rule.

A value that cannot be read, or that its column does not allow, refuses its row: none is guessed.
What a log does not know stays missing.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddwire.traffic.sources.logs import LogPart, Refused
from oddwire.traffic.sources.logs.parsing.lines import Block

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_TIME = pa.timestamp("us", tz="UTC")
LOG_SCHEMA = pa.schema(
    {
        "ts": _TIME,
        "end": _TIME,
        "uid": pa.string(),
        "src_ip": pa.string(),
        "src_port": pa.int32(),
        "dst_ip": pa.string(),
        "dst_port": pa.int32(),
        "proto": pa.string(),
        "service": pa.string(),
        "duration": pa.float64(),
        "src_bytes": pa.int64(),
        "dst_bytes": pa.int64(),
        "src_packets": pa.int64(),
        "dst_packets": pa.int64(),
        "conn_state": pa.string(),
        "history": pa.string(),
        "label": pa.int8(),
        "attack": pa.string(),
        "campaign": pa.string(),
    }
)
# The limit on bytes, 256 TiB, keeps the sums of the time windows far inside 64 bits.
_MOST = {
    "src_port": 65_535,
    "dst_port": 65_535,
    **dict.fromkeys(("src_bytes", "dst_bytes", "src_packets", "dst_packets"), 2**48),
}
_REQUIRED = ("ts", "src_ip", "dst_ip", "proto")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
# The end of the year 9900, as seconds since 1970: room for the longest duration until 9999.
LATEST_START = 250_278_163_200.0
# The clock goes by ends: one nonsensical duration must not put it far ahead.
_LONGEST_SECONDS = 10 * 366 * 86_400.0
# Of Ethernet; and what Argus gives its records about itself.
_ETHERNET = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}|0")
_LONGEST_TEXT = 10_000
_SHOWN = 80


@dataclass
class Checked:
    """Rows on their way to connections, and why some of them are refused.

    Parameters
    ----------
    lines
        The number of each row's line in the file, shape (n,).
    reasons
        By the row's place, what is wrong with it; the first reason counts.
    """

    lines: IntArray
    reasons: dict[int, str]

    def refuse(self, broken: BoolArray, column: str, rule: str, given: pa.Array) -> None:
        """Refuse rows whose value breaks a rule."""
        for place in np.flatnonzero(broken):
            if int(place) not in self.reasons:
                got = _shown(given[int(place)])
                self.reasons[int(place)] = f"{column} {rule}, got {got}"


def connections(
    columns: Mapping[str, pa.Array],
    lines: IntArray,
    text_of: Callable[[int], bytes],
    *,
    reasons: Mapping[int, str] | None = None,
    only_ip: bool = True,
) -> LogPart:
    """Type the columns of a block, and part the rows that are connections from the refused.

    Parameters
    ----------
    columns
        By the names of `LOG_SCHEMA`, arrays of equal length n: text, numbers, or times. A time
        that is a number counts seconds since 1970. Absent columns are missing.
    lines
        The number of each row's line, shape (n,).
    text_of
        Gives a line by its number, for the text of refused ones.
    reasons
        By a row's place, why it is refused already.
    only_ip
        Whether an address of Ethernet refuses its row: some logs have them beside those of IP.
    """
    checked = Checked(lines, dict(reasons or {}))
    typed = {name: _typed(columns.get(name), name, checked) for name in LOG_SCHEMA.names}
    typed["ts"] = _in_calendar(typed["ts"], "ts", checked)
    if "end" not in columns:
        typed["end"] = _end(typed["ts"], typed["duration"])
    for name in _REQUIRED:
        if name == "proto" and name not in columns:  # a log without it: unknown of every row
            continue
        missing = _bools(pc.is_null(typed[name]))
        given = columns.get(name, pa.nulls(len(lines), pa.string()))
        checked.refuse(missing, name, "is needed", given)
    for name in ("src_ip", "dst_ip"):
        broken = _no_addresses(typed[name], only_ip=only_ip)
        checked.refuse(broken, name, "must be an address of IP", typed[name])
    table = pa.table(typed, schema=LOG_SCHEMA)
    if not checked.reasons:
        return LogPart(table)
    keep = np.ones(len(lines), dtype=bool)
    keep[list(checked.reasons)] = False
    refused = [
        refused_line(line, reason, text_of(line))
        for line, reason in sorted((int(lines[at]), why) for at, why in checked.reasons.items())
    ]
    return LogPart(table.filter(pa.array(keep)), tuple(refused))


def too_long(block: Block) -> tuple[Refused, ...]:
    """Refuse the lines of a block that are longer than allowed."""
    return tuple(Refused(line, "the line is longer than allowed", "") for line in block.too_long)


def with_refused(part: LogPart, refused: Iterable[Refused]) -> LogPart:
    """Put lines that were refused earlier beside those of a part, by their numbers."""
    every = sorted((*refused, *part.refused), key=lambda one: one.line)
    return replace(part, refused=tuple(every))


def refused_line(line: int, reason: str, text: bytes) -> Refused:
    """Refuse a line as it stands in the file."""
    shown = text.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    return Refused(line, reason, shown[:_LONGEST_TEXT])


def texts(values: pa.Array) -> pa.Array:
    """Return a column as text."""
    return pc.cast(values, pa.string()) if values.type != pa.string() else values


def _typed(values: pa.Array | None, name: str, checked: Checked) -> pa.Array:
    kind = LOG_SCHEMA.field(name).type
    if values is None or pa.types.is_null(values.type):
        return pa.nulls(len(checked.lines), kind)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if name == "duration":
        numbers = numbers_of(values, name, checked)
        sound = pc.and_(pc.greater_equal(numbers, 0.0), pc.less(numbers, _LONGEST_SECONDS))
        checked.refuse(_bools(pc.invert(sound)), name, "must be from 0 to 10 years", values)
        return pc.if_else(pc.fill_null(sound, True), numbers, pa.scalar(None, pa.float64()))
    if values.type == kind:
        return values if name not in _MOST else _within(values, values, name, checked)
    if kind == _TIME:
        return _times(values, name, checked)
    if kind == pa.string():
        return texts(values)
    return _within(_whole(values, name, checked), values, name, checked).cast(kind, safe=False)


def _within(numbers: pa.Array, given: pa.Array, name: str, checked: Checked) -> pa.Array:
    most = _MOST.get(name, 1)
    least_ok, most_ok = pc.greater_equal(numbers, 0), pc.less_equal(numbers, most)
    if pc.all(pc.and_(least_ok, most_ok)).as_py() is False:
        broken = _bools(pc.invert(pc.and_(least_ok, most_ok)))
        checked.refuse(broken, name, f"must be from 0 to {most}", given)
        return pc.if_else(pa.array(broken), pa.scalar(None, numbers.type), numbers)
    return numbers


def numbers_of(values: pa.Array, name: str, checked: Checked) -> pa.Array:
    """Return a column as float64; rows of other text than numbers are refused."""
    if not pa.types.is_string(values.type) and not pa.types.is_large_string(values.type):
        return pc.cast(values, pa.float64(), safe=False)
    proper = pc.match_substring_regex(values, _NUMBER)
    broken = _bools(pc.invert(proper))
    checked.refuse(broken, name, "must be a number", values)
    return pc.cast(pc.if_else(proper, values, None), pa.float64())


def _whole(values: pa.Array, name: str, checked: Checked) -> pa.Array:
    if pa.types.is_integer(values.type):
        return pc.cast(values, pa.int64(), safe=False)
    if pa.types.is_string(values.type):
        plain = pc.match_substring_regex(values, r"^[+-]?[0-9]{1,18}$")
        if pc.all(plain).as_py() is not False:
            return pc.cast(values, pa.int64())
    numbers = numbers_of(values, name, checked)
    fits = pc.and_(pc.is_finite(numbers), pc.less(pc.abs(numbers), 2.0**62))
    broken = _bools(pc.invert(pc.and_(fits, pc.equal(pc.floor(numbers), numbers))))
    checked.refuse(broken, name, "must be whole", values)
    return pc.cast(pc.if_else(pa.array(broken), None, numbers), pa.int64(), safe=False)


def _in_calendar(moments: pa.Array, name: str, checked: Checked) -> pa.Array:
    seconds = pc.divide(pc.cast(moments, pa.int64()), 1_000_000)
    sound = pc.and_(pc.greater_equal(seconds, 0), pc.less(seconds, int(LATEST_START)))
    if pc.all(sound).as_py() is not False:
        return moments
    shown = pc.cast(pc.cast(moments, pa.timestamp("s", tz="UTC"), safe=False), pa.int64())
    broken = _bools(pc.invert(sound))
    checked.refuse(broken, name, "must be a time from 1970 to 9900 in seconds since 1970", shown)
    return pc.if_else(pa.array(broken), pa.scalar(None, moments.type), moments)


def _times(values: pa.Array, name: str, checked: Checked) -> pa.Array:
    if pa.types.is_timestamp(values.type):
        aware = values if values.type.tz else pc.assume_timezone(values, "UTC")
        return pc.cast(aware, _TIME, safe=False)
    seconds = numbers_of(values, name, checked)
    sound = pc.and_(pc.greater_equal(seconds, 0.0), pc.less(seconds, LATEST_START))
    broken = _bools(pc.invert(sound))  # of NaN no comparison holds
    checked.refuse(broken, name, "must be a time from 1970 to 9900", values)
    # Rounded to microseconds as whole numbers: a float of seconds has no room for more.
    micros = pc.round(pc.multiply(pc.if_else(sound, seconds, None), 1e6))
    return pc.cast(pc.cast(micros, pa.int64()), _TIME)


def _no_addresses(values: pa.Array, *, only_ip: bool) -> BoolArray:
    coded = pc.dictionary_encode(values)
    known = np.array(
        [
            _is_address(text) or (not only_ip and _ETHERNET.fullmatch(text) is not None)
            for text in coded.dictionary.to_pylist()
        ]
        + [True]
    )
    broken: BoolArray = ~known[np.asarray(pc.fill_null(coded.indices, len(known) - 1))]
    return broken


def _is_address(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True


def seconds_between(start: pa.Array, end: pa.Array) -> pa.Array:
    """Return how long it is from each of some times to another, missing where one is."""
    first, last = (pc.cast(when, pa.int64()) for when in (start, end))
    return pc.divide(pc.cast(pc.subtract(last, first), pa.float64(), safe=False), 1e6)


def _end(start: pa.Array, duration: pa.Array) -> pa.Array:
    lasted = pc.cast(pc.round(pc.multiply(pc.fill_null(duration, 0.0), 1e6)), pa.int64())
    return pc.cast(pc.add(pc.cast(start, pa.int64()), lasted), _TIME)


def _bools(mask: pa.Array) -> BoolArray:
    """Return a mask as an array; missing is False."""
    bools: BoolArray = np.asarray(pc.fill_null(mask, False), dtype=bool)
    return bools


def _shown(value: pa.Scalar) -> str:
    given = value.as_py()
    return "nothing" if given is None else repr(given)[:_SHOWN]
