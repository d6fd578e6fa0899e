"""The bytes of a position: of each input that a source ever had, its follower's and its logs'."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from oddwire.errors import DataError
from oddwire.live.following import Position

_FORM = b"oddwire position 1\n"


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


def to_bytes(inputs: Mapping[str, Saved]) -> bytes:
    """Return the position of all inputs of a source."""
    plain = {name: [one.position, one.logs] for name, one in inputs.items()}
    text = json.dumps(plain, separators=(",", ":"))
    return _FORM + zlib.compress(text.encode(), 1)


def from_bytes(data: bytes) -> dict[str, Saved]:
    """Return what `to_bytes` was given; nothing of no bytes.

    Raises
    ------
    DataError
        If it is no position, or one of another version.
    """
    if not data:
        return {}
    try:
        plain = json.loads(zlib.decompress(data.removeprefix(_FORM)))
        return {name: Saved(*one) for name, one in plain.items()}
    except (ValueError, TypeError, AttributeError, zlib.error):
        raise DataError(
            "the saved position is damaged, or of another version of oddwire: begin anew with"
            " another store of alerts (ODDWIRE_ALERTS_STORE)"
        ) from None
