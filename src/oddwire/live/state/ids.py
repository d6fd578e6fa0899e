"""Ids that follow from what they name: seen again, a thing gets the id that it had."""

from __future__ import annotations

import hashlib
import struct

_BYTES = 16


def deterministic_id(kind: str, *parts: str | float | bytes) -> str:
    """Return an id of 32 hexadecimal digits that depends on nothing but its arguments.

    Parameters
    ----------
    kind
        What is named, such as ``alert``: things of two kinds never share an id.
    parts
        What tells this one from all others of its kind. Of an alert: its source, the values of its
        connection as its log has them, and how many equal connections came before it. No model, no
        score and no time of this machine, or a replay would say everything a second time.

    Examples
    --------
    >>> deterministic_id("alert", "office", "CHhAvVGS1DHFjwGM9", 0)
    'eed285a0b1700053ac8f1c0685d524c9'
    """
    digest = hashlib.blake2b(digest_size=_BYTES)
    for part in (kind, *parts):
        tagged = _tagged(part)
        # With its length before it, ("ab", "c") is not ("a", "bc").
        digest.update(len(tagged).to_bytes(8, "big") + tagged)
    return digest.hexdigest()


def _tagged(part: str | float | bytes) -> bytes:
    if isinstance(part, bytes):
        return b"b" + part
    if isinstance(part, str):
        return b"s" + part.encode("utf-8", "surrogatepass")  # names from the wire may hold any
    if isinstance(part, int):
        return b"i" + str(part).encode("ascii")
    return b"f" + struct.pack(">d", part)  # every bit: no rounding decides what is the same
