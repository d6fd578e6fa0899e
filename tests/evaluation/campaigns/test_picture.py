"""A line per campaign, whose colour says how soon it was found."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

from oddwire.evaluation.campaigns.evaluating import evaluate_campaigns
from oddwire.evaluation.plots.campaigns import MOST_CAMPAIGNS, MOST_FAMILIES, campaign_figure
from oddwire.evaluation.plots.canvas import png_of
from oddwire.traffic.units import units_of


def evaluated(minutes, families, *, timed=True):
    """Campaigns of two rows, each first alerted after so many minutes (NaN: never)."""
    minutes = np.asarray(minutes, dtype=float)
    names = np.array([f"c{number}" for number in range(len(minutes))], dtype=object)
    begins = np.arange(len(minutes)) * 600.0
    at = np.concatenate([begins, begins + np.nan_to_num(minutes, nan=500)])
    order = np.argsort(at, kind="stable")
    scores = np.r_[np.zeros(len(minutes)), np.isfinite(minutes)][order]
    frame = pd.DataFrame({"src_ip": np.full(len(at), "a")})
    if timed:
        frame["end"] = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(at[order], unit="min")
    return evaluate_campaigns(
        np.ones(len(at)), scores, np.tile(names, 2)[order],
        np.tile(np.asarray(families, dtype=object), 2)[order],
        units=units_of(frame), threshold=1.0,
    )  # fmt: skip


def entries(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def texts(figure):
    axes = figure.axes[0]
    every = [*axes.texts, *figure.texts, *axes.get_yticklabels()]
    return [text.get_text() for text in every]


def test_campaigns_are_told_apart_by_how_soon_they_are_found():
    figure = campaign_figure(evaluated([0.5, 5, 50, 100, 450, np.nan], ["scan"] * 6))
    assert entries(figure) == [
        "within a minute", "within 10 minutes", "within an hour", "within 6 hours", "later",
        "no alert",
    ]  # fmt: skip
    dots = [
        len(each.get_offsets()) for each in figure.axes[0].collections if each.get_label()[0] != "_"
    ]
    assert dots == [1] * 6
    assert {"30 s", "5 min", "50 min", "100 min", "7.5 h", "missed"} <= set(texts(figure))
    assert "5 of 6 campaigns found" in figure.legends[0].get_title().get_text()


def test_families_stand_together_those_of_most_campaigns_first():
    figure = campaign_figure(evaluated([1, 1, np.nan], ["flood", "scan", "scan"]))
    assert [text for text in texts(figure) if " of " in text] == ["scan\n1 of 2", "flood\n1 of 1"]
    middle = dict(zip(["scan", "flood"], figure.axes[0].get_yticks(), strict=True))
    assert middle["scan"] < middle["flood"]
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]  # from above


@pytest.mark.parametrize(("campaigns", "families"), [(35, 8), (300, 8), (900, 3), (200, 200)])
def test_it_stays_readable_however_many_campaigns_there_are(campaigns, families):
    names = [f"family {number % families}" for number in range(campaigns)]
    figure = campaign_figure(evaluated(np.full(campaigns, 2.0), names))
    shown = sum(
        len(each.get_offsets()) for each in figure.axes[0].collections if each.get_label()[0] != "_"
    )
    assert shown == min(campaigns, MOST_CAMPAIGNS, MOST_FAMILIES * (campaigns // families))
    left_out = f"{campaigns - shown} smaller ones are left out"
    assert (left_out in figure.legends[0].get_title().get_text()) == (shown < campaigns)
    width, height = figure.get_size_inches()
    assert height < 2.5 * width
    assert len(figure.axes[0].get_yticks()) == min(families, MOST_FAMILIES)


def test_what_cannot_be_drawn_is_said():
    assert "the rows have no times" in "\n".join(
        texts(campaign_figure(evaluated([1], ["a"], timed=False)))
    )
    none = evaluate_campaigns(
        [1], [1], None, None, units=units_of(pd.DataFrame({"a": [1]})), threshold=1
    )
    assert "no test row is of a known campaign" in "\n".join(texts(campaign_figure(none)))


@pytest.mark.parametrize(
    "name", ["$x^{$", "_hidden", "\x1b[2J\n", "y" * 3000, "", "日本", r"$\frac"]
)
def test_hostile_names_are_drawn_as_they_are(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        content, failure = png_of(
            lambda: campaign_figure(evaluated([1, np.nan], [name, "scan"]), title=name)
        )
    assert failure is None
    assert content.startswith(b"\x89PNG")
