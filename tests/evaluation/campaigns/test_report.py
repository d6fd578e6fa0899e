"""Campaigns in words: what is found, how soon, and how much of it chance would find."""

from __future__ import annotations

import numpy as np
import pandas as pd

from oddwire.evaluation.campaigns.evaluating import evaluate_campaigns
from oddwire.evaluation.campaigns.report import campaign_report
from oddwire.traffic.units import units_of


def evaluated(found, missed, *, family="scan", minutes=3, **options):
    """Three benign rows of which one alerts, and campaigns of two rows each."""
    campaigns = [f"c{number}" for number in range(found + missed)]
    alerts = [number < found for number in range(found + missed)]
    rows = [
        ("2026-03-02 00:00", "a", 0, None, 1.0), ("2026-03-02 00:00", "b", 0, None, 0.0),
        ("2026-03-02 00:00", "c", 0, None, 0.0),
        *((f"2026-03-02 01:{0 if first else minutes:02}", name, 1, name, float(alert and not first))
          for first in (True, False) for name, alert in zip(campaigns, alerts, strict=True)),
    ]  # fmt: skip
    time, source, labels, campaign, scores = zip(*rows, strict=True)
    frame = pd.DataFrame({"end": pd.to_datetime(time, utc=True), "src_ip": source})
    attack = np.where(np.array(labels) == 1, family, None)
    return evaluate_campaigns(
        labels, scores, campaign, attack, units=units_of(frame), threshold=1.0, **options
    )


def test_the_report_says_what_is_found_and_what_would_be_by_chance():
    text = campaign_report(evaluated(3, 1))
    assert "3 of 4 campaigns found (75 %; 95 % interval 19.4 % to 99.4 %); 2.7 would be by" in text
    assert "half of all within 3 min, half of those found within 3 min" in text
    assert "alerts of a found campaign: 1 (median), 1 (90th percentile); in incidents 1 and" in text
    assert text.splitlines()[-1].split() == ["scan", "3/4", "2.7", "3", "min"]


def test_where_most_are_missed_it_does_not_claim_that_half_are_found_soon():
    text = campaign_report(evaluated(1, 2))
    assert "half of those found within 3 min; of all, more than half never raised one" in text
    none = campaign_report(evaluated(0, 2))
    assert "0 of 2 campaigns found" in none
    assert "first alert" not in none.split("family")[0]


def test_campaigns_that_began_before_are_told():
    assert "2 of them began before these rows" in campaign_report(
        evaluated(3, 1, before={"c0", "c3"})
    )


def test_without_campaigns_there_is_no_report():
    assert campaign_report(evaluated(0, 0)) == ""


def test_a_hostile_family_stays_on_its_line():
    text = campaign_report(evaluated(1, 0, family="\x1b[2J\n" + "y" * 5000))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) < 120
    assert len(text.splitlines()) == len(campaign_report(evaluated(1, 0)).splitlines())
