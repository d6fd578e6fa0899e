"""How a column was distributed before and is now, as small SVG pictures.

A picture is two paths of text, so that a report of many columns stays small and opens at once.
"""

from __future__ import annotations

from html import escape
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.operations.drift.verdict import ColumnDrift
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

BINS = 40
_WIDTH, _HEIGHT = 240, 44
_MARGIN = 60  # for figures beside the bars
_LINE = 15  # height of a category's line
_MOST_CATEGORIES = 6
_LONGEST_LABEL = 18
_BARS_FROM, _BARS_WIDTH = 112, 84


def picture(column: ColumnDrift, reference: pd.Series[Any], current: pd.Series[Any]) -> str:
    """Draw one column of both sides: SVG without a script, all text in it escaped.

    Parameters
    ----------
    reference, current
        Log-scaled numbers with NaN where missing, or categories.
    """
    if column.kind == "categorical":
        return _categories(reference, current)
    if column.kind == "score":  # rows without one were not scored: that is no value of theirs
        reference, current = reference.dropna(), current.dropna()
    return _numbers(reference.to_numpy(dtype=np.float64), current.to_numpy(dtype=np.float64))


def words(text: str) -> str:
    """Return a picture of a few words: why there is no other."""
    return _svg(_LINE, f'<text x="0" y="11">{escape(text)}</text>')


def _numbers(reference: NDArray[np.float64], current: NDArray[np.float64]) -> str:
    sides = [reference, current]
    known = np.concatenate([side[~np.isnan(side)] for side in sides])
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    if high - low < 1e-9:  # noqa: PLR2004 - one value, or what rounding makes of one
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    shares = [np.histogram(side[~np.isnan(side)], edges)[0] / max(len(side), 1) for side in sides]
    # Roots of shares: most traffic has one tall value, beside which others would not be seen.
    tallest = max(float(share.max()) for share in shares) or 1.0
    before, now = (np.sqrt(share / tallest) * (_HEIGHT - 4) for share in shares)
    missing = [float(np.isnan(side).sum()) / max(len(side), 1) for side in sides]
    words = f"{_value(low)} to {_value(high)}" if len(known) else "no value"
    if any(missing):
        words += f"; missing {percent(missing[0])} → {percent(missing[1])}"
    return _svg(
        _HEIGHT + _LINE,
        f'<path class="before" d="{_steps(before)}Z"/><path class="now" d="{_steps(now)}"/>'
        f'<text x="0" y="{_HEIGHT + 11}">{escape(words)}</text>',
    )


def _steps(heights: NDArray[np.float64]) -> str:
    width = _WIDTH // BINS
    steps = "".join(f"V{_HEIGHT - height:.1f}h{width}" for height in heights)
    return f"M0 {_HEIGHT}{steps}V{_HEIGHT}"


def _value(logarithm: float) -> str:
    """Return the number that a signed logarithm stands for."""
    with np.errstate(over="ignore"):  # the largest number, up to its last bit
        return f"{np.sign(logarithm) * np.expm1(abs(logarithm)):.3g}"


def _categories(reference: pd.Series[Any], current: pd.Series[Any]) -> str:
    sides = [side.value_counts(normalize=True) for side in (reference, current)]
    shares = pd.DataFrame({"before": sides[0], "now": sides[1]}).fillna(0.0)
    shares = shares.loc[shares.max(axis=1).sort_values(ascending=False, kind="stable").index]
    lines = [
        _category(place, str(word), float(before), float(now))
        for place, (word, before, now) in enumerate(
            shares.head(_MOST_CATEGORIES).itertuples(name=None)
        )
    ]
    hidden = len(shares) - len(lines)
    if hidden:
        y = _LINE * len(lines) + 11
        lines.append(f'<text x="0" y="{y}">and {hidden} more</text>')
    return _svg(_LINE * len(lines), "".join(lines))


def _category(place: int, word: str, before: float, now: float) -> str:
    top = place * _LINE
    label = escape(printable(word, longest=_LONGEST_LABEL))
    bars = "".join(
        f'<rect class="{name}" x="{_BARS_FROM}" y="{top + y}" width="{share * _BARS_WIDTH:.1f}" '
        'height="5"/>'
        for name, share, y in (("before", before, 2), ("now", now, 8))
    )
    figures = f"{percent(before, 2)} → {percent(now, 2)}"
    return (
        f'<text x="0" y="{top + 11}">{label}</text>{bars}'
        f'<text x="{_BARS_FROM + _BARS_WIDTH + 3}" y="{top + 11}">{figures}</text>'
    )


def _svg(height: int, content: str) -> str:
    return (
        f'<svg width="{_WIDTH + _MARGIN}" height="{height}" '
        f'viewBox="0 0 {_WIDTH + _MARGIN} {height}" role="img">{content}</svg>'
    )
