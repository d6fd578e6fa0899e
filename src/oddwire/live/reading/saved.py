"""The bytes of a position: of each input that a source ever had, its follower's and its logs'.

Of a source with thousands of files nearly all logs are closed, and are the same in each position:
they are compressed once.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from oddwire.errors import DataError
from oddwire.live.following import Position

_FORM = b"oddwire position 1\n"
_SIZE = struct.Struct(">I")

# An input's name → a key of its position or of a log → what the follower and what the reader says.
_Plain = dict[str, dict[str, tuple[Any, Any]]]


@dataclass
class Saved:
    """Where an input was read to.

    Parameters
    ----------
    position
        The follower's; None where it is to begin.
    logs
        What is known of its logs, by their keys.
    """

    position: Position | None = None
    logs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Positions:
    """Writes the positions of an input, one after the other.

    Parameters
    ----------
    name
        What the input is called.
    others
        Where other inputs of the source were read to: kept with each position.
    """

    def __init__(self, name: str, others: Mapping[str, Saved]) -> None:
        self._name = name
        self._others: _Plain = {other: _together(saved) for other, saved in others.items()}
        self._settled: frozenset[str] | None = None
        self._packed = b""

    def to_bytes(self, saved: Saved, moved: Iterable[str]) -> bytes:
        """Return the next position.

        Parameters
        ----------
        moved
            The keys that differ from those of the position before.
        """
        position = saved.position or {}
        changed = [key for key in moved if _is_settled(position.get(key))]
        if self._settled is None or changed or not self._settled.isdisjoint(moved):
            self._settled = frozenset(key for key in position if _is_settled(position[key]))
            kept = _together(saved, self._settled)
            self._packed = _packed({**self._others, self._name: kept}, 6)
        every = {*position, *saved.logs} - self._settled
        rest = _packed({self._name: _together(saved, every)}, 1)
        return _FORM + _SIZE.pack(len(self._packed)) + self._packed + rest


def from_bytes(data: bytes) -> dict[str, Saved]:
    """Return the position of each input; nothing of no bytes.

    Raises
    ------
    DataError
        If it is no position, or one of another version.
    """
    if not data:
        return {}
    try:
        content = data.removeprefix(_FORM)
        (size,) = _SIZE.unpack_from(content)
        end = _SIZE.size + size
        kept, rest = (
            json.loads(zlib.decompress(part)) for part in (content[_SIZE.size : end], content[end:])
        )
        names = {**kept, **rest}
        return {name: _apart(kept.get(name, {}) | rest.get(name, {})) for name in names}
    except (ValueError, TypeError, AttributeError, struct.error, zlib.error):
        raise DataError(
            "the saved position is damaged, or of another version of oddwire: begin anew with"
            " another store of alerts (ODDWIRE_ALERTS_STORE)"
        ) from None


def _is_settled(value: Mapping[str, Any] | None) -> bool:
    return value is not None and bool(value.get("closed"))


def _together(saved: Saved, keys: Iterable[str] | None = None) -> dict[str, tuple[Any, Any]]:
    position = saved.position or {}
    wanted = {*position, *saved.logs} if keys is None else keys
    return {key: (position.get(key), saved.logs.get(key)) for key in wanted}


def _apart(plain: Mapping[str, tuple[Any, Any]]) -> Saved:
    position = {key: one for key, (one, _) in plain.items() if one is not None}
    logs = {key: one for key, (_, one) in plain.items() if one is not None}
    return Saved(position or None, logs)


def _packed(plain: _Plain, level: int) -> bytes:
    return zlib.compress(json.dumps(plain, separators=(",", ":")).encode(), level)
