"""The axis of anomaly scores: linear, or logarithmic where they are heavy-tailed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from oddwire.evaluation.metrics import Floats

_BINS = 60
_HEAVY_TAIL = 20.0  # a range of scores this many times their middle half is drawn on a log axis


def choose_axis(axes: Axes, scores: Floats) -> Floats:
    """Set the scale of the horizontal axis, and return the edges of the bins."""
    low, high = float(scores.min()), float(scores.max())
    lower, middle, upper = np.quantile(scores, [0.25, 0.5, 0.75])
    if high - low <= _HEAVY_TAIL * (upper - lower) or high == low:
        pad = 0.5 + abs(low) / 100 if high == low else 0.0
        return np.linspace(low - pad, high + pad, _BINS + 1)
    if low > 0:
        axes.set_xscale("log")
        return np.geomspace(low, high, _BINS + 1)
    width = max(float(upper - lower), abs(float(middle)) * 1e-3, (high - low) * 1e-6)
    axes.set_xscale("asinh", linear_width=width)
    axes.set_xticks(_decades(low, high, width))
    return width * np.sinh(
        np.linspace(np.arcsinh(low / width), np.arcsinh(high / width), _BINS + 1)
    )


def _decades(low: float, high: float, width: float, most: int = 4) -> list[float]:
    # Matplotlib's own ticks for this scale overlap around zero.
    first = int(np.ceil(np.log10(4 * width)))
    last = int(np.floor(np.log10(max(-low, high))))
    step = max(1, -(-(last - first + 1) // most))
    powers = [10.0**power for power in range(last, first - 1, -step)]
    ticks = [-power for power in powers] + [0.0] + powers
    return [tick for tick in ticks if low <= tick <= high]
