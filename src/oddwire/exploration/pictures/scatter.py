"""Pictures of the maps: rows as points, coloured by label and by anomaly score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.exploration.pictures.canvas import COLOURS, Picture, figure_for, note
from oddwire.exploration.sample import classes_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from oddwire.exploration.projections import Maps

    Matrix = NDArray[np.float64]
    Vector = NDArray[np.float64]

_CROWDED = 500  # rows from which points are drawn smaller


def draw_maps(
    statistics: dict[str, Any],
    rows: pd.DataFrame,
    maps: Maps | str,
    scores: Vector | None,
) -> list[Picture]:
    """Draw the map of principal components and that of t-SNE.

    Parameters
    ----------
    statistics
        With the name of the source under ``source``.
    rows
        The rows on the map.
    maps
        Their places, or why there are none.
    scores
        Their anomaly scores, shape (rows,), or None.
    """
    of = sum(statistics["rows"].values())
    said = f"{len(rows):,} of {of:,} rows, attacks at most half of them where others are enough."
    if isinstance(maps, str):
        empty = [("pca", "principal components"), ("tsne", "t-SNE")]
        return [
            Picture(name, f"No map: {maps}.", f"No map: {maps}.",
                    note(figure_for(7.5, 2.4, statistics, title), maps))
            for name, title in empty
        ]  # fmt: skip
    pca = figure_for(10.5, 5.0, statistics, f"principal components of {len(rows):,} rows")
    for axes in _pair(pca, maps.principal, rows, scores):
        first, second = (f"{share:.0%} of the variance" for share in maps.explained)
        axes.set_xlabel(f"first component: {first}", fontsize=9)
        axes.set_ylabel(f"second component: {second}", fontsize=9)
    tsne = figure_for(10.5, 5.0, statistics, f"t-SNE of {len(rows):,} rows")
    for axes in _pair(tsne, maps.neighbours, rows, scores):
        axes.set_xticks([])
        axes.set_yticks([])
    coloured = "by class on the left" + (
        "" if scores is None else ", by anomaly score on the right"
    )
    return [
        Picture("pca", f"Scatter of the first two principal components, coloured {coloured}.",
                said, pca),
        Picture("tsne", f"Scatter of t-SNE, coloured {coloured}.",
                f"{said} Neighbours are alike; the distance between groups means nothing.", tsne),
    ]  # fmt: skip


def _pair(figure: Figure, places: Matrix, rows: pd.DataFrame, scores: Vector | None) -> list[Axes]:
    size = 6 if len(rows) > _CROWDED else 14
    if scores is None:
        by_label = figure.subplots()
        _by_label(by_label, places, rows, size)
        return [by_label]
    by_label, by_score = figure.subplots(1, 2, sharex=True, sharey=True)
    _by_label(by_label, places, rows, size)
    _by_score(figure, by_score, places, scores, size)
    return [by_label, by_score]


def _by_label(axes: Axes, places: Matrix, rows: pd.DataFrame, size: float) -> None:
    classes = classes_of(rows)
    colours = np.full(len(rows), COLOURS["unlabelled"], dtype=object)
    for name, chosen in classes.items():
        colours[chosen] = COLOURS[name]
        # An empty series carries the legend: the rows themselves are drawn in no order of class.
        axes.scatter([], [], color=COLOURS[name], label=f"{name} ({chosen.sum():,})")
    order = np.random.default_rng(0).permutation(len(rows))
    axes.scatter(
        places[order, 0], places[order, 1], s=size, c=list(colours[order]), alpha=0.6, linewidths=0
    )
    axes.legend(fontsize=8, loc="best", framealpha=0.8)
    axes.set_title("by class", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)


def _by_score(figure: Figure, axes: Axes, places: Matrix, scores: Vector, size: float) -> None:
    from scipy.stats import rankdata

    share = (rankdata(scores) - 0.5) / len(scores)  # ranks: a few large scores would hide the rest
    order = np.argsort(share, kind="stable")  # the oddest on top
    first, second = places[order].T
    points = axes.scatter(
        first, second, s=size, c=share[order], cmap="viridis", vmin=0, vmax=1, alpha=0.8,
        linewidths=0,
    )  # fmt: skip
    axes.set_title("by anomaly score", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.colorbar(points, ax=axes, shrink=0.8, label="share of these rows that score lower")
