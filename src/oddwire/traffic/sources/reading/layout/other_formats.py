"""What people take for a table: named, where read as CSV it would fail somewhere in the middle."""

from __future__ import annotations

import re
from pathlib import Path

from oddwire.errors import DataError
from oddwire.traffic.sources.logs.captures import is_capture

UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PACKED = {
    b"PK\x03\x04": "a ZIP archive", b"BZh": "packed by bzip2", b"\xfd7zXZ\0": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd", b"7z\xbc\xaf": "a 7z archive",
    b"\x04\x22\x4d\x18": "packed by lz4", b"Rar!\x1a": "a RAR archive",
}  # fmt: skip
_OTHERS = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook", b"SQLite format 3": "an SQLite database",
    b"ARROW1\0\0": "an Arrow (Feather) file", b"Obj\x01": "an Avro file",
    b"\x89HDF": "an HDF5 file", b"%PDF": "a PDF", b"\x80\x04\x95": "a pickle",
}  # fmt: skip
_MARKUP = re.compile(rb"<(!doctype|html|\?xml|table)", re.IGNORECASE)
_JSON = re.compile(rb'\{\s*("|\}|$)|\[\s*([{\[]|$)')  # and not names in brackets, as of SQL
# Bytes that no text holds: control characters other than tab, line ends, form feed and escape.
_NO_TEXT = bytes(sorted(set(range(32)) - {9, 10, 12, 13, 27}))


def refuse_other_formats(file: Path, sample: bytes) -> bytes:
    """Return the first line that is not empty.

    Parameters
    ----------
    sample
        The beginning of the file.

    Raises
    ------
    DataError
        If the file is empty, no text, packed by something else than gzip, or of a known format that
        is no table.
    """
    if not sample.removeprefix(UTF8_BOM).strip():
        raise DataError(f"{file} is empty")
    if (fault := _by_first_bytes(sample)) is not None:
        raise DataError(f"{file} is {fault}")
    if sample.translate(None, _NO_TEXT) != sample:
        raise DataError(f"{file} is neither CSV nor Parquet: it holds bytes that are not text")
    line = next(line for line in sample.splitlines() if line.strip())
    if (fault := _by_first_line(line.removeprefix(UTF8_BOM).lstrip())) is not None:
        raise DataError(f"{file} is {fault}")
    return line


def _by_first_bytes(sample: bytes) -> str | None:
    for start, what in _PACKED.items():
        if sample.startswith(start):
            return f"{what}: unpack it first, or pack it by gzip"
    for start, what in _OTHERS.items():
        if sample.startswith(start):
            return f"{what}: export it as CSV or Parquet first"
    if is_capture(sample):
        return "a capture of packets, which `format: pcap` reads"
    return "UTF-16 text; save it as UTF-8" if sample.startswith(_UTF16_BOMS) else None


def _by_first_line(first: bytes) -> str | None:
    if first.startswith((b"#separator", b"#fields")):
        return "a Zeek log, which `format: zeek` reads"
    if _MARKUP.match(first):
        return "HTML or XML: export it as CSV or Parquet first"
    if _JSON.match(first):
        return (
            "JSON: `oddwire sources add` finds the format of a log; write other tables as CSV or"
            " Parquet"
        )
    return None
