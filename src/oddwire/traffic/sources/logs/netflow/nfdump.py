"""NetFlow records as nfdump prints them: CSV of three kinds, and JSON.

Most exporters tell each direction in a record of its own, so that a row is mostly half of a
connection; nfdump's ``-B`` puts the halves together. Where a record tells nothing of the way back,
nfdump prints 0, which is read as unknown. Times are local and name no zone, but for ``csv-fast``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from oddwire.errors import DataError
from oddwire.traffic.sources.logs import LogPart, Refused
from oddwire.traffic.sources.logs.netflow.local_times import local_times
from oddwire.traffic.sources.logs.parsing.columns import (
    LOG_SCHEMA,
    IntArray,
    connections,
    refused_line,
    seconds_between,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.delimited import Form, first_line, parse
from oddwire.traffic.sources.logs.parsing.json_lines import column, decoded, times
from oddwire.traffic.sources.logs.parsing.lines import LONGEST_LINE, Block
from oddwire.traffic.sources.logs.protocols import WITH_PORTS, protocol

# The columns of nfdump 1.6's CSV, of 1.7's, and of its `csv-fast`, which have none in common.
_KINDS: tuple[dict[str, str], ...] = (
    {
        "ts": "ts", "td": "duration", "sa": "src_ip", "da": "dst_ip", "sp": "src_port",
        "dp": "dst_port", "pr": "proto", "ipkt": "src_packets", "ibyt": "src_bytes",
        "opkt": "dst_packets", "obyt": "dst_bytes",
    },
    {
        "firstSeen": "ts", "duration": "duration", "proto": "proto", "srcAddr": "src_ip",
        "srcPort": "src_port", "dstAddr": "dst_ip", "dstPort": "dst_port",
        "packets": "src_packets", "bytes": "src_bytes",
    },
    {
        "firstSeen": "first", "lastSeen": "last", "proto": "proto", "srcAddr": "src_ip",
        "srcPort": "src_port", "dstAddr": "dst_ip", "dstPort": "dst_port",
        "packets": "src_packets", "bytes": "src_bytes",
    },
)  # fmt: skip
_NUMBERS = {
    "duration": pa.float64(),
    **dict.fromkeys(("first", "last"), pa.int64()),
    **dict.fromkeys(("src_bytes", "dst_bytes", "src_packets", "dst_packets"), pa.int64()),
}
_SPREAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\[|\{\s*?\n)")
_RECORD = re.compile(rb'\{(?:[^{}"]|"(?:[^"\\\n]|\\.)*+")*+\}')
_HEADER = re.compile(
    rb"(?m)^((?:ts,te,td|firstSeen,(?:duration|lastSeen)|cnt,af,firstSeen),[^\r\n]*)\r?(?:\n|\Z)"
)
# Below the rows stand the sums of all: three lines.
_SUMS = re.compile(
    rb"(?m)^(?:Summary\r?|flows,bytes,packets[^\r\n]*\r?|[0-9]+(?:,[0-9.]+){2,5}\r?)$"
)


def read(blocks: Iterable[Block], *, origin: str, zone: str = "UTC") -> Iterator[LogPart]:
    """Read the records of a file.

    Parameters
    ----------
    blocks
        The lines of a file, from its header on.
    origin
        What to call the file in an error.
    zone
        The zone of times that name none.

    Raises
    ------
    DataError
        If the file is in none of nfdump's forms.
    """
    every = iter(blocks)
    begin = next(every, Block(1, b""))
    if is_spread(begin.data):
        yield from _read_spread(begin, every, zone)
    elif _HEADER.match(begin.data) is None and re.search(rb"(?m)^\s*\{", begin.data):
        for block in chain([begin], every):
            records, lines, refused = decoded(block, _DECODER)
            yield _part(records, lines, block.line, (*too_long(block), *refused), zone)
    else:
        yield from _read_csv(begin, every, zone, origin)


def is_spread(head: bytes) -> bool:
    """Tell whether a file is of JSON that is not a record in each line."""
    return _SPREAD.match(head) is not None


def last_header(data: bytes) -> bytes:
    """Return the last header among some lines, as a line; empty where there is none."""
    found = None
    for found in _HEADER.finditer(data):  # noqa: B007 - the last one counts
        pass
    return b"" if found is None else found[1] + b"\n"


def _read_csv(begin: Block, rest: Iterator[Block], zone: str, origin: str) -> Iterator[LogPart]:
    form = None
    for given in chain([begin], rest):
        if given.too_long:
            yield LogPart(LOG_SCHEMA.empty_table(), too_long(given))
        for block, header in _below_headers(given):
            form = _form(header, origin) if header else form
            if form is None:
                raise _unknown_header(first_line(block)[1], origin)
            rows = parse(block, form)
            columns, reasons = _columns(rows.columns, zone)
            part = connections(columns, rows.lines, rows.block.line, reasons=reasons | rows.reasons)
            yield with_refused(part, rows.refused)


def _below_headers(block: Block) -> Iterator[tuple[Block, str]]:
    """Part a block at its headers: files put together have several, and sums in between."""
    data = _SUMS.sub(lambda found: b"\n" * found[0].count(b"\n"), block.data)
    begin, header = 0, ""
    for found in _HEADER.finditer(data):
        if found.start() > begin or header:
            first = block.first + data.count(b"\n", 0, begin)
            yield Block(first, data[begin : found.start()]), header
        begin, header = found.end(), found[1].decode("utf-8", "backslashreplace")
    first = block.first + data.count(b"\n", 0, begin)
    yield Block(first, data[begin:], cut=block.cut), header


def _form(header: str, origin: str) -> Form:
    names = [name.strip() for name in header.split(",")]
    for kind in _KINDS:
        if set(kind) <= set(names):
            wanted = {names.index(theirs): ours for theirs, ours in kind.items()}
            return Form(wanted, width=len(names), numbers=_NUMBERS)
    raise _unknown_header(header, origin)


def _unknown_header(header: str, origin: str) -> DataError:
    return DataError(
        f"{origin}: the header is none of nfdump's (csv of 1.6 or 1.7, csv-fast),"
        f" got {header[:200]!r}"
    )


def _columns(
    given: Mapping[str, pa.Array], zone: str
) -> tuple[dict[str, pa.Array], dict[int, str]]:
    columns = dict(given)
    reasons: dict[int, str] = {}
    if "first" in columns:  # milliseconds since 1970
        first, last = columns.pop("first"), columns.pop("last")
        columns["ts"], reasons = times(first.to_pylist())
        end, late = times(last.to_pylist(), "lastSeen")
        columns["duration"] = seconds_between(columns["ts"], end)
        reasons = late | reasons
    else:
        columns["ts"], reasons = local_times(given["ts"], zone)
    protocols = [protocol(name) for name in given["proto"].to_pylist()]
    columns["proto"] = pa.array(protocols, pa.string())
    has_ports = pa.array([name in WITH_PORTS for name in protocols], pa.bool_())
    for name in ("src_port", "dst_port"):  # of ICMP they are its type and code
        columns[name] = pc.if_else(has_ports, given[name], pa.scalar(None, given[name].type))
    for name in ("dst_bytes", "dst_packets"):
        if name in columns:
            columns[name] = _not_zero(columns[name])
    return columns, reasons


def _not_zero(values: pa.Array) -> pa.Array:
    zero = pc.equal(pc.cast(values, pa.string()), "0")
    return pc.if_else(zero, pa.scalar(None, values.type), values)


class _Record(msgspec.Struct, gc=False):
    first: str | None = None
    last: str | None = None
    proto: int | str | None = None
    src4_addr: str | None = None
    src6_addr: str | None = None
    dst4_addr: str | None = None
    dst6_addr: str | None = None
    src_port: int | None = None
    dst_port: int | None = None
    in_packets: int | None = None
    in_bytes: int | None = None
    out_packets: int | None = None
    out_bytes: int | None = None


_DECODER = msgspec.json.Decoder(_Record)


def _read_spread(begin: Block, rest: Iterator[Block], zone: str) -> Iterator[LogPart]:
    """Read records in one array, or each over many lines."""
    block: Block | None = begin
    held = b""
    first = begin.first
    while block is not None:
        data = held + block.data
        following = next(rest, None)
        end = len(data) if following is None else data.rfind(b"}") + 1
        if len(data) - end > LONGEST_LINE:  # no record is that long
            end = len(data)
        part = Block(first, data[:end], block.too_long, block.cut)
        yield _spread_part(part, zone)
        first += data.count(b"\n", 0, end)
        held, block = data[end:], following


def _spread_part(block: Block, zone: str) -> LogPart:
    records: list[_Record] = []
    lines: list[int] = []
    texts: dict[int, bytes] = {}
    refused: list[Refused] = []
    line, at = block.first, 0
    for found in _RECORD.finditer(block.data):
        line += _between(block.data[at : found.start()], line, refused)
        try:
            records.append(_DECODER.decode(found[0]))
            lines.append(line)
            texts[line] = found[0]
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            refused.append(refused_line(line, str(error).replace("`", "'"), found[0]))
        line, at = line + found[0].count(b"\n"), found.end()
    _between(block.data[at:], line, refused)
    return _part(records, np.array(lines), texts.__getitem__, refused, zone)


def _part(
    records: list[_Record],
    lines: IntArray,
    text_of: Callable[[int], bytes],
    refused: Sequence[Refused],
    zone: str,
) -> LogPart:
    if not records:
        return LogPart(LOG_SCHEMA.empty_table(), tuple(refused))
    columns, reasons = _columns(_of_records(records, zone), zone)
    return with_refused(connections(columns, lines, text_of, reasons=reasons), refused)


def _between(data: bytes, line: int, refused: list[Refused]) -> int:
    """Refuse what stands between records and belongs to no array; return its line ends."""
    if stray := data.strip(b"[], \t\r\n"):
        ahead = data[: data.find(stray)].count(b"\n")
        refused.append(refused_line(line + ahead, "it is no record", stray))
    return data.count(b"\n")


def _of_records(records: list[_Record], zone: str) -> dict[str, pa.Array]:
    start, _ = local_times(column([one.first for one in records]), zone)
    end, _ = local_times(column([one.last for one in records]), zone)
    return {
        "ts": column([one.first for one in records]),
        "duration": seconds_between(start, end),
        "proto": column([one.proto for one in records]),
        "src_ip": column([one.src4_addr or one.src6_addr for one in records]),
        "dst_ip": column([one.dst4_addr or one.dst6_addr for one in records]),
        "src_port": column([one.src_port for one in records]),
        "dst_port": column([one.dst_port for one in records]),
        "src_packets": column([one.in_packets for one in records]),
        "src_bytes": column([one.in_bytes for one in records]),
        "dst_packets": column([one.out_packets for one in records]),
        "dst_bytes": column([one.out_bytes for one in records]),
    }
