"""Are the p-values valid? The observed false-positive rate over the target.

A p-value is valid where a share of at most a of new benign rows has p ≤ a (Bates, Candès, Lei,
Romano & Sesia 2023). Benign test rows that are like the calibration rows give a line along the
diagonal. How far it strays by chance follows from two samples: the test rows, which are counted,
and the rows that the p-values are calibrated on. Together the count is beta-binomial (Marques 2025,
*Universal distribution of the empirical coverage in split conformal prediction*); the binomial band
alone would be too narrow unless there are far more calibration than test rows.

Alarms come in bursts, so where rows have sources or times that band is too narrow by far: each line
gets the interval of its shares by clusters instead, and the units, which people count, come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.errors import DataError
from oddwire.evaluation.metrics import known_labels
from oddwire.evaluation.plots.canvas import (
    CHANCE,
    canvas,
    name_of,
    nothing_to_draw,
    shares_in_percent,
    styles,
)
from oddwire.evaluation.uncertainty.clustered import CONFIDENCE, ClusteredCount
from oddwire.evaluation.uncertainty.intervals import chance_band
from oddwire.percent import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oddwire.evaluation.metrics import Floats, Ints

_LEVELS = 80


@dataclass(frozen=True, eq=False)
class Levels:
    """P-values of benign rows or units, shape (n,), and the cluster of each, where known.

    ``alert`` is the p-value of the threshold, where it is not the one of rows.
    """

    p_values: Floats
    clusters: Ints | None = None
    alert: float | None = None


def calibration_figure(
    detectors: Mapping[str, tuple[Any, Any]],
    *,
    clusters: Ints | None = None,
    units: Levels | None = None,
    calibration_rows: int | None = None,
    target: tuple[float, str] | None = None,
) -> Figure:
    """Draw the share of benign rows with p ≤ a over a, a line per detector.

    Parameters
    ----------
    detectors
        Labels and p-values by the detector's name, each of shape (n,); all of the same rows.
    clusters
        The number of each row's cluster, shape (n,), for an interval around each line; None draws
        the band of chance for independent rows.
    units
        Of the benign units, of the only detector; None where rows have no units.
    calibration_rows
        How many benign rows the p-values are calibrated on; None for infinitely many, which leaves
        the binomial band.
    target
        P-value of rows at the threshold, to mark, and the target in words; None for none.

    Raises
    ------
    DataError
        If a p-value lies outside [0, 1], or labels and p-values differ in length.
    """
    figure, axes = canvas("Calibration on benign test rows")
    lines = {} if units is None else {"units": units}
    lines |= {name: _benign(*rows, clusters) for name, rows in detectors.items()}
    lines = {name: each for name, each in lines.items() if len(each.p_values)}
    if not lines:
        return nothing_to_draw(figure, "no test row is labelled as benign")
    rows = max(len(each.p_values) for each in lines.values())
    levels = np.geomspace(0.2 / rows, 1, _LEVELS)
    floor = 0.5 / rows  # a share of 0 is drawn here: its logarithm is infinite
    if clusters is None:
        low, high = chance_band(levels, rows, calibration_rows)
        label = f"chance ({percent(CONFIDENCE)} band, {rows:,} benign rows)"
        _band(axes, levels, (low, high), floor, color="0.88", label=label)
    axes.plot(levels, levels, label="observed = target", **CHANCE)
    for (name, each), style in zip(lines.items(), styles(), strict=False):
        share = observed_shares(each.p_values, levels)
        axes.plot(levels, np.maximum(share, floor), label=_label(name, each, lines), **style)
        if each.alert is not None:
            found = observed_shares(each.p_values, np.array([each.alert]))[0]
            axes.plot(
                max(each.alert, levels[0]), max(found, floor), "o", color=style["color"],
                label=f"{percent(found)} of {name} alert",
            )  # fmt: skip
        if each.clusters is not None:
            ends = _intervals(each, levels)
            _band(axes, levels, ends, floor, color=style["color"], alpha=0.15, linewidth=0)
    if target is not None:
        at, words = target
        axes.axvline(at, color="0.4", linewidth=1, label=f"alerts (p of rows) for {words}")
    axes.set(xscale="log", yscale="log", xlim=(levels[0], 1), ylim=(floor, 1.3))
    axes.xaxis.set_major_formatter(shares_in_percent)
    axes.yaxis.set_major_formatter(shares_in_percent)
    axes.set_xlabel("target share of false alarms a")
    axes.set_ylabel("observed share of false alarms (with p ≤ a)")
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", fontsize="small")
    return figure


def _label(name: str, each: Levels, lines: Mapping[str, Levels]) -> str:
    """Say what a line is of; where units have one too, it is units that a detector's is not of."""
    if "units" not in lines:
        return name_of(name)
    kind = "units" if each is lines["units"] else "rows"
    by = "" if each.clusters is None else f", 95 % by {len(np.unique(each.clusters)):,} clusters"
    return f"{len(each.p_values):,} benign {kind}{by}"


def _band(
    axes: Axes, levels: Floats, ends: tuple[Floats, Floats], floor: float, **style: Any
) -> None:
    low, high = (np.maximum(end, floor) for end in ends)
    axes.fill_between(levels, low, high, **style)


def _intervals(each: Levels, levels: Floats) -> tuple[Floats, Floats]:
    """Return the interval of the share at each level, by clusters."""
    ones = np.ones(len(each.p_values))
    ends = [
        ClusteredCount.of((each.p_values <= level) * 1.0, ones, each.clusters).interval()
        for level in levels
    ]
    low, high = np.array(ends).T
    return low, high


def observed_shares(p_values: Floats, levels: Floats) -> Floats:
    """Return the share of p-values that are at most each level, of the levels' shape."""
    return np.searchsorted(np.sort(p_values), levels, side="right") / len(p_values)


def _benign(labels: Any, p_values: Any, clusters: Ints | None) -> Levels:
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError("p-values must lie between 0 and 1")
    known, attack = known_labels(labels, len(values))
    mine = None if clusters is None else clusters[known][~attack]
    return Levels(values[known][~attack], mine)
