"""Are the p-values valid? The observed false-positive rate over the target.

A p-value is valid where a share of at most a of new benign rows has p ≤ a (Bates, Candès, Lei,
Romano & Sesia 2023). Benign test rows that are like the calibration rows give a line along the
diagonal. How far it strays by chance follows from two samples: the test rows, which are counted,
and the rows that the p-values are calibrated on. Together the count is beta-binomial (Marques 2025,
*Universal distribution of the empirical coverage in split conformal prediction*); the binomial band
alone would be too narrow unless there are far more calibration than test rows.
"""

from __future__ import annotations

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
from oddwire.evaluation.uncertainty.intervals import CONFIDENCE, chance_band
from oddwire.percent import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from oddwire.evaluation.metrics import Floats

_LEVELS = 80


def calibration_figure(
    detectors: Mapping[str, tuple[Any, Any]],
    *,
    calibration_rows: int | None = None,
    target_fpr: float | None = None,
) -> Figure:
    """Draw the share of benign rows with p ≤ a over a, a line per detector, with a chance band.

    Parameters
    ----------
    detectors
        Labels and p-values by the detector's name, each of shape (n,); all of the same rows.
    calibration_rows
        How many benign rows the p-values are calibrated on; None for infinitely many, which leaves
        the binomial band.
    target_fpr
        Target false-positive rate to mark; None for none.

    Raises
    ------
    DataError
        If a p-value lies outside [0, 1], or labels and p-values differ in length.
    """
    figure, axes = canvas("Calibration on benign test rows")
    shares = {name: _benign(*rows) for name, rows in detectors.items()}
    shares = {name: p_values for name, p_values in shares.items() if len(p_values)}
    if not shares:
        return nothing_to_draw(figure, "no test row is labelled as benign")
    rows = max(len(p_values) for p_values in shares.values())
    levels = np.geomspace(0.2 / rows, 1, _LEVELS)
    floor = 0.5 / rows  # a share of 0 is drawn here: its logarithm is infinite
    low, high = chance_band(levels, rows, calibration_rows)
    band = f"chance ({percent(CONFIDENCE)} band, {rows:,} benign rows)"
    axes.fill_between(
        levels, np.maximum(low, floor), np.maximum(high, floor), color="0.88", label=band
    )
    axes.plot(levels, levels, label="observed = target", **CHANCE)
    for (name, p_values), style in zip(shares.items(), styles(), strict=False):
        share = observed_shares(p_values, levels)
        axes.plot(levels, np.maximum(share, floor), label=name_of(name), **style)
    if target_fpr is not None:
        axes.axvline(
            target_fpr, color="0.4", linewidth=1, label=f"target FPR {percent(target_fpr)}"
        )
    axes.set(xscale="log", yscale="log", xlim=(levels[0], 1), ylim=(floor, 1.3))
    axes.xaxis.set_major_formatter(shares_in_percent)
    axes.yaxis.set_major_formatter(shares_in_percent)
    axes.set_xlabel("target false-positive rate a")
    axes.set_ylabel("observed false-positive rate (share with p ≤ a)")
    axes.grid(color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", fontsize="small")
    return figure


def observed_shares(p_values: Floats, levels: Floats) -> Floats:
    """Return the share of p-values that are at most each level, of the levels' shape."""
    return np.searchsorted(np.sort(p_values), levels, side="right") / len(p_values)


def _benign(labels: Any, p_values: Any) -> Floats:
    values = np.asarray(p_values, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise DataError("p-values must lie between 0 and 1")
    known, attack = known_labels(labels, len(values))
    return values[known][~attack]
