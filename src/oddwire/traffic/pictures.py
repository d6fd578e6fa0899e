"""Pictures of a source: classes, telling features, correlations, missing values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from oddwire.traffic.exploring import most_telling, rank_correlation
from oddwire.traffic.labels import plain_label
from oddwire.traffic.schema import LABEL

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from matplotlib.axes import Axes

    from oddwire.traffic.schema import FeatureSchema

# Told apart by the colour-blind too (Paul Tol's bright scheme).
COLOURS = {"benign": "#4477aa", "attack": "#ee6677", "unlabelled": "#bbbbbb"}
MOST_PANELS = 9
MOST_FAMILIES = 25
MOST_CORRELATED = 40
MOST_MISSING = 30
_BINS = 40
_WIDE = 100.0  # ratio of the upper quantiles from which an axis is logarithmic


def draw(
    statistics: dict[str, Any], rows: pd.DataFrame, schema: FeatureSchema, folder: Path
) -> None:
    """Write the PNG pictures of a source into a folder.

    Parameters
    ----------
    statistics
        From `exploring.describe`, with the name of the source under ``source``.
    rows
        The rows looked at.
    schema
        Their features.
    folder
        Where to write ``classes.png``, ``distributions.png``, ``correlation.png`` and
        ``missing.png``.
    """
    pictures = {
        "classes": draw_classes(statistics),
        "distributions": draw_distributions(statistics, rows),
        "correlation": draw_correlation(statistics, rows, schema),
        "missing": draw_missing(statistics),
    }
    for name, figure in pictures.items():
        FigureCanvasAgg(figure)
        # Without the drawing library's version in it, the same picture is the same bytes.
        figure.savefig(folder / f"{name}.png", dpi=110, metadata={"Software": None})


def draw_classes(statistics: dict[str, Any]) -> Figure:
    """Draw how many rows there are of each class, and of each attack family."""
    families = list(statistics["families"].items())[:MOST_FAMILIES]
    height = max(2.6, 1.2 + 0.26 * len(families))
    figure = _figure(9.5 if families else 5.0, height, statistics, "rows")
    ratios = {"width_ratios": [1.0, 1.6]} if families else {}
    panels = figure.subplots(1, 2 if families else 1, squeeze=False, gridspec_kw=ratios)[0]
    classes = {name: n for name, n in statistics["rows"].items() if n}
    _bars(panels[0], classes, [COLOURS[name] for name in classes])
    panels[0].set_xticks([])
    panels[0].set_xlabel("rows, without the test part")
    if families:
        _bars(panels[1], dict(families), [COLOURS["attack"]] * len(families))
        panels[1].set_xscale("log")
        panels[1].set_xlim(left=0.7, right=3 * families[0][1])
        panels[1].set_xlabel("rows of each attack family")
    return figure


def draw_distributions(statistics: dict[str, Any], rows: pd.DataFrame) -> Figure:
    """Draw the most telling numeric features, benign rows against attacks."""
    names = most_telling(statistics, most=MOST_PANELS)
    figure = _figure(10.5, 1.0 + 2.5 * max(1, -(-len(names) // 3)), statistics, "telling features")
    if not names:
        return _note(figure, "no numeric feature varies")
    panels = figure.subplots(-(-len(names) // 3), 3, squeeze=False).ravel()
    attack = rows[LABEL].eq(1).fillna(value=False).to_numpy(dtype=bool)
    for axes, name in zip(panels, names, strict=False):
        values = rows[name].to_numpy(dtype=np.float64)
        _histograms(axes, {"benign": values[~attack], "attack": values[attack]})
        told = statistics["numeric"][name]["separation"]
        label = plain_label(name)
        axes.set_title(label if told is None else f"{label}  ({told:.2f})", fontsize=9)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    if attack.any():
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2)
    figure.supylabel("share of the rows of a class", fontsize=9)
    figure.supxlabel("in brackets: how far the feature alone separates, 0 to 1", fontsize=8)
    return figure


def draw_correlation(
    statistics: dict[str, Any], rows: pd.DataFrame, schema: FeatureSchema
) -> Figure:
    """Draw the rank correlation of numeric features, those that go together side by side."""
    names = list(schema.numeric)
    if len(names) > MOST_CORRELATED:
        chosen = set(_varied(statistics, MOST_CORRELATED))
        names = [name for name in names if name in chosen]
    table = rank_correlation(rows[names].astype(np.float64))
    side = max(4.0, 2.2 + 0.2 * len(table))
    figure = _figure(side + 1.0, side, statistics, "rank correlation")
    if len(table) < 2:  # noqa: PLR2004 - one feature correlates with nothing
        return _note(figure, "fewer than two numeric features vary")
    order = _grouped(np.nan_to_num(table.to_numpy(copy=True)))
    labels = [plain_label(table.columns[at]) for at in order]
    axes = figure.subplots()
    image = axes.imshow(table.to_numpy()[np.ix_(order, order)], cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.spines[:].set_visible(False)
    figure.colorbar(image, shrink=0.6, label="Spearman's correlation")
    return figure


def draw_missing(statistics: dict[str, Any]) -> Figure:
    """Draw which features have missing or infinite values, and in what share of the rows."""
    rows = sum(statistics["looked_at"].values())
    gaps = {
        name: (about["missing"] / rows, about.get("infinite", 0) / rows)
        for kind in ("numeric", "categorical")
        for name, about in statistics[kind].items()
    }
    worst = sorted((name for name in gaps if sum(gaps[name])), key=lambda name: -sum(gaps[name]))
    shown = worst[:MOST_MISSING]
    figure = _figure(7.5, max(2.4, 1.3 + 0.24 * len(shown)), statistics, "missing values")
    if not shown:
        return _note(figure, "no value is missing or infinite")
    axes = figure.subplots()
    missing, infinite = np.array([gaps[name] for name in shown]).T
    names = [plain_label(name) for name in shown]
    axes.barh(names, missing, color=COLOURS["unlabelled"], label="missing")
    axes.barh(names, infinite, left=missing, color=COLOURS["attack"], label="infinite")
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlim(0, min(1.0, 1.2 * float((missing + infinite).max())))
    more = (
        f" ({len(worst) - len(shown)} more features not shown)" if len(worst) > len(shown) else ""
    )
    axes.set_xlabel(f"share of {rows:,} rows{more}")
    figure.legend(loc="outside upper right", ncols=2, fontsize=8)
    return figure


def _figure(width: float, height: float, statistics: dict[str, Any], what: str) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(f"{statistics['source']}: {what}", fontsize=11, x=0.01, ha="left")
    return figure


def _note(figure: Figure, text: str) -> Figure:
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color="#666666")
    return figure


def _bars(axes: Axes, counts: dict[str, int], colours: list[str]) -> None:
    names = [plain_label(name) for name in counts]
    drawn = axes.barh(names, list(counts.values()), color=colours)
    axes.bar_label(drawn, [f"{n:,}" for n in counts.values()], padding=3, fontsize=8)
    axes.margins(x=0.25)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _histograms(axes: Axes, classes: dict[str, np.ndarray[Any, Any]]) -> None:
    finite = {name: values[np.isfinite(values)] for name, values in classes.items()}
    everything = np.concatenate(list(finite.values()))
    low, high = float(everything.min()), float(everything.max())
    if _is_wide(everything):
        edges = np.concatenate([[0.0], np.geomspace(_smallest(everything), high, _BINS)])
        axes.set_xscale("symlog", linthresh=_smallest(everything))
    else:
        edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for name, values in finite.items():
        if len(values):
            shares = np.histogram(values, edges)[0] / len(values)
            axes.stairs(shares, edges, fill=True, alpha=0.35, color=COLOURS[name], label=name)
            axes.stairs(shares, edges, linewidth=1.2, color=COLOURS[name])
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _is_wide(values: np.ndarray[Any, Any]) -> bool:
    """Say whether values that are never negative span orders of magnitude."""
    positive = values[values > 0]
    if values.min() < 0 or not len(positive):
        return False
    return bool(values.max() > _WIDE * np.median(positive)) or bool(
        np.median(positive) > _WIDE * positive.min()
    )


def _smallest(values: np.ndarray[Any, Any]) -> float:
    """Return where a logarithmic axis begins: at most nine decades below the largest value."""
    return float(max(values[values > 0].min(), values.max() * 1e-9))


def _varied(statistics: dict[str, Any], most: int) -> list[str]:
    numeric = statistics["numeric"]
    return sorted(
        numeric,
        key=lambda name: (-(numeric[name]["separation"] or 0.0), -numeric[name]["distinct"]),
    )[:most]


def _grouped(correlation: np.ndarray[Any, Any]) -> list[int]:
    """Order features so that those that go together stand side by side."""
    from scipy.cluster.hierarchy import average, leaves_list
    from scipy.spatial.distance import squareform

    distance = 1 - np.abs(correlation)
    np.fill_diagonal(distance, 0)
    return [int(at) for at in leaves_list(average(squareform(distance, checks=False)))]
