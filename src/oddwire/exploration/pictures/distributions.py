"""Pictures of features among benign rows and attacks, and how well each separates them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from oddwire.exploration.pictures.canvas import (
    COLOURS,
    Picture,
    figure_for,
    left_out,
    name_of,
    named_bars,
    note,
)
from oddwire.exploration.sample import classes_of, column_of
from oddwire.exploration.statistics import aucs, ranked

Vector = NDArray[np.float64]

MOST_PANELS = 9
MOST_BARS = 20
MOST_CATEGORIES = 8
_BINS = 40
_MOST_TICKS = 6
_FARTHEST = 1e150  # farther values are drawn here: the width of the axis would overflow
_NEAREST = 1e-150  # nearer ones are drawn at 0: the inverse of the width would
_WIDE = 100.0  # ratio of maximum or 5 % quantile to median from which an axis is logarithmic


def draw_distributions(statistics: dict[str, Any], rows: pd.DataFrame) -> Picture:
    """Draw the numeric features that separate best, benign rows against attacks."""
    names = most_separating(statistics, most=MOST_PANELS)
    classes = classes_of(rows)
    figure, panels = _panels(statistics, "numeric", names, list(classes))
    for axes, name in zip(panels, names, strict=False):
        values = column_of(rows, name)
        _histograms(axes, {kind: values[chosen] for kind, chosen in classes.items()})
        axes.set_xlabel(statistics.get("measures", {}).get(name, ""), fontsize=8)
    return Picture(
        "distributions",
        f"Histograms of {len(names)} numeric features, {' against '.join(classes)} rows.",
        f"{_order(statistics)} Of features that are alike one is shown."
        + left_out(len(names), len(statistics["numeric"]), "numeric features"),
        figure,
    )


def draw_categories(statistics: dict[str, Any]) -> Picture:
    """Draw the categorical features that separate best, benign rows against attacks."""
    names = ranked(statistics, "categorical")[:MOST_PANELS]
    classes = [name for name, n in statistics["looked_at"].items() if n]
    figure, panels = _panels(statistics, "categorical", names, classes)
    for axes, name in zip(panels, names, strict=False):
        _category_bars(axes, statistics["categorical"][name], classes)
    return Picture(
        "categories",
        f"Bars of the categories of {len(names)} features, {' against '.join(classes)} rows.",
        f"{_order(statistics)} At most {MOST_CATEGORIES} categories each, the most frequent."
        + left_out(len(names), len(statistics["categorical"]), "categorical features"),
        figure,
    )


def draw_alone(statistics: dict[str, Any]) -> Picture:
    """Draw how well single features separate attacks from benign rows."""
    auc = aucs(statistics)
    best = sorted(auc, key=lambda name: -auc[name])[:MOST_BARS]
    figure = figure_for(7.5, max(2.4, 1.3 + 0.24 * len(best)), statistics, "single features")
    axes = figure.subplots()
    named_bars(axes, best, [auc[name] - 0.5 for name in best], left=0.5,
               texts=[f"{auc[name]:.3f}" for name in best], color="#228833")  # fmt: skip
    axes.set_xlim(0.5, 1.07)
    axes.set_xlabel("ROC AUC of the feature alone: 0.5 is chance, 1 is perfect")
    return Picture(
        "alone",
        f"Bars of the ROC AUC of {len(best)} single features.",
        "The larger of the value's own ROC AUC and that of the share of attacks by band of values"
        " or by category, learned on other rows." + left_out(len(best), len(auc), "features"),
        figure,
    )


def most_separating(statistics: dict[str, Any], *, most: int) -> list[str]:
    """Name the best-ranked numeric features, only one of those that are alike."""
    alike = {frozenset((left, right)) for left, right, _ in statistics["alike"]}
    chosen: list[str] = []
    for name in ranked(statistics, "numeric"):
        if not any(frozenset((name, other)) in alike for other in chosen):
            chosen.append(name)
    return chosen[:most]


def _order(statistics: dict[str, Any]) -> str:
    if aucs(statistics):
        return "Highest ROC AUC of the feature alone first."
    return "Most distinct values first."


def _panels(
    statistics: dict[str, Any], kind: str, names: list[str], classes: list[str]
) -> tuple[Figure, list[Axes]]:
    """Lay out one titled panel per feature, three abreast, under a legend of the classes."""
    from matplotlib.patches import Patch

    lines = max(1, -(-len(names) // 3))
    figure = figure_for(10.5, 1.0 + 2.6 * lines, statistics, f"{kind} features")
    if not names:
        note(figure, f"no {kind} feature varies")
        return figure, []
    figure.supxlabel("value" if kind == "numeric" else "share of the rows of a class", fontsize=9)
    figure.supylabel("share of the rows of a class" if kind == "numeric" else "", fontsize=9)
    handles = [Patch(color=COLOURS[name], label=name) for name in classes]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(classes), fontsize=9)
    panels = list(figure.subplots(lines, 3, squeeze=False).ravel())
    for axes, name in zip(panels, names, strict=False):
        auc = statistics[kind][name]["auc"]
        axes.set_title(name_of(name) + ("" if auc is None else f" (AUC {auc:.2f})"), fontsize=9)
        shares = axes.yaxis if kind == "numeric" else axes.xaxis
        shares.set_major_formatter(lambda share, _: f"{100 * share:.3g} %")
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return figure, panels


def _histograms(axes: Axes, classes: dict[str, Vector]) -> None:
    finite = {name: _within_reach(values) for name, values in classes.items()}
    everything = np.concatenate(list(finite.values()))
    if not everything.size:
        axes.text(0.5, 0.5, "no finite value", ha="center", transform=axes.transAxes)
        return
    low, high = float(everything.min()), float(everything.max())
    positive = everything[everything > 0]
    lower, middle = np.quantile(positive, [0.05, 0.5]) if positive.size else (0.0, 0.0)
    if low >= 0 and middle and (high > _WIDE * middle or middle > _WIDE * lower):
        smallest = max(float(positive.min()), high * 1e-9)  # nine decades are enough
        edges = np.concatenate([[0.0], np.geomspace(smallest, high, _BINS)])
        decades = np.arange(np.floor(np.log10(smallest)) + 1, np.floor(np.log10(high)) + 1)
        axes.set_xscale("symlog", linthresh=smallest)
        axes.set_xticks([0.0, *10.0 ** decades[:: -(-len(decades) // _MOST_TICKS) or 1]])
        axes.set_xticks([], minor=True)
    else:
        edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
        axes.locator_params(axis="x", nbins=_MOST_TICKS)
    for name, values in finite.items():
        if len(values):
            shares = np.histogram(values, edges)[0] / len(values)
            axes.stairs(shares, edges, fill=True, alpha=0.35, color=COLOURS[name])
            axes.stairs(shares, edges, linewidth=1.2, color=COLOURS[name])


def _within_reach(values: Vector) -> Vector:
    finite = np.clip(values[np.isfinite(values)], -_FARTHEST, _FARTHEST)
    return np.where(np.abs(finite) < _NEAREST, 0.0, finite)


def _category_bars(axes: Axes, about: dict[str, Any], classes: list[str]) -> None:
    shares = pd.DataFrame({kind: dict(about[kind]["top"]) for kind in classes}, dtype=np.float64)
    shares = shares.fillna(0.0) / [max(1, about[kind]["count"]) for kind in classes]
    shown = shares.loc[shares.max(axis=1).sort_index().nlargest(MOST_CATEGORIES).index]
    shown.plot.barh(ax=axes, color=[COLOURS[kind] for kind in classes], width=0.8, legend=False)
    axes.set_yticks(range(len(shown)), [name_of(str(name)) for name in shown.index], fontsize=8)
    axes.locator_params(axis="x", nbins=_MOST_TICKS)
    axes.invert_yaxis()
