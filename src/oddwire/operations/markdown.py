"""Markdown of the Prefect and MLflow pages, whatever names come from the wire.

The pages render differently: Prefect's shows entities as they are, MLflow's takes a backslash
before an angle bracket for text and leaves the bracket a bracket.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

from oddwire.traffic.wire_text import printable

Escape = Callable[[str], str]

# Every sign that CommonMark lets a backslash escape: an escaped colon or at sign keeps a page from
# making a link of an address.
_BACKSLASHES = str.maketrans({sign: f"\\{sign}" for sign in string.punctuation})
_ENTITIES = str.maketrans({sign: f"&#{ord(sign)};" for sign in string.punctuation})
_LONGEST = 1000


def escaped(text: str) -> str:
    """Return text that Prefect's page shows as it is, on one line, a long one cut."""
    return _plain(text).translate(_BACKSLASHES)


def escaped_for_mlflow(text: str) -> str:
    """Return text that MLflow's page shows as it is, on one line, a long one cut."""
    return _plain(text).translate(_ENTITIES)


def _plain(text: str) -> str:
    plain = printable(" ".join(text[:_LONGEST].split()))
    return plain + ("…" if len(text) > _LONGEST else "")


def link(text: str, address: str) -> str:
    """Return a link; both must be our own words: a page may show what escapes them."""
    return f"[{text}]({address})"


def figure(value: object) -> str:
    """Return a figure as a table shows it."""
    if value is None:
        return "undefined"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its cells must be escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
