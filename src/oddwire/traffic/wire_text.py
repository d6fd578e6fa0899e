"""Text from the wire on pictures and in reports."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import PurePath

_LONGEST_PATH = 200
_LONGEST_NAME = 128  # letters; a host name has up to 253, of which these tell it from others
_HASH = 8


def printable(text: str, longest: int | None = None) -> str:
    """Return text as one line without control characters, shortened if it is too long."""
    if longest is not None and len(text) > longest:
        text = f"{text[: longest - 1]}…"
    if text.isprintable():  # nearly all is, and letter by letter takes ten times as long
        return text
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def short_name(text: str) -> str | None:
    r"""Return a name as one short printable line, None where it is blank.

    What is cut or replaced gets a hash of the whole, so that two names stay two names: an attacker
    who may choose a name must not be able to pass for another host with it.

    Examples
    --------
    >>> short_name("10.0.0.5"), short_name("a\x1b[2J"), short_name("  ")
    ('10.0.0.5', 'a�[2J~3f365b4b', None)
    >>> len(short_name("x" * 1_000_000))
    137
    """
    shown = printable(text, _LONGEST_NAME)
    if shown != text:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{shown}~{digest[:_HASH]}"
    return shown if shown.strip() else None


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
