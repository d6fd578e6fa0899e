"""Markdown of the Prefect page, whatever names come from the wire."""

from __future__ import annotations

import string
from collections.abc import Sequence

from oddwire.traffic.wire_text import printable

# Every sign that CommonMark lets a backslash escape. Prefect's page does not decode entities, and
# an escaped colon or at sign keeps it from making a link of an address.
_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in string.punctuation})

_LONGEST = 1000


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is, a long one cut: names may come from the wire."""
    plain = printable(" ".join(text[:_LONGEST].split()))
    return plain.translate(_SPECIAL) + ("…" if len(text) > _LONGEST else "")


def figure(value: object) -> str:
    """Return a figure as a table shows it."""
    if value is None:
        return "undefined"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its cells must be escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
