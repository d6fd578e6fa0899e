"""Pictures of a source as a whole: classes, correlations, missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.exploration.pictures.canvas import (
    COLOURS,
    Picture,
    figure_for,
    left_out,
    name_of,
    named_bars,
    note,
)
from oddwire.exploration.statistics import rank_correlation

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from oddwire.traffic.schema import FeatureSchema

MOST_FAMILIES = 25
MOST_CORRELATED = 40
MOST_MISSING = 30


def draw_classes(statistics: dict[str, Any]) -> Picture:
    """Draw how many rows there are of each class, and of each attack family."""
    families = dict(list(statistics["families"].items())[:MOST_FAMILIES])
    height = max(2.6, 1.2 + 0.26 * len(families))
    figure = figure_for(9.5 if families else 5.0, height, statistics, "rows")
    ratios = {"width_ratios": [1.0, 1.6]} if families else {}
    panels = figure.subplots(1, 2 if families else 1, squeeze=False, gridspec_kw=ratios)[0]
    classes = {name: n for name, n in statistics["rows"].items() if n}
    named_bars(panels[0], list(classes), list(classes.values()), height=0.6,
               texts=_counted(classes), color=[COLOURS[name] for name in classes])  # fmt: skip
    panels[0].margins(x=0.25)
    panels[0].set_ylim(max(len(classes), len(families)) - 0.4, -0.6)  # bars as thick as the others
    panels[0].set_xticks([])
    panels[0].set_xlabel("rows, without the test part")
    if families:
        counts = list(families.values())
        named_bars(panels[1], list(families), counts, texts=_counted(families),
                   color=COLOURS["attack"])  # fmt: skip
        panels[1].set_xscale("log")
        panels[1].set_xlim(left=0.7, right=4 * counts[0])
        panels[1].set_xlabel("rows of each attack family")
    said = ", ".join(f"{n:,} {name}" for name, n in classes.items())
    more = left_out(len(families), len(statistics["families"]), "attack families")
    return Picture(
        "classes",
        f"Bars of the rows of each class: {said}.",
        f"Rows before the test part.{more}",
        figure,
    )


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{n:,}" for n in counts.values()]


def draw_correlation(
    statistics: dict[str, Any], rows: pd.DataFrame, schema: FeatureSchema
) -> Picture:
    """Draw the rank correlation of numeric features, those that go together side by side."""
    varying = [name for name in schema.numeric if name not in statistics["constant"]]
    chosen = set(_varied(statistics, varying)[:MOST_CORRELATED])
    names = [name for name in varying if name in chosen]
    table = rank_correlation(rows[names].astype(np.float64))
    side = max(4.0, 2.2 + 0.2 * len(table))
    figure = figure_for(side + 1.0, side, statistics, "rank correlation")
    if len(table) < 2:  # noqa: PLR2004 - one feature correlates with nothing
        note(figure, "fewer than two numeric features vary")
    else:
        _heat_map(figure, table)
    more = left_out(len(table), len(varying), "numeric features that vary")
    return Picture(
        "correlation",
        f"Heat map of the rank correlation of {len(table)} numeric features.",
        "Spearman's rank correlation, over the rows where both features are known; features that go"
        f" together stand side by side.{more}",
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


def draw_missing(statistics: dict[str, Any]) -> Picture:
    """Draw which features have missing or infinite values, and in what share of the rows."""
    rows = sum(statistics["looked_at"].values())
    gaps = {
        name: (about["missing"] / rows, about.get("infinite", 0) / rows)
        for kind in ("numeric", "categorical")
        for name, about in statistics[kind].items()
    }
    worst = sorted((name for name in gaps if sum(gaps[name])), key=lambda name: -sum(gaps[name]))
    shown = worst[:MOST_MISSING]
    figure = figure_for(7.5, max(2.4, 1.3 + 0.24 * len(shown)), statistics, "missing values")
    if not shown:
        note(figure, "no value is missing or infinite")
    else:
        axes = figure.subplots()
        missing, infinite = np.array([gaps[name] for name in shown]).T
        axes.barh(range(len(shown)), missing, color=COLOURS["unlabelled"], label="missing")
        named_bars(axes, shown, infinite, left=missing, color=COLOURS["attack"], label="infinite",
                   texts=[f"{share:.1%}" for share in missing + infinite])  # fmt: skip
        axes.set_xlim(0, 1.2 * float((missing + infinite).max()))
        axes.set_xlabel(f"share of {rows:,} rows")
        figure.legend(loc="outside upper right", ncols=2, fontsize=8)
    return Picture(
        "missing",
        f"Bars of the share of missing and infinite values: {len(worst)} features have any.",
        "Share of the rows looked at, the most first."
        + left_out(len(shown), len(worst), "features with missing or infinite values"),
        figure,
    )


def _varied(statistics: dict[str, Any], names: list[str]) -> list[str]:
    numeric = statistics["numeric"]
    return sorted(
        names, key=lambda name: (-(numeric[name]["auc"] or 0.0), -numeric[name]["distinct"])
    )


def _grouped(correlation: NDArray[np.float64]) -> list[int]:
    """Order features so that those that go together stand side by side."""
    from scipy.cluster.hierarchy import average, leaves_list
    from scipy.spatial.distance import squareform

    distance = 1 - np.abs(correlation)
    np.fill_diagonal(distance, 0)
    return [int(at) for at in leaves_list(average(squareform(distance, checks=False)))]
