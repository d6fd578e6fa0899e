"""Opening files of rows, packed or not; damage is named in one line."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from oddwire.errors import DataError
from oddwire.params.values.paths import file_fault
from oddwire.traffic.sources.conventions import PARQUET
from oddwire.traffic.wire_text import shown_path

GZIP = b"\x1f\x8b"


def is_parquet(file: Path) -> bool:
    """Return whether a file is Parquet by its first bytes.

    Raises
    ------
    DataError
        If it is missing, empty, or no file that ends.
    """
    return first_bytes(file).startswith(PARQUET)


def first_bytes(file: Path) -> bytes:
    """Return the first few bytes of a file, which tell what it is.

    Raises
    ------
    DataError
        If it is missing, empty, or no file that ends.
    """
    if (fault := file_fault(file)) is not None:
        raise DataError(f"{shown_path(file)} {fault}")
    with damage_named(file), file.open("rb") as stream:
        start = stream.read(len(PARQUET))
    if not start:
        raise DataError(f"{file} is empty")
    return start


@contextmanager
def damage_named(file: Path) -> Iterator[None]:
    """Turn an error of the system or of unpacking into one line that names the file.

    Raises
    ------
    DataError
        In its place.
    """
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{file} does not exist") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or one_line(error)
        raise DataError(f"{file} cannot be read: {reason}") from None


def one_line(error: Exception) -> str:
    """Return an error's words without line ends, cut if long."""
    return " ".join(str(error).split())[:200]


def open_bytes(file: Path, *, zipped: bool) -> Any:
    """Open a file for `pyarrow`, unpacked."""
    stream = pa.OSFile(os.fsencode(file), "rb")  # of a name that is no text either
    return pa.CompressedInputStream(stream, "gzip") if zipped else stream


def open_text(file: Path, *, encoding: str, zipped: bool) -> TextIO:
    """Open a file for Python's own reader of CSV, unpacked."""
    if not zipped:
        return file.open(encoding=encoding, newline="")
    return io.TextIOWrapper(gzip.open(file), encoding=encoding, newline="")
