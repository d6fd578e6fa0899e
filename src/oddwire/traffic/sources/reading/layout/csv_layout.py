"""How a CSV file is written: its separator, encoding and header, found out from its beginning."""

from __future__ import annotations

import csv
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from oddwire.errors import DataError
from oddwire.traffic.sources.conventions import SEPARATORS
from oddwire.traffic.sources.reading.layout.header import refuse_values_as_names
from oddwire.traffic.sources.reading.layout.opening import (
    GZIP,
    damage_named,
    first_bytes,
    open_bytes,
    open_text,
)
from oddwire.traffic.sources.reading.layout.other_formats import UTF8_BOM, refuse_other_formats

MOST_OF_A_ROW = 1 << 20  # bytes: what pyarrow reads at once
_SAMPLE_BYTES = 1 << 16
_SAMPLE_ROWS = 50
_SEPARATOR_LINE = re.compile(rb'"?sep=(.)"?\s*', re.IGNORECASE)  # as Excel writes and reads it


@dataclass(frozen=True)
class CsvLayout:
    """How a CSV file is written.

    Parameters
    ----------
    separator, encoding, zipped
        What divides the values of a row, and how to open the file.
    header_lines
        How many lines come before the first row.
    header
        The names as they stand there; none where the file has no header.
    """

    separator: str
    encoding: str
    zipped: bool
    header_lines: int
    header: tuple[str, ...] = ()

    def rows(self, file: Path) -> Iterator[tuple[int, list[str]]]:
        """Yield for each row below the header its first line and values, blank lines left out.

        Slow next to `pyarrow`: it serves the wording of errors.
        """
        with open_text(file, encoding=self.encoding, zipped=self.zipped) as lines:
            for _ in range(self.header_lines):
                lines.readline()
            csv.field_size_limit(MOST_OF_A_ROW)
            reader = csv.reader(lines, delimiter=self.separator)
            before = 0
            for values in reader:
                if values:
                    yield self.header_lines + before + 1, values
                before = reader.line_num


def csv_layout(
    file: Path, names: Sequence[str] | None, optional: int
) -> tuple[CsvLayout, list[str]]:
    """Find out how a CSV file is written, and its columns' names.

    Parameters
    ----------
    names, optional
        As of `read_raw`.

    Raises
    ------
    DataError
        If the file is none, or its first row holds values where names belong.
    """
    zipped = first_bytes(file).startswith(GZIP)
    layout, first = _sniff(file, zipped=zipped)
    if names is not None:
        layout = replace(layout, header_lines=0, header=())
        return layout, list(names[: max(len(first), len(names) - optional)])
    # A column without a name is called as pandas calls it.
    columns = [name.strip() or f"Unnamed: {at}" for at, name in enumerate(first)]
    refuse_values_as_names(file, columns, _sample_rows(file, layout))
    return layout, columns


def _sniff(file: Path, *, zipped: bool) -> tuple[CsvLayout, list[str]]:
    with damage_named(file), open_bytes(file, zipped=zipped) as stream:
        sample = stream.read(_SAMPLE_BYTES)
    first = refuse_other_formats(file, sample)
    said = _SEPARATOR_LINE.fullmatch(first.removeprefix(UTF8_BOM).strip(b" \r\n"))
    if said is None:
        return _read_first(file, _separator(file, sample, first), zipped=zipped)
    skipped = sample[: sample.index(first)].count(b"\n") + 1
    return _read_first(file, said[1].decode("latin-1"), zipped=zipped, skipped=skipped)


def _separator(file: Path, sample: bytes, line: bytes) -> str:
    """Choose the separator that divides the first line most often, quoted parts left out."""
    bare = b"".join(line.split(b'"')[::2]).decode("latin-1")  # which reads any bytes
    best = max(SEPARATORS, key=bare.count)  # the first of equals: the comma
    if best in bare:
        return best
    return " " if _divided_by_spaces(file, sample) else ","


def _divided_by_spaces(file: Path, sample: bytes) -> bool:
    """Whether single spaces divide all lines alike; refuse those that runs of spaces divide."""
    text = sample.removeprefix(UTF8_BOM).decode("latin-1")
    whole = text[: text.rfind("\n") + 1] if len(sample) == _SAMPLE_BYTES else text
    lines = [line.strip(" ") for line in whole.splitlines() if line.strip()][:_SAMPLE_ROWS]
    if len(lines) > 1:
        by_one = list(csv.reader(lines, delimiter=" "))
        if len({len(values) for values in by_one}) == 1 < len(by_one[0]) and all(map(all, by_one)):
            return True
        by_any = {len(line.split()) for line in lines}
        if len(by_any) == 1 and by_any != {1}:
            raise DataError(
                f"{file} is divided by runs of spaces: write it with one comma between values"
            )
    return False


def _read_first(
    file: Path, separator: str, *, zipped: bool, skipped: int = 0
) -> tuple[CsvLayout, list[str]]:
    for encoding in ("utf-8-sig", "latin-1"):
        try:
            with open_text(file, encoding=encoding, zipped=zipped) as lines:
                for _ in range(skipped):
                    lines.readline()
                reader = csv.reader(lines, delimiter=separator)
                first = next((values for values in reader if any(map(str.strip, values))), [])
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise DataError(f"{file} has no readable header: {error}") from None
        before = skipped + reader.line_num
        return CsvLayout(separator, "utf-8-sig", zipped, before, tuple(first)), first
    raise DataError(f"{file} is not text")


def _sample_rows(file: Path, layout: CsvLayout) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for _, values in replace(layout, encoding="latin-1").rows(file):
            rows.append(values)
            if len(rows) == _SAMPLE_ROWS:
                break
    except (csv.Error, EOFError, OSError, zlib.error):
        pass  # whatever is wrong with the rows is said when they are read
    return rows


def csv_options(
    layout: CsvLayout, columns: int, chosen: Collection[int] | None = None
) -> dict[str, Any]:
    """Return pyarrow's options: so many columns of text, of which those at some places are read."""
    names = [str(at) for at in range(columns)]
    encoding = "utf8" if layout.encoding.startswith("utf-8") else layout.encoding
    return {
        "read_options": pa.csv.ReadOptions(
            column_names=names, skip_rows=layout.header_lines, encoding=encoding
        ),
        "parse_options": pa.csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=None if chosen is None else [names[at] for at in chosen],
        ),
    }
