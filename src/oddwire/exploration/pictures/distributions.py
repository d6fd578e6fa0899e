"""Pictures of features: how each is spread among benign rows and attacks, and what it tells."""

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
from oddwire.exploration.sample import classes_of, column_of
from oddwire.exploration.statistics import most_telling

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

MOST_PANELS = 9
MOST_BARS = 20
MOST_CATEGORIES = 8
_BINS = 40
_MOST_TICKS = 6
_WIDE = 100.0  # ratio of the upper quantiles from which an axis is logarithmic


def draw_distributions(statistics: dict[str, Any], rows: pd.DataFrame) -> Picture:
    """Draw the most telling numeric features, benign rows against attacks."""
    names = most_telling(statistics, most=MOST_PANELS)
    figure = figure_for(10.5, 1.0 + 2.5 * max(1, -(-len(names) // 3)), statistics, "numbers")
    classes = classes_of(rows)
    for axes, name in _panels(figure, statistics, "numeric", names):
        values = column_of(rows, name)
        _histograms(axes, {kind: values[chosen] for kind, chosen in classes.items()})
    if names:
        figure.supylabel("share of the rows of a class", fontsize=9)
        _class_legend(figure, list(classes))
    return Picture(
        "distributions",
        f"Histograms of {len(names)} numeric features, {' against '.join(classes)} rows.",
        f"{_order(statistics)} Of features that are alike one is shown."
        + left_out(len(names), len(statistics["numeric"]), "numeric features"),
        figure,
    )


def draw_categories(statistics: dict[str, Any]) -> Picture:
    """Draw the most telling categorical features, benign rows against attacks."""
    names = most_telling(statistics, most=MOST_PANELS, kind="categorical")
    figure = figure_for(10.5, 1.0 + 2.7 * max(1, -(-len(names) // 3)), statistics, "categories")
    classes = [name for name, n in statistics["looked_at"].items() if n]
    for axes, name in _panels(figure, statistics, "categorical", names):
        _category_bars(axes, statistics["categorical"][name], classes)
    if names:
        figure.supxlabel("share of the rows of a class", fontsize=9)
        _class_legend(figure, classes)
    return Picture(
        "categories",
        f"Bars of the categories of {len(names)} features, {' against '.join(classes)} rows.",
        f"{_order(statistics)} At most {MOST_CATEGORIES} categories each, the most frequent."
        + left_out(len(names), len(statistics["categorical"]), "categorical features"),
        figure,
    )


def draw_alone(statistics: dict[str, Any]) -> Picture:
    """Draw how well single features tell attacks from benign rows."""
    features = statistics["numeric"] | statistics["categorical"]
    told = {name: about["auc"] for name, about in features.items() if about["auc"] is not None}
    best = sorted(told, key=lambda name: -told[name])[:MOST_BARS]
    figure = figure_for(7.5, max(2.4, 1.3 + 0.24 * len(best)), statistics, "single features")
    if best:
        axes = figure.subplots()
        named_bars(axes, best, [told[name] - 0.5 for name in best], left=0.5,
                   texts=[f"{told[name]:.3f}" for name in best], color="#228833")  # fmt: skip
        axes.set_xlim(0.5, 1.07)
        axes.set_xlabel("ROC AUC of the feature alone: 0.5 tells nothing, 1 tells all")
    else:
        note(figure, "too few rows of a known label of each class")
    return Picture(
        "alone",
        f"Bars of the ROC AUC of {len(best)} single features.",
        "The larger of the value's own ROC AUC and that of the share of attacks by band of values"
        " or by category, learnt on other rows." + left_out(len(best), len(told), "features"),
        figure,
    )


def _order(statistics: dict[str, Any]) -> str:
    features = statistics["numeric"] | statistics["categorical"]
    if any(about["auc"] is not None for about in features.values()):
        return "Those first that tell most alone; the ROC AUC stands in brackets."
    return "Those first that have the most values."


def _panels(
    figure: Figure, statistics: dict[str, Any], kind: str, names: list[str]
) -> list[tuple[Axes, str]]:
    """Lay out one panel per feature, three abreast, and title it."""
    if not names:
        note(figure, f"no {kind} feature varies")
        return []
    panels = figure.subplots(-(-len(names) // 3), 3, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        told = statistics[kind][name]["auc"]
        axes.set_title(name_of(name) + ("" if told is None else f"  ({told:.2f})"), fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    return list(zip(panels, names, strict=False))


def _class_legend(figure: Figure, classes: list[str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=COLOURS[name], label=name) for name in classes]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(classes), fontsize=9)


def _histograms(axes: Axes, classes: dict[str, Vector]) -> None:
    finite = {name: values[np.isfinite(values)] for name, values in classes.items()}
    everything = np.concatenate(list(finite.values()))
    if not everything.size:
        axes.text(0.5, 0.5, "no finite value", ha="center", transform=axes.transAxes)
        return
    low, high = float(everything.min()), float(everything.max())
    if _is_wide(everything):
        edges = np.concatenate([[0.0], np.geomspace(_smallest(everything), high, _BINS)])
        _use_orders_of_magnitude(axes, _smallest(everything), high)
    else:
        edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for name, values in finite.items():
        if len(values):
            shares = np.histogram(values, edges)[0] / len(values)
            axes.stairs(shares, edges, fill=True, alpha=0.35, color=COLOURS[name])
            axes.stairs(shares, edges, linewidth=1.2, color=COLOURS[name])


def _use_orders_of_magnitude(axes: Axes, smallest: float, largest: float) -> None:
    axes.set_xscale("symlog", linthresh=smallest)
    first, last = np.floor(np.log10(smallest)) + 1, np.floor(np.log10(largest))
    step = max(1, int(-(-(last - first + 1) // _MOST_TICKS)))
    axes.set_xticks([0.0, *10.0 ** np.arange(first, last + 1, step)])
    axes.set_xticks([], minor=True)


def _is_wide(values: Vector) -> bool:
    """Say whether values that are never negative span orders of magnitude."""
    positive = values[values > 0]
    if values.min() < 0 or not len(positive):
        return False
    return bool(values.max() > _WIDE * np.median(positive)) or bool(
        np.median(positive) > _WIDE * positive.min()
    )


def _smallest(values: Vector) -> float:
    """Return where a logarithmic axis begins: at most nine decades below the largest value."""
    return float(max(values[values > 0].min(), values.max() * 1e-9))


def _category_bars(axes: Axes, about: dict[str, Any], classes: list[str]) -> None:
    shares = {
        kind: {name: n / max(1, about[kind]["count"]) for name, n in about[kind]["top"]}
        for kind in classes
    }
    weight: dict[str, float] = {}
    for of_class in shares.values():
        for name, share in of_class.items():
            weight[name] = max(weight.get(name, 0.0), share)
    shown = sorted(weight, key=lambda name: (-weight[name], name))[:MOST_CATEGORIES]
    height = 0.8 / len(classes)
    for at, kind in enumerate(classes):
        places = np.arange(len(shown)) + (at - (len(classes) - 1) / 2) * height
        axes.barh(places, [shares[kind].get(name, 0.0) for name in shown], height=height,
                  color=COLOURS[kind])  # fmt: skip
    axes.set_yticks(range(len(shown)), [name_of(name) for name in shown], fontsize=8)
    axes.invert_yaxis()
