"""Markdown of the Prefect page, whatever names come from the wire."""

from __future__ import annotations

from collections.abc import Sequence

_SPECIAL = str.maketrans({letter: f"&#{ord(letter)};" for letter in "\\`*_{}[]()#+-.!|<>&\"'~"})


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is: names may come from the wire."""
    return " ".join(text.split()).translate(_SPECIAL)


def figure(value: object) -> str:
    """Return a figure as a table shows it."""
    if value is None:
        return "undefined"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; its cells must be escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
