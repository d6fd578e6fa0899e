r"""Zeek's own form of logs: columns divided by tabs, below header lines that begin with ``#``.

There is no written specification; what is honoured here is what Zeek's writer does. A header may
come again in the middle (files put together), with other columns. ``-`` is unset and ``(empty)``
empty; a value that equals one of them is escaped, so that both are looked for before ``\x..`` is
resolved. ``duration`` and the bytes of a connection without a second packet are unset, never 0.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from oddwire.errors import DataError, listed
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.sources.logs import LogPart
from oddwire.traffic.sources.logs.parsing.columns import (
    LOG_SCHEMA,
    connections,
    too_long,
    with_refused,
)
from oddwire.traffic.sources.logs.parsing.delimited import NUMBERS, Form, parse
from oddwire.traffic.sources.logs.parsing.lines import Block
from oddwire.traffic.sources.logs.zeek.fields import (
    CONNECTIONS,
    FAMILY,
    FIELDS,
    LABEL,
    plain_name,
)

_SEPARATOR = re.compile(rb"([^\s\w]{1,8})separator \S+")
_ESCAPE = re.compile(r"\\x([0-9a-fA-F]{2})")
_THREE_SPACES = "   "
_NEEDED = ("ts", "src_ip", "dst_ip")


@dataclass(frozen=True)
class Header:
    """How the lines below a header are to be read.

    Parameters
    ----------
    meta
        What header lines begin with.
    separator, unset, empty
        What stands between values, for an unset value, and for an empty one.
    fields
        The names of the columns; empty before a header has told them.
    path
        What the log is of; empty where the header does not say so.
    """

    meta: bytes = b"#"
    separator: bytes = b"\t"
    unset: bytes = b"-"
    empty: bytes = b"(empty)"
    fields: tuple[str, ...] = ()
    path: str = ""

    def after(self, line: bytes) -> Header:
        """Return the header after one more of its lines."""
        if found := _SEPARATOR.fullmatch(line):
            written = line.rpartition(b" ")[2].decode("latin-1")
            return Header(meta=found[1], separator=_unescaped(written).encode("latin-1"))
        name, _, value = line.removeprefix(self.meta).partition(self.separator)
        if name == b"unset_field":
            return replace(self, unset=value)
        if name == b"empty_field":
            return replace(self, empty=value)
        if name == b"path":
            return replace(self, path=_text(value))
        if name == b"fields":
            return replace(self, fields=self.names(value))
        return self

    def written(self) -> bytes:
        r"""Return the lines of the header, such that reading them gives it again.

        Examples
        --------
        >>> Header(fields=("ts", "uid")).written().splitlines()[-1]
        b'#fields\tts\tuid'
        """
        separator = b"".join(b"\\x%02x" % byte for byte in self.separator)
        meta = {
            b"unset_field": self.unset,
            b"empty_field": self.empty,
            b"path": self.path.encode(),
            b"fields": self.separator.join(name.encode() for name in self.fields),
        }
        lines = [self.meta + name + self.separator + value for name, value in meta.items() if value]
        return b"\n".join([self.meta + b"separator " + separator, *lines, b""])

    def names(self, line: bytes) -> tuple[str, ...]:
        """Return the names of columns that stand in a line."""
        return tuple(_text(name) for name in line.split(self.separator))


def read(
    blocks: Iterable[Block], *, origin: str, labels: LabelRule | None = None
) -> Generator[LogPart, None, Header]:
    """Read a log of connections; return the header that what follows is below.

    Parameters
    ----------
    blocks
        The lines of a file, from its first on.
    origin
        What to call the file in an error.
    labels
        How the texts of label columns are to be understood.

    Raises
    ------
    DataError
        If a header lacks a column without which a row is no connection.
    """
    rows = _rows(blocks, origin)
    while True:
        try:
            stretch, header = next(rows)
        except StopIteration as end:
            last: Header = end.value
            return last
        if stretch.too_long:
            yield LogPart(LOG_SCHEMA.empty_table(), too_long(stretch))
        if header.fields:
            yield _read_rows(stretch, header, labels or LabelRule())


def uids(blocks: Iterable[Block], *, origin: str) -> Iterator[list[bytes]]:
    """Find the uids of a log alone, as they stand there: in a twentieth of the time."""
    for stretch, header in _rows(blocks, origin):
        at = next((at for at, name in _wanted(header).items() if name == "uid"), None)
        if at is not None:
            lines = (line.split(header.separator, at + 1) for line in stretch.data.split(b"\n"))
            yield [
                values[at] for values in lines if len(values) > at and values[at] != header.unset
            ]


def _rows(blocks: Iterable[Block], origin: str) -> Generator[tuple[Block, Header], None, Header]:
    """Give the stretches of rows with the header that each is below, then the last header."""
    header = Header()
    for given in blocks:
        if given.too_long:
            yield Block(given.first, b"", given.too_long), Header()
        block = replace(given, data=given.data.replace(b"\r\n", b"\n"))
        if block.first == 1 and (found := _SEPARATOR.match(block.data)):
            header = Header(meta=found[1])
        for begin, lines, is_header in _stretches(block.data, header.meta):
            stretch = Block(block.first + begin, lines, cut=block.cut)
            if is_header:
                for line in lines.splitlines():
                    header = header.after(line)
            elif not header.fields:
                stretch, header = _bare_header(stretch, header, origin)
            if header.fields:
                _require(header, origin)
            if not is_header:
                yield stretch, header
    return header


def _stretches(data: bytes, meta: bytes) -> Iterator[tuple[int, bytes, bool]]:
    """Part lines into runs of header lines and runs of rows: first line's place, lines, which."""
    begin = at = 0
    while at < len(data):
        is_header = data.startswith(meta, at)
        end = at
        if is_header:
            while data.startswith(meta, end):
                end = data.find(b"\n", end) + 1 or len(data)
        else:
            end = data.find(b"\n" + meta, at) + 1 or len(data)
        yield begin, data[at:end], is_header
        begin, at = begin + data.count(b"\n", at, end), end


def _bare_header(block: Block, header: Header, origin: str) -> tuple[Block, Header]:
    """Take the first line as the names of the columns, where there is no header of Zeek's."""
    line, _, rest = block.data.partition(b"\n")
    names = header.names(line)
    if not {"ts", "id_orig_h"} <= set(map(plain_name, names)):
        raise DataError(
            f"{origin}, line {block.first}: a Zeek log begins with a header (#fields),"
            f" got {_text(line)[:80]!r}"
        )
    return Block(block.first + 1, rest, cut=block.cut), replace(header, fields=names)


def _require(header: Header, origin: str) -> None:
    if header.path and not header.path.startswith(CONNECTIONS):
        raise DataError(
            f"{origin}: a log of connections is needed, got one of {header.path[:80]!r}"
        )
    known = {FIELDS.get(plain_name(name)) for name in header.fields}
    for ours in _NEEDED:
        if ours not in known:
            zeeks = next(name for name, other in FIELDS.items() if other == ours)
            raise DataError(
                f"{origin}: a log of connections needs the field {zeeks!r},"
                f" got {listed(header.fields, most=30)}"
            )
    if len(header.separator) != 1:
        raise DataError(f"{origin}: #separator must be one character, got {header.separator!r}")


def _read_rows(block: Block, header: Header, labels: LabelRule) -> LogPart:
    rows = parse(block, _form(header, _wanted(header)))
    columns = {
        name: values if name in NUMBERS else _resolved(values)
        for name, values in rows.columns.items()
    }
    part = connections(
        columns | _labels(columns, labels), rows.lines, rows.block.line, reasons=rows.reasons
    )
    return with_refused(part, rows.refused)


def _form(header: Header, wanted: dict[int, str]) -> Form:
    return Form(
        names=wanted,
        width=len(header.fields),
        separator=header.separator.decode("latin-1"),
        nothing=tuple(_text(value) for value in (header.unset, header.empty)),
        ended=True,
    )


def _wanted(header: Header) -> dict[int, str]:
    """Return the columns to read: the place of each, and our name for it."""
    wanted: dict[int, str] = {}
    for at, name in enumerate(header.fields):
        plain = plain_name(name)
        # In the labelled logs of IoT-23 the last field holds three, divided by spaces.
        if _THREE_SPACES in name.strip():
            ours = name.strip()
        elif plain == LABEL or plain in FAMILY:
            ours = LABEL if plain == LABEL else FAMILY[0]
        else:
            ours = FIELDS.get(plain, "")
        if ours and ours not in wanted.values():
            wanted[at] = ours
    return wanted


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _resolved(values: pa.Array) -> pa.Array:
    """Resolve the escapes of a text column."""
    if not pc.any(pc.match_substring(values, "\\x")).as_py():
        return values
    coded = pc.dictionary_encode(values)
    plain = [_unescaped(text) for text in coded.dictionary.to_pylist()]
    return pc.take(pa.array(plain, pa.string()), coded.indices)


def _unescaped(text: str) -> str:
    r"""Resolve Zeek's escapes: bytes of UTF-8 written as ``\xNN``."""
    raw = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text.encode().decode("latin-1"))
    return raw.encode("latin-1").decode("utf-8", "backslashreplace")


def _labels(columns: dict[str, pa.Array], labels: LabelRule) -> dict[str, pa.Array]:
    together = next((name for name in columns if _THREE_SPACES in name), None)
    if together is None:
        text, family = columns.get(LABEL), columns.get(FAMILY[0])
    else:
        names = [*map(plain_name, together.split(_THREE_SPACES))]
        parts = pc.split_pattern(columns[together], _THREE_SPACES)
        text, family = (_element(parts, names, wanted) for wanted in ((LABEL,), FAMILY))
    return {} if text is None else labels.columns(text, family)


def _element(parts: pa.Array, names: list[str], wanted: tuple[str, ...]) -> pa.Array | None:
    at = next((at for at, name in enumerate(names) if name in wanted), None)
    if at is None:
        return None
    whole = pc.equal(pc.list_value_length(parts), len(names))
    filler = pa.scalar([None] * len(names), parts.type)
    return pc.list_element(pc.if_else(pc.fill_null(whole, False), parts, filler), at)
