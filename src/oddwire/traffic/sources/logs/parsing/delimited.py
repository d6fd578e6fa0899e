"""Lines of values with a separator between them, nothing quoted → columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv

from oddwire.traffic.sources.logs import Refused
from oddwire.traffic.sources.logs.parsing.columns import IntArray, refused_line
from oddwire.traffic.sources.logs.parsing.lines import Block

# Columns that are read as numbers at once, and as text where that fails.
NUMBERS = {
    **dict.fromkeys(("ts", "duration"), pa.float64()),
    **dict.fromkeys(("src_port", "dst_port"), pa.int32()),
    **dict.fromkeys(("src_bytes", "dst_bytes", "src_packets", "dst_packets"), pa.int64()),
}


@dataclass(frozen=True)
class Form:
    """How lines are to be read.

    Parameters
    ----------
    names
        The columns to read: the place of each in a line, and its name.
    width
        How many values a line has.
    separator
        One character.
    nothing
        Values that mean that there is none.
    numbers
        The columns that are numbers, and of what kind.
    ended
        Whether the writer ends every line, so that a last one without its end was cut off.
    header
        The line with the columns' names: where it comes again, it is no row.
    quoted
        Whether values may stand in quotes. A quote that is not closed in its line refuses the
        line: a stray one would swallow those that follow.
    """

    names: Mapping[int, str]
    width: int
    separator: str = ","
    nothing: tuple[str, ...] = ()
    numbers: Mapping[str, pa.DataType] | None = None
    ended: bool = False
    quoted: bool = False
    header: bytes = b""


@dataclass(frozen=True)
class Rows:
    """Columns of a block's lines.

    Parameters
    ----------
    columns
        Arrays of length n: numbers, or text.
    lines
        The number of each row's line, shape (n,).
    block
        The lines as they were read.
    reasons
        By a row's place, why it is refused already.
    refused
        Lines with another number of values.
    """

    columns: dict[str, pa.Array]
    lines: IntArray
    block: Block
    reasons: dict[int, str]
    refused: tuple[Refused, ...]


def first_line(block: Block) -> tuple[Block, str]:
    """Take off the first line of a block."""
    line, _, rest = block.data.partition(b"\n")
    text = line.rstrip(b"\r").decode("utf-8", "backslashreplace")
    return replace(block, first=block.first + 1, data=rest), text


def parse(block: Block, form: Form) -> Rows:
    """Read the columns of a block of lines; blank lines are no rows."""
    # Of no line at all the parser makes an error, of a blank one nothing.
    block = replace(block, data=_without(form.header, _readable(block.data)) or b"\n")
    refused: list[Refused] = []
    if form.quoted and b'"' in block.data:
        block, refused = _without_open_quotes(block)
    numbers = NUMBERS if form.numbers is None else form.numbers
    try:
        table, wrong = _table(block.data, form, numbers)
    except pa.ArrowInvalid:  # a value that is no number; which one is found among texts
        table, wrong = _table(block.data, form, {})
    lines = np.arange(block.first, block.first + table.num_rows + len(wrong))
    if wrong:
        lines = np.delete(lines, list(wrong))
        texts = block.data.split(b"\n")
        for at, got in wrong.items():
            if texts[at].strip():
                reason = f"{form.width} values are needed, got {got}"
                refused.append(refused_line(block.first + at, reason, texts[at]))
    if blank := _blank_lines(block.data):  # of which the parser makes rows of nothing
        keep = ~np.isin(lines - block.first, blank)
        table, lines = table.filter(pa.array(keep)), lines[keep]
    columns = {
        name: table.column(at).combine_chunks() for at, name in enumerate(form.names.values())
    }
    reasons = {}
    # What was cut off may be a part of the last value alone: of a column that is read, it counts.
    cut_off = not block.data.endswith(b"\n") and (form.ended or block.cut is not None)
    if cut_off and form.width - 1 in form.names and len(lines):
        reasons[len(lines) - 1] = "the file ends in mid-line"
    return Rows(columns, lines, block, reasons, tuple(refused))


def _without(header: bytes, data: bytes) -> bytes:
    if not header or header not in data:
        return data
    return b"\n".join(b"" if line == header else line for line in data.split(b"\n"))


def _without_open_quotes(block: Block) -> tuple[Block, list[Refused]]:
    lines = block.data.split(b"\n")
    refused = []
    for at, line in enumerate(lines):
        if line.count(b'"') % 2:
            refused.append(refused_line(block.first + at, "a quote is not closed", line))
            lines[at] = b""
    return replace(block, data=b"\n".join(lines)), refused


def _blank_lines(data: bytes) -> list[int]:
    if not data.startswith(b"\n") and b"\n\n" not in data:
        return []
    return [at for at, line in enumerate(data.split(b"\n")) if not line]


def _readable(data: bytes) -> bytes:
    """Return lines that a parser of UTF-8 takes, in which bytes that are none are escaped."""
    if b"\r" in data:  # inside a line: the parser would take it for a line's end
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\\x0d")
    # The parser's sign for "no quotes" is a NUL: of one in a line it loses values.
    data = data.replace(b"\0", b"\\x00")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace").encode()
    return data


def _table(
    data: bytes, form: Form, numbers: Mapping[str, pa.DataType]
) -> tuple[pa.Table, dict[int, int]]:
    """Return the columns, and for each line with another number of values that number."""
    wrong: dict[int, int] = {}

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        wrong[row.number - 1] = row.actual_columns
        return "skip"

    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(
            use_threads=False,
            block_size=len(data) + 1,
            column_names=[str(at) for at in range(form.width)],
        ),
        parse_options=pyarrow.csv.ParseOptions(
            delimiter=form.separator,
            quote_char='"' if form.quoted else False,
            double_quote=form.quoted,
            escape_char=False,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=pyarrow.csv.ConvertOptions(
            check_utf8=False,
            include_columns=[str(at) for at in form.names],
            column_types={
                str(at): numbers.get(name, pa.string()) for at, name in form.names.items()
            },
            null_values=[*form.nothing, ""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )
    return table, wrong
