"""What all figures have in common.

They use matplotlib's objects and not ``pyplot``, whose global state grows with each figure and is
not safe in threads. Colours are those of Okabe & Ito (2008), which people with any common colour
blindness can tell apart, and lines differ by dash as well.
"""

from __future__ import annotations

import io
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.percent import percent
from oddwire.traffic.wire_text import plain_label, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike, NDArray

BENIGN, ATTACK, UNLABELLED = "#0072B2", "#D55E00", "#7F7F7F"
_COLOURS = (BENIGN, ATTACK, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
CHANCE: dict[str, Any] = {"color": "0.6", "linewidth": 1, "linestyle": (0, (1, 3))}
_DOTS_PER_INCH = 160
_FARTHEST, _NEAREST = 1e150, 1e-150  # beyond, the arithmetic of an axis overflows
_LONGEST_REASON = 300
_LONGEST_TITLE = 80
_LONGEST_NAME = 32  # longer ones in a legend or at a tick leave the axes no room
_DASHES = ("-", "--", "-.", ":")


def canvas(title: str, size: tuple[float, float] = (6.2, 5.0)) -> tuple[Figure, Axes]:
    """Return an empty figure with a title; size in inches."""
    figure = _figure(size)
    axes = figure.add_subplot()
    axes.set_title(plain_label(printable(title, _LONGEST_TITLE)), loc="left", wrap=True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def wide_canvas(title: str) -> tuple[Figure, Axes, Axes]:
    """Return an empty figure with a title and two axes side by side."""
    figure = _figure((11.0, 5.0))
    left, right = figure.subplots(1, 2)
    left.set_title(plain_label(printable(title, _LONGEST_TITLE)), loc="left", wrap=True)
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


def png_of(draw: Callable[[], Figure]) -> tuple[bytes, str | None]:
    """Draw a figure as a PNG.

    Returns
    -------
    tuple
        The picture, and None. Where it cannot be drawn, whatever the reason, a picture that says
        why, and the reason: no picture is worth what it is a picture of.
    """
    try:
        return _png(draw()), None
    except Exception as error:  # noqa: BLE001 - see above
        reason = printable(f"could not be drawn: {type(error).__name__}: {error}", _LONGEST_REASON)
        figure, axes = canvas("")
        axes.set_axis_off()
        figure.text(0.5, 0.5, plain_label(reason), ha="center", va="center", wrap=True)
        return _png(figure), reason


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def name_of(text: str) -> str:
    """Return a name as a figure can show it: literally, and not too long."""
    return plain_label(printable(text, _LONGEST_NAME))


def drawable(values: ArrayLike) -> NDArray[np.float64]:
    """Return finite values with those too large or too small for an axis brought within reach."""
    values = np.clip(np.asarray(values, np.float64), -_FARTHEST, _FARTHEST)
    return np.where(np.abs(values) < _NEAREST, 0.0, values)


def styles() -> Iterator[dict[str, Any]]:
    """Yield endless line styles that differ by colour and by dash."""
    for colour, dash in zip(cycle(_COLOURS), cycle(_DASHES), strict=False):
        yield {"color": colour, "linestyle": dash, "linewidth": 1.8}


def shares_in_percent(share: float, _: object = None) -> str:
    """Return the label of a tick on an axis of shares."""
    return percent(share)
