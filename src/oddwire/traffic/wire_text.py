"""Text from the wire on pictures and in reports."""

from __future__ import annotations

from functools import cache
from pathlib import PurePath

_LONGEST_PATH = 200


def printable(text: str, longest: int | None = None) -> str:
    """Return text as one line without control characters, shortened if it is too long."""
    if longest is not None and len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def shown_path(path: PurePath | str) -> str:
    r"""Return a path as a message shows it: printable, and of a long one the end.

    Examples
    --------
    >>> shown_path("today\x1b[2J.csv")
    'today�[2J.csv'
    """
    shown = printable(str(path))
    return shown if len(shown) <= _LONGEST_PATH else f"…{shown[1 - _LONGEST_PATH :]}"


def plain_label(text: str) -> str:
    """Return text that matplotlib draws literally."""
    # Names can come from logs that an attacker wrote: a dollar would start a formula, which may not
    # parse, and a leading underscore would drop the line from the legend.
    known = _letters()
    shown = "".join(
        letter if ord(letter) in known else "\N{REPLACEMENT CHARACTER}"
        for letter in printable(text)
    )
    shown = shown.replace("\\", "\\\\").replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


@cache
def _letters() -> frozenset[int]:
    """Return the letters that matplotlib's font has; it warns of each other one that it draws."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties())).get_charmap())
