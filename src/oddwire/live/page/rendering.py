"""Templates: whatever a value holds, it becomes text of a page and nothing else.

Escaping is on, and every value that is put in is made printable first: no control characters, no
turning of the direction in which a line is read, nothing of no width.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddwire.live.alerts import words as shared
from oddwire.live.alerts.formats.feature_words import (
    against_benign,
    feature_in_words,
    value_in_words,
)
from oddwire.live.page.texts import commands, words
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.responses import Response

_TEMPLATES = Path(__file__).with_name("templates")
_LONGEST = 4000  # letters of any one value, a sentence for instance


def rendered(name: str, status: int = 200, **values: Any) -> Response:
    """Return a page.

    Parameters
    ----------
    name
        Of the template, without its ending.
    status
        The answer's status code.
    values
        What the template shows.
    """
    from starlette.responses import HTMLResponse

    page = _environment().get_template(f"{name}.html").render(values)
    return HTMLResponse(page.encode("utf-8"), status)


@cache
def style() -> str:
    """Return the style sheet."""
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_harmless,
    )  # fmt: skip
    environment.filters |= {
        "cell": _cell, "moment": shared.moment, "until": words.until, "local": words.local,
        "utc": shared.utc, "rarity": shared.rarity, "counted": shared.counted,
        "where": shared.where, "end_of": shared.end_of, "size": words.size,
        "against_benign": against_benign, "percent": percent,
        "feature_in_words": feature_in_words, "value_in_words": value_in_words,
        "start_line": commands.start_line,
    }  # fmt: skip
    return environment


def _harmless(value: Any) -> Any:
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    return printable(value, _LONGEST) if isinstance(value, str) else value


def _cell(text: str | None, longest: int = words.LONGEST) -> str:
    """Return a text as a cell of a table holds it: cut where it is long."""
    return shared.UNKNOWN if text is None else printable(text, longest)
