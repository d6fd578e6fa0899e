"""What all figures have in common.

They use matplotlib's objects and not ``pyplot``, whose global state grows with each figure and is
not safe in threads. Colours are those of Okabe & Ito (2008), which people with any common colour
blindness can tell apart, and lines differ by dash as well.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

from oddwire.percent import percent
from oddwire.traffic.wire_text import plain_label

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BENIGN, ATTACK, UNLABELLED = "#0072B2", "#D55E00", "#7F7F7F"
_COLOURS = (BENIGN, ATTACK, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
CHANCE: dict[str, Any] = {"color": "0.6", "linewidth": 1, "linestyle": (0, (1, 3))}
_DOTS_PER_INCH = 160
_DASHES = ("-", "--", "-.", ":")


def canvas(title: str, size: tuple[float, float] = (6.2, 5.0)) -> tuple[Figure, Axes]:
    """Return an empty figure with a title; size in inches."""
    figure = _figure(size)
    axes = figure.add_subplot()
    axes.set_title(plain_label(title), loc="left", wrap=True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def wide_canvas(title: str) -> tuple[Figure, Axes, Axes]:
    """Return an empty figure with a title and two axes side by side."""
    figure = _figure((11.0, 5.0))
    left, right = figure.subplots(1, 2)
    left.set_title(plain_label(title), loc="left", wrap=True)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure, left, right


def _figure(size: tuple[float, float]) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=size, dpi=_DOTS_PER_INCH, layout="constrained")


def nothing_to_draw(figure: Figure, reason: str) -> Figure:
    """Turn a figure into one that says why it is empty."""
    figure.axes[0].set_axis_off()
    figure.text(0.5, 0.5, f"Nothing to draw: {reason}.", ha="center", va="center")
    return figure


def styles() -> Iterator[dict[str, Any]]:
    """Yield endless line styles that differ by colour and by dash."""
    for colour, dash in zip(cycle(_COLOURS), cycle(_DASHES), strict=False):
        yield {"color": colour, "linestyle": dash, "linewidth": 1.8}


def shares_in_percent(share: float, _: object = None) -> str:
    """Return the label of a tick on an axis of shares."""
    return percent(share)
