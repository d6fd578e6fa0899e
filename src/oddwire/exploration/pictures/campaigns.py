"""When the campaigns of each attack family ran, and how large they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.exploration.pictures.canvas import COLOURS, Picture, figure_for, left_out, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_FAMILIES = 40
_LARGEST = 130.0  # area of the dot of the largest campaign, in square points
_SMALLEST = 5.0


def draw_campaigns(statistics: dict[str, Any]) -> Picture:
    """Draw a line per campaign, those of a family beside one another, its dot as large as it is."""
    about = statistics["campaigns"]
    families = list(about["families"])[:MOST_FAMILIES]
    table = pd.DataFrame([each for each in about["campaigns"] if each["family"] in set(families)])
    figure = figure_for(9.0, max(2.4, 1.2 + 0.42 * len(families)), statistics, "campaigns")
    axes = figure.subplots()
    begin, end = (_moments(table[name]) for name in ("begin", "end"))
    places = np.array([families.index(family) for family in table["family"]], dtype=np.float64)
    places += _spread(table["family"])
    size = table["rows"].to_numpy(dtype=np.float64)
    axes.hlines(places, begin, end, color=COLOURS["attack"], linewidth=1.2)
    axes.scatter(begin, places, s=_SMALLEST + _LARGEST * size / size.max(), alpha=0.6,
                 color=COLOURS["attack"], linewidth=0)  # fmt: skip
    names = [f"{name_of(name)} ({about['families'][name]['campaigns']:,})" for name in families]
    axes.set_yticks(range(len(families)), names, fontsize=8)
    axes.set_ylim(len(families) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    _date(axes)
    return Picture(
        "campaigns",
        f"When {len(table):,} campaigns of {len(families)} attack families ran.",
        "A dot where a campaign begins, its area by its rows, and a line to its end."
        + left_out(len(table), about["count"], "campaigns"),
        figure,
    )


def _date(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axes.set_xlabel("UTC")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call] # matplotlib's
    axes.xaxis.set_major_locator(locator)
    shown = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call] # matplotlib's
    axes.xaxis.set_major_formatter(shown)  # whole dates would be written over one another


def _moments(texts: pd.Series[Any]) -> Any:
    moments = pd.to_datetime(texts, utc=True, format="ISO8601")
    return moments.dt.tz_localize(None).to_numpy()


def _spread(families: pd.Series[Any]) -> Any:
    """Return how far above or below its family's line each campaign stands, in turn."""
    turn = families.groupby(families).cumcount().to_numpy()
    return (turn % 3 - 1) * 0.22
