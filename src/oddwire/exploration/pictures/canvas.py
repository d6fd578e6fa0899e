"""What all pictures of a source have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from oddwire.traffic.wire_text import plain_label, printable

# Told apart by the colour-blind too (Paul Tol's bright scheme).
COLOURS = {"benign": "#4477aa", "attack": "#ee6677", "unlabelled": "#aaaaaa"}
_LONGEST_NAME = 32
_LONGEST_REASON = 200


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture, and its words for a page.

    Parameters
    ----------
    name
        Of its file, without ``.png``.
    alt
        What it shows, for people who do not see it; text from traffic may stand in it.
    caption
        How to read it, and what is left out.
    """

    name: str
    alt: str
    caption: str
    figure: Figure


def figure_for(width: float, height: float, statistics: dict[str, Any], what: str) -> Figure:
    """Return an empty picture of so many inches, with the source's name."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.suptitle(f"{statistics['source']}: {what}", fontsize=11, x=0.01, ha="left")
    return figure


def note(figure: Figure, text: str) -> Figure:
    """Turn an empty picture into one that says why there is nothing to draw."""
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color="#555555", wrap=True)
    return figure


def not_drawn(name: str, error: Exception, statistics: dict[str, Any]) -> Picture:
    """Return what takes the place of a picture whose drawing failed: the reason."""
    reason = printable(f"could not be drawn: {type(error).__name__}: {error}", _LONGEST_REASON)
    figure = figure_for(7.5, 2.4, statistics, name)
    text = f"This picture {reason}."
    return Picture(name, text, text, note(figure, plain_label(text)))


def name_of(text: str) -> str:
    """Return a name from traffic as a picture can show it: plain, and not too long."""
    return plain_label(text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…")


def named_bars(
    axes: Axes, names: Sequence[str], widths: Sequence[float], *, texts: Sequence[str], **style: Any
) -> None:
    """Draw horizontal bars from above, each with its name and a text behind it."""
    # By place: matplotlib would draw two names that look the same into one bar.
    places = range(len(names))
    drawn = axes.barh(places, widths, **style)
    axes.set_yticks(places, [name_of(name) for name in names], fontsize=8)
    axes.bar_label(drawn, list(texts), padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)


def left_out(shown: int, of: int, what: str) -> str:
    """Say how many of so many are shown, or nothing where all are."""
    return "" if shown >= of else f" Shown: {shown:,} of {of:,} {what}."
