"""The picture of which features go together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from oddwire.exploration.pictures.canvas import Picture, figure_for, left_out, name_of, note
from oddwire.exploration.statistics import rank_correlation, ranked

MOST_CORRELATED = 40


def draw_correlation(statistics: dict[str, Any], rows: pd.DataFrame) -> Picture:
    """Draw the rank correlation of numeric features, those that go together side by side."""
    varying = ranked(statistics, "numeric")
    table = rank_correlation(rows[varying[:MOST_CORRELATED]].astype(np.float64))
    side = max(4.0, 2.2 + 0.2 * len(table))
    figure = figure_for(max(7.5, side + 1.0), side, statistics, "rank correlation")
    if len(table) < 2:  # noqa: PLR2004 - one feature correlates with nothing
        note(figure, "fewer than two numeric features vary")
    else:
        _heat_map(figure, table)
    return Picture(
        "correlation",
        f"Heat map of the rank correlation of {len(table)} numeric features.",
        "Spearman's rank correlation, over the rows where both features are known; features that go"
        " together stand side by side."
        + left_out(len(table), len(varying), "numeric features that vary"),
        figure,
    )


def _heat_map(figure: Figure, table: pd.DataFrame) -> None:
    order = _grouped(np.nan_to_num(table.to_numpy(copy=True)))
    labels = [name_of(str(table.columns[at])) for at in order]
    axes = figure.subplots()
    image = axes.imshow(table.to_numpy()[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_facecolor("#dddddd")  # a pair that is never known together has no correlation
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, shrink=0.6, label="Spearman's correlation")


def _grouped(correlation: NDArray[np.float64]) -> list[int]:
    """Order features so that those that go together stand side by side."""
    from scipy.cluster.hierarchy import average, leaves_list
    from scipy.spatial.distance import squareform

    distance = 1 - np.abs(correlation)
    np.fill_diagonal(distance, 0)
    return [int(at) for at in leaves_list(average(squareform(distance, checks=False)))]
