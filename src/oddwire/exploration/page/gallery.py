"""Every picture of a source, and the page that holds them all, in one folder."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg

from oddwire.exploration.page.html_page import render
from oddwire.exploration.pictures.distributions import (
    draw_alone,
    draw_categories,
    draw_distributions,
)
from oddwire.exploration.pictures.overview import draw_classes, draw_correlation, draw_missing
from oddwire.exploration.pictures.scatter import draw_maps

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from oddwire.exploration.pictures.canvas import Picture
    from oddwire.exploration.projections import Maps
    from oddwire.traffic.schema import FeatureSchema

PAGE = "index.html"
STATISTICS = "statistics.json"


def draw_all(
    statistics: dict[str, Any],
    looked_at: pd.DataFrame,
    schema: FeatureSchema,
    *,
    on_map: pd.DataFrame,
    maps: Maps | str,
    scores: NDArray[np.float64] | None,
) -> list[Picture]:
    """Draw every picture of a source.

    Parameters
    ----------
    statistics
        From `statistics.describe`, with the name of the source under ``source``.
    looked_at
        The rows they are of.
    schema
        The features.
    on_map
        The rows on the maps.
    maps
        Their places, or why there are none.
    scores
        Their anomaly scores, shape (rows on the maps,), or None.
    """
    return [
        draw_classes(statistics),
        draw_alone(statistics),
        draw_distributions(statistics, looked_at),
        *([draw_categories(statistics)] if schema.categorical else []),
        *draw_maps(statistics, on_map, maps, scores),
        draw_correlation(statistics, looked_at, schema),
        draw_missing(statistics),
    ]


def write(statistics: dict[str, Any], pictures: list[Picture], folder: Path) -> None:
    """Write ``statistics.json``, a PNG per picture, and the page ``index.html``."""
    files = {one.name: _png(one.figure) for one in pictures}
    for name, content in files.items():
        (folder / f"{name}.png").write_bytes(content)
    text = json.dumps(statistics, indent=2, allow_nan=False) + "\n"
    (folder / STATISTICS).write_text(text, encoding="utf-8")
    (folder / PAGE).write_text(render(statistics, pictures, files), encoding="utf-8")


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    content = io.BytesIO()
    # Without the drawing library's version in it, the same picture is the same bytes.
    figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    return content.getvalue()
