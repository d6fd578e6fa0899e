"""Parquet's many types of a column → the few that have a meaning here.

A dictionary, a view or large offsets are ways of storing; bytes that are text are text, as older
writers store it.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from oddwire.errors import DataError, short_repr

_NUMBERS = (
    pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal,
    pa.types.is_duration, pa.types.is_null,
)  # fmt: skip
_BYTES = (
    pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)  # fmt: skip


def plain(column: pa.ChunkedArray, name: str, file: Path) -> pa.ChunkedArray:
    """Return a column without what is only a way of storing it: text is ``string``.

    Raises
    ------
    DataError
        If it holds bytes that are no text.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], kind.storage_type)
        kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if any(fits(kind) for fits in _BYTES):
        try:
            return column.cast(pa.string())
        except pa.ArrowInvalid:
            raise DataError(
                f"{file}: column {short_repr(name)} holds bytes that are not text; list it"
                " under drop"
            ) from None
    return column


def is_number_type(kind: pa.DataType) -> bool:
    """Return whether a plain type is numbers: truth values and durations too."""
    return any(fits(kind) for fits in _NUMBERS)


def is_text_type(kind: pa.DataType) -> bool:
    """Return whether a type of a Parquet file may be text, however it is stored."""
    stored = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(
        pa.types.is_string(stored) or pa.types.is_large_string(stored)
        or pa.types.is_string_view(stored) or any(fits(stored) for fits in _BYTES)
    )  # fmt: skip
