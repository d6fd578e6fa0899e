"""What people take for a table: named, where read as CSV it would fail somewhere in the middle."""

from __future__ import annotations

import re
from pathlib import Path

from oddwire.errors import DataError

UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PACKED = {
    b"PK\x03\x04": "a ZIP archive", b"BZh": "packed by bzip2", b"\xfd7zXZ\0": "packed by xz",
    b"\x28\xb5\x2f\xfd": "packed by zstd", b"7z\xbc\xaf": "a 7z archive",
}  # fmt: skip
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
        If the file is empty, no text, packed by something else than gzip, a Zeek log or JSON.
    """
    if not sample.removeprefix(UTF8_BOM).strip():
        raise DataError(f"{file} is empty")
    for start, what in _PACKED.items():
        if sample.startswith(start):
            raise DataError(f"{file} is {what}: unpack it first, or pack it by gzip")
    if sample.startswith(_UTF16_BOMS):
        raise DataError(f"{file} is UTF-16 text; save it as UTF-8")
    if sample.translate(None, _NO_TEXT) != sample:
        raise DataError(f"{file} is neither CSV nor Parquet: it holds bytes that are not text")
    line = next(line for line in sample.splitlines() if line.strip())
    first = line.removeprefix(UTF8_BOM).lstrip()
    if first.startswith((b"#separator", b"#fields")):
        raise DataError(
            f"{file} is a Zeek log: convert it to CSV first, with the names in one header line"
        )
    if _JSON.match(first):
        raise DataError(
            f"{file} is JSON: convert it to CSV or Parquet first, one row per connection"
        )
    return line
