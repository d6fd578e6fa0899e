"""The picture of the maps: rows as points, coloured by class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from oddwire.exploration.pictures.canvas import COLOURS, Picture, figure_for, note
from oddwire.exploration.projections import Maps
from oddwire.exploration.sample import classes_of

_CROWDED = 500  # rows from which points are drawn smaller


def draw_maps(statistics: dict[str, Any], rows: pd.DataFrame, maps: Maps | str) -> Picture:
    """Draw the map of principal components beside that of t-SNE.

    Parameters
    ----------
    maps
        Their places, or why there are none.
    """
    if isinstance(maps, str):
        figure = figure_for(7.5, 2.4, statistics, "maps")
        return Picture("maps", f"No map: {maps}.", f"No map: {maps}.", note(figure, maps))
    figure = figure_for(10.5, 5.2, statistics, f"maps of {len(rows):,} rows")
    pca, tsne = figure.subplots(1, 2)
    colours = np.full(len(rows), COLOURS["unlabelled"], dtype=object)
    for name, chosen in classes_of(rows).items():
        colours[chosen] = COLOURS[name]
        # An empty series carries the legend: the rows themselves are drawn in no order of class.
        pca.scatter([], [], color=COLOURS[name], label=f"{name} ({chosen.sum():,})")
    _points(pca, maps.principal, colours, "principal components")
    _points(tsne, maps.neighbours, colours, "t-SNE")
    first, second = (f"{100 * share:.0f} % of the variance" for share in maps.explained)
    pca.set_xlabel(f"first component: {first}", fontsize=9)
    pca.set_ylabel(f"second component: {second}", fontsize=9)
    tsne.set_xticks([])
    tsne.set_yticks([])
    figure.legend(loc="outside upper right", ncols=3, fontsize=9)
    return Picture(
        "maps",
        "Scatter of the first two principal components, and of t-SNE, coloured by class.",
        f"{len(rows):,} of {sum(statistics['rows'].values()):,} rows, attacks at most half of them"
        " where others are enough. In t-SNE neighbours are alike; the distance between groups means"
        " nothing.",
        figure,
    )


def _points(axes: Axes, places: Any, colours: Any, title: str) -> None:
    order = np.random.default_rng(0).permutation(len(places))
    size = 6 if len(places) > _CROWDED else 14
    x, y = places[order].T
    axes.scatter(x, y, s=size, c=list(colours[order]), alpha=0.6, linewidths=0)
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
