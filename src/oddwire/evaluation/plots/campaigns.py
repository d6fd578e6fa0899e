"""When campaigns ran, which of them a detector found, and how soon."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from oddwire.durations import in_time
from oddwire.evaluation.plots.canvas import (
    ATTACK,
    canvas,
    name_of,
    nothing_to_draw,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from oddwire.evaluation.campaigns.result import CampaignEvaluation

MOST_CAMPAIGNS, MOST_FAMILIES = 400, 60
_LOWEST, _HIGHEST = 0.028, 0.19  # of a campaign's row, in inches
_ROWS = 8.5  # inches that many campaigns share
_FAMILY = 0.24  # inches that the name of a family needs
_NAMED = 60  # so many campaigns have room for a text each
# The darker, the sooner; each up to so many minutes.
_SOON = (
    (1, "#08306b", "within a minute"),
    (10, "#2171b5", "within 10 minutes"),
    (60, "#4eb3d3", "within an hour"),
    (360, "#a8ddb5", "within 6 hours"),
    (math.inf, "#d9c54a", "later"),
)


def campaign_figure(evaluation: CampaignEvaluation, *, title: str = "Campaigns") -> Figure:
    """Draw a line per campaign from its first connection to its last, grouped by family.

    Its colour says how soon its first alert came, a cross that there was none. Beyond
    ``MOST_FAMILIES`` the families of fewest campaigns are left out, and beyond ``MOST_CAMPAIGNS``
    the smallest campaigns; a note says so.

    Parameters
    ----------
    evaluation
        Results per campaign.
    title
        Heading.
    """
    if not len(evaluation):
        return nothing_to_draw(canvas(title)[0], "no test row is of a known campaign")
    if evaluation.campaigns["begin"].isna().any():
        return nothing_to_draw(canvas(title)[0], "the rows have no times")
    shown, heads = _shown(evaluation)
    height = min(_HIGHEST, max(_LOWEST, _ROWS / len(shown)))
    places, middles, total = _places(shown["family"], height)
    figure, axes = canvas(title, size=(9.5, total + 1.9))
    _draw(axes, shown, places, width=height * 72 * 0.55)
    if len(shown) <= _NAMED:
        _write(axes, shown, places)
    axes.set_yticks(list(middles.values()), [heads[family] for family in middles], fontsize=8)
    axes.set(ylim=(total, 0), ylabel="")
    axes.tick_params(axis="y", length=0)
    _date(axes)
    axes.grid(axis="x", color="0.92", linewidth=0.8)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower left", ncols=3, fontsize="small", frameon=False,
                  title=_notes(evaluation, len(shown)), title_fontsize="small",
                  alignment="left")  # fmt: skip
    return figure


def _shown(evaluation: CampaignEvaluation) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the campaigns to draw, family by family, and what each family is called."""
    families = list(evaluation.by_family().items())[:MOST_FAMILIES]
    heads = {
        family: f"{name_of(family)}\n{each.found:,} of {each.campaigns:,}"
        for family, each in families
    }
    rank = {family: place for place, family in enumerate(heads)}
    table = evaluation.campaigns
    table = table[table["family"].isin(rank)].nlargest(MOST_CAMPAIGNS, "rows", keep="first")
    order = np.lexsort((table["begin"].to_numpy(), table["family"].map(rank).to_numpy()))
    return table.iloc[order], heads


def _places(families: pd.Series[str], height: float) -> tuple[list[float], dict[str, float], float]:
    """Return where each campaign's line and each family's name stand, and where the last ends."""
    places, middles, top = [], {}, 0.0
    for family, members in families.groupby(families, sort=False):
        block = max(len(members) * height, _FAMILY) + 0.08
        first = top + (block - len(members) * height) / 2
        places += [first + (at + 0.5) * height for at in range(len(members))]
        middles[str(family)] = top + block / 2
        top += block
    return places, middles, top


def _draw(axes: Axes, shown: pd.DataFrame, places: list[float], *, width: float) -> None:
    place, minutes = np.array(places), shown["minutes_to_first_alert"].to_numpy(dtype=np.float64)
    begin, end = (shown[name].dt.tz_localize(None).to_numpy() for name in ("begin", "end"))
    size = max(width * 1.1, 4.0) ** 2  # of a dot, so that the shortest campaign is seen
    soonest = -math.inf
    for limit, colour, label in _SOON:
        chosen = (minutes > soonest) & (minutes <= limit)
        soonest = limit
        if chosen.any():
            axes.hlines(place[chosen], begin[chosen], end[chosen], color=colour, linewidth=width)
            axes.scatter(begin[chosen], place[chosen], s=size, color=colour, label=label, zorder=3)
    missed = np.isnan(minutes)
    if missed.any():
        axes.hlines(
            place[missed], begin[missed], end[missed], color=ATTACK, linewidth=max(width / 4, 0.8)
        )
        axes.scatter(
            begin[missed], place[missed], s=size, color=ATTACK, marker="x", label="no alert",
            linewidth=max(width / 4, 1.2), zorder=3,
        )  # fmt: skip


def _date(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    axes.set_xlabel("when a campaign's connections could be known (UTC)")
    locator = AutoDateLocator()  # type: ignore[no-untyped-call] # matplotlib's
    axes.xaxis.set_major_locator(locator)
    shown = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call] # matplotlib's
    axes.xaxis.set_major_formatter(shown)


def _write(axes: Axes, shown: pd.DataFrame, places: list[float]) -> None:
    """Write how soon the first alert came, behind each campaign."""
    minutes = shown["minutes_to_first_alert"]
    for end, place, soon in zip(shown["end"].dt.tz_localize(None), places, minutes, strict=True):
        text = axes.annotate(
            "missed" if math.isnan(soon) else in_time(soon), (end, place), xytext=(7, 0),
            textcoords="offset points", va="center", fontsize=6.5, color="0.35",
        )  # fmt: skip
        text.set_in_layout(False)  # measuring every text takes seconds


def _notes(evaluation: CampaignEvaluation, shown: int) -> str:
    total = evaluation.summary
    if total is None:
        return ""
    notes = [f"{total.found:,} of {total.campaigns:,} campaigns found"]
    if total.by_chance is not None:
        notes[0] += f", {total.by_chance:.1f} by chance"
    if shown < total.campaigns:
        notes.append(f"{total.campaigns - shown:,} smaller ones are left out")
    return f"First alert of a campaign ({'; '.join(notes)})"
