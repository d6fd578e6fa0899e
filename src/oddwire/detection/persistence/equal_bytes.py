"""Skops files that are equal to the last bit where the estimators in them are equal.

skops names the objects in a file by their addresses in memory, and a ZIP archive keeps the time at
which it was written: two files of the same estimator differ. Here objects are numbered in the order
in which the file names them, and the time is always the same.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import PurePath
from typing import Any

_SCHEMA = "schema.json"
_NO_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a ZIP archive can keep


def with_equal_bytes(content: bytes) -> bytes:
    """Rewrite a skops file so that its bytes depend on the estimator alone, and compress it."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    numbers = _Numbers()
    schema = numbers.in_place_of_addresses(json.loads(files.pop(_SCHEMA)))
    buffer = io.BytesIO()
    # The lightest compression: the schema shrinks tenfold in a few hundredths of a second.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for old, new in numbers.files.items():
            _write(archive, new, files[old])
        _write(archive, _SCHEMA, json.dumps(schema, indent=2).encode())
    return buffer.getvalue()


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _NO_TIME)
    archive.writestr(entry, content, zipfile.ZIP_DEFLATED)


class _Numbers:
    """Gives objects and files the number of their first mention."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}  # new names by old ones
        self._objects: dict[int, int] = {}
        self._mentions = 0

    def in_place_of_addresses(self, state: Any) -> Any:
        """Return a part of the schema with numbers for addresses."""
        if isinstance(state, list):
            return [self.in_place_of_addresses(part) for part in state]
        if not isinstance(state, dict):
            return state
        numbered: dict[str, Any] = {}
        for key, value in state.items():
            # What an estimator itself calls "file" is a state: neither a number nor a text.
            if key == "__id__" and isinstance(value, int):
                numbered[key] = self._object(value, state)
            elif key == "file" and isinstance(value, str):
                numbered[key] = self._file(value)
            else:
                numbered[key] = self.in_place_of_addresses(value)
        return numbered

    def _object(self, address: int, state: dict[str, Any]) -> int:
        self._mentions += 1
        if state.get("__loader__") == "JsonNode":
            # Whether equal plain values are one object in memory is chance.
            return self._mentions
        return self._objects.setdefault(address, self._mentions)

    def _file(self, name: str) -> str:
        return self.files.setdefault(name, f"{len(self.files)}{PurePath(name).suffix}")
