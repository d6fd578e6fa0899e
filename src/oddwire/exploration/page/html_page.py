"""All that was found out about a source on one page: HTML that needs nothing but itself."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oddwire.exploration.findings import findings, names_in_words, rows_in_words
from oddwire.exploration.page.tables import (
    categorical_table,
    groups_table,
    numeric_table,
    suspects_table,
)
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from oddwire.exploration.pictures.canvas import Picture

_SECTIONS = {
    "findings": "Findings", "rows": "Rows", "leaks": "Leaks", "distributions": "Distributions",
    "maps": "Maps", "columns": "Columns", "together": "Correlation", "missing": "Missing values",
    "made": "How this was made",
}  # fmt: skip
_HERE = Path(__file__).parent


def render(
    statistics: dict[str, Any], pictures: Sequence[Picture], files: Mapping[str, bytes]
) -> str:
    """Return the page of a source.

    Every text from traffic is escaped, the pictures are part of the page, and a policy in its head
    keeps a browser from loading or running anything else.

    Parameters
    ----------
    statistics
        From `statistics.describe`, with ``source``, ``suspects``, ``maps`` and ``seed``.
    pictures
        Of the gallery.
    files
        The PNG of each picture, by its name.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template("page.html").render(
        source=printable(statistics["source"]),
        summary=rows_in_words(statistics),
        sections=_SECTIONS.items(),
        findings=findings(statistics),
        pictures={one.name: _embedded(one, files[one.name]) for one in pictures},
        suspects=suspects_table(statistics),
        components=list(_components(statistics)),
        tables=[
            table
            for table in (numeric_table(statistics), categorical_table(statistics))
            if table.rows
        ],
        groups=groups_table(statistics),
        made=list(_made(statistics)),
    )


def _embedded(picture: Picture, content: bytes) -> dict[str, str]:
    return {
        "data": f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}",
        "alt": printable(picture.alt),
        "caption": printable(picture.caption),
    }


def _components(statistics: dict[str, Any]) -> Iterator[str]:
    for which, names in zip(
        ("first", "second"), statistics["maps"].get("leading", ()), strict=False
    ):
        yield f"Columns that weigh most in the {which} component: {names_in_words(names)}."


def _made(statistics: dict[str, Any]) -> Iterator[str]:
    looked_at, rows = (sum(statistics[key].values()) for key in ("looked_at", "rows"))
    yield (
        "Only rows before the test part were read: whoever chooses columns by this page has not"
        " seen what the model is evaluated by."
    )
    yield (
        f"Repeats, gaps and constant columns are counted over all {rows:,} rows. All other figures"
        f" of columns are of {looked_at:,} rows, evenly spaced, attacks at most half of them where"
        " there are enough others."
    )
    if mapped := statistics["maps"].get("rows"):
        yield (
            f"Both maps show {mapped:,} of them, numbers taken as ranks and each"
            " frequent category by itself; t-SNE starts from at most 20 principal components."
            " Colours by score are those of an isolation forest with its defaults, fitted to the"
            " training part alone: a first look, and none of the models that are registered."
        )
    yield f"Seed {statistics['seed']}. All figures stand in statistics.json beside this page."
