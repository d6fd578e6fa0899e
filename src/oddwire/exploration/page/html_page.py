"""All that was found out about a source on one page: HTML that needs nothing but itself."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from oddwire.exploration.findings import (
    campaigns_in_words,
    findings,
    names_in_words,
    rows_in_words,
)
from oddwire.exploration.page.tables import (
    campaigns_table,
    families_table,
    features_table,
    suspects_table,
)
from oddwire.exploration.pictures.campaigns import draw_campaigns
from oddwire.exploration.pictures.canvas import Picture, not_drawn
from oddwire.exploration.pictures.correlation import draw_correlation
from oddwire.exploration.pictures.distributions import (
    draw_alone,
    draw_categories,
    draw_distributions,
)
from oddwire.exploration.pictures.maps import draw_maps
from oddwire.exploration.projections import Maps
from oddwire.exploration.statistics import aucs
from oddwire.traffic.wire_text import printable

_SECTIONS = {
    "findings": "Findings", "families": "Attack families", "campaigns": "Campaigns",
    "leaks": "Leaks", "distributions": "Distributions", "maps": "Maps", "columns": "Columns",
    "correlation": "Correlation", "method": "Method",
}  # fmt: skip
_DOTS_PER_INCH = 150
_HERE = Path(__file__).parent


def write_page(
    statistics: dict[str, Any],
    looked_at: pd.DataFrame,
    on_map: pd.DataFrame,
    maps: Maps | str,
    folder: Path,
) -> list[str]:
    """Write ``statistics.json``, a PNG per picture, and the page ``index.html``.

    Every text from traffic is escaped, the pictures are part of the page, and a policy in its head
    keeps a browser from loading or running anything else.

    Parameters
    ----------
    statistics
        From `statistics.describe`, with ``source``, ``suspects``, ``maps`` and ``seed``.
    looked_at
        The rows that they are of.
    on_map, maps
        The rows on the maps, and their places, or why there are none.
    folder
        An empty folder.

    Returns
    -------
    A sentence for each picture that could not be drawn; the reason stands in its place.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    pictures, failures = {}, []
    for name, draw in _pictures(statistics, looked_at, on_map, maps).items():
        try:
            picture = draw()
            content = _png(picture.figure)
        except Exception as error:  # noqa: BLE001 - no picture is worth losing the page
            picture = not_drawn(name, error, statistics)
            content = _png(picture.figure)
            failures.append(f"{name}: {picture.alt}")
        (folder / f"{name}.png").write_bytes(content)
        data = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
        pictures[name] = (data, printable(picture.alt), printable(picture.caption))
    page = environment.get_template("page.html").render(
        source=statistics["source"],
        summary=rows_in_words(statistics),
        sections={name: title for name, title in _SECTIONS.items() if statistics.get(name, True)},
        findings=findings(statistics),
        pictures=pictures,
        suspects=suspects_table(statistics) if statistics["suspects"] else "",
        components=[names_in_words(names) for names in statistics["maps"].get("leading", ())],
        tables={
            kind: features_table(statistics, kind)
            for kind in ("numeric", "categorical")
            if statistics[kind]
        },
        families=families_table(statistics) if statistics["families"] else "",
        campaigns=campaigns_table(statistics) if statistics.get("campaigns") else "",
        about_campaigns=list(campaigns_in_words(statistics)),
        method=list(_method(statistics)),
    )
    (folder / "index.html").write_text(page, encoding="utf-8")
    text = json.dumps(statistics, indent=2, allow_nan=False) + "\n"
    (folder / "statistics.json").write_text(text, encoding="utf-8")
    return failures


def _pictures(
    statistics: dict[str, Any], looked_at: pd.DataFrame, on_map: pd.DataFrame, maps: Maps | str
) -> dict[str, Callable[[], Picture]]:
    """Return how each picture is drawn that there are rows for, by its name."""
    every: dict[str, Callable[[], Picture]] = {
        "campaigns": lambda: draw_campaigns(statistics),
        "alone": lambda: draw_alone(statistics),
        "distributions": lambda: draw_distributions(statistics, looked_at),
        "categories": lambda: draw_categories(statistics),
        "maps": lambda: draw_maps(statistics, on_map, maps),
        "correlation": lambda: draw_correlation(statistics, looked_at),
    }
    campaigns = (statistics.get("campaigns") or {"campaigns": []})["campaigns"]
    left_out = {
        "campaigns": not any("begin" in each for each in campaigns),
        "alone": not aucs(statistics),
        "categories": not statistics["categorical"],
    }
    return {name: draw for name, draw in every.items() if not left_out.get(name)}


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    # Without matplotlib's version in it, the same picture is the same bytes.
    figure.savefig(content, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return content.getvalue()


def _method(statistics: dict[str, Any]) -> Iterator[str]:
    looked_at, rows = (sum(statistics[key].values()) for key in ("looked_at", "rows"))
    yield (
        "Only rows before the test part were read: choosing columns by this page does not use the"
        " rows that the model is evaluated on."
    )
    yield (
        f"Repeats, gaps and constant columns are counted over all {rows:,} rows. All other figures"
        f" of columns are of {looked_at:,} rows, evenly spaced, attacks at most half of them where"
        " there are enough others."
    )
    if mapped := statistics["maps"].get("rows"):
        yield (
            f"Both maps show {mapped:,} of them, numbers taken as ranks and each frequent category"
            " by itself; t-SNE starts from at most 20 principal components."
        )
    yield f"Seed {statistics['seed']}. All figures are in statistics.json beside this page."
