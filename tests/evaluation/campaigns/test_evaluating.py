"""Each campaign is measured apart: found or not, how soon, with how many alerts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.evaluation.campaigns.evaluating import evaluate_campaigns
from oddwire.evaluation.campaigns.result import FIGURES
from oddwire.traffic.units import units_of

# Minute, source, label, campaign, family, score; an alert is a score of 1.
ROWS = [
    (0, "a", 0, None, None, 0),
    (1, "x", 1, "scan 1", "scan", 0),
    (2, "x", 1, "scan 1", "scan", 0),
    (2, "a", 0, None, None, 0),
    (5, "x", 1, "scan 1", "scan", 1),
    (6, "y", 1, "scan 1", "flood", 1),
    (7, "x", 1, "scan 1", "scan", 1),
    (9, "z", 1, "flood 1", "flood", 0),
    (20, "x", 1, "scan 1", "scan", 1),
    (21, "b", 0, None, None, 1),
    (22, "z", 1, None, "flood", 1),
    (23, "z", None, "scan 1", "scan", 1),
    (24, "b", 0, "flood 1", None, 1),
    (25, "z", 1, "flood 1", "flood", 0),
]


def evaluated(rows=ROWS, *, threshold=1.0, timed=True, **changes):
    minute, source, label, campaign, attack, score = zip(*rows, strict=True)
    frame = pd.DataFrame({"src_ip": source})
    if timed:
        frame["end"] = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(minute, unit="min")
    columns = {"labels": np.array(label, float), "campaign": campaign, "attack": attack} | changes
    before = columns.pop("before", None)
    return evaluate_campaigns(
        scores=score, units=units_of(frame), threshold=threshold, before=before, **columns
    )


def of(evaluation, name):
    return evaluation.campaigns.set_index("campaign").loc[name]


def test_a_campaign_has_its_rows_its_times_and_its_first_alert():
    found = evaluated()
    assert found.campaigns["campaign"].tolist() == ["scan 1", "flood 1"]  # as they began
    scan = of(found, "scan 1")
    assert (scan["rows"], scan["alerts"], scan["family"], scan["found"]) == (6, 4, "scan", True)
    assert scan["begin"] == pd.Timestamp("2026-03-02 00:01", tz="UTC")
    assert scan["end"] == pd.Timestamp("2026-03-02 00:20", tz="UTC")
    assert scan["minutes_to_first_alert"] == 4
    flood = of(found, "flood 1")
    assert (flood["rows"], flood["alerts"], flood["found"]) == (2, 0, False)
    assert np.isnan(flood["minutes_to_first_alert"])


def test_incidents_are_those_of_its_own_alerts():
    # x at 5 and 7 is one, y at 6 another, x at 20 a third.
    assert of(evaluated(), "scan 1")["incidents"] == 3
    assert of(evaluated(), "flood 1")["incidents"] == 0
    assert of(evaluated(timed=False), "scan 1")["incidents"] == 4  # a row of no unit is its own


def test_the_time_is_that_at_which_rows_could_be_known():
    """A connection that is known late finds the clock where it is."""
    late = [(9, *ROWS[1][1:]), *ROWS[2:]]
    scan = of(evaluated(late), "scan 1")
    assert scan["begin"] == pd.Timestamp("2026-03-02 00:09", tz="UTC")
    assert scan["minutes_to_first_alert"] == 0


def test_attack_rows_of_no_campaign_are_counted_apart():
    found = evaluated()
    assert (found.rows_without, found.alerts_without) == (1, 1)
    assert found.campaigns["rows"].sum() == 8


def test_rows_without_a_label_and_benign_rows_are_of_no_campaign():
    assert of(evaluated(), "flood 1")["alerts"] == 0  # its benign row would be one
    assert of(evaluated(), "scan 1")["end"].minute == 20  # its unlabelled row is later


def test_the_summary_has_an_exact_interval_and_counts_a_missed_campaign_as_never():
    summary = evaluated().summary
    assert (summary.campaigns, summary.found, summary.recall) == (2, 1, 0.5)
    assert summary.recall_low == pytest.approx(1 - np.sqrt(0.975))
    assert summary.recall_high == pytest.approx(np.sqrt(0.975))
    assert summary.minutes_to_first_alert == summary.minutes_of_found == 4
    assert (summary.alerts, summary.most_alerts) == (4, 4)
    assert (summary.incidents, summary.most_incidents) == (3, 3)
    without_alert = [(*row[:5], 0) if row[2] == 1 else row for row in ROWS]
    missed = evaluated(without_alert).summary
    assert (missed.found, missed.minutes_to_first_alert, missed.alerts) == (0, None, None)


def test_less_than_half_found_has_no_median_time_but_that_of_those_found():
    more = [*ROWS, (30, "q", 1, "flood 2", "flood", 0)]
    summary = evaluated(more).summary
    assert (summary.found, summary.campaigns) == (1, 3)
    assert (summary.minutes_to_first_alert, summary.minutes_of_found) == (None, 4)


def test_campaigns_by_chance_follow_from_the_benign_rows():
    """Benign alerts, by source: none of two, two of two; scan 1 has 5 rows of x and 1 of y."""
    found = evaluated()
    assert of(found, "scan 1")["by_chance"] == 1.0
    assert of(found, "flood 1")["by_chance"] == pytest.approx(0.75)
    assert found.summary.by_chance == pytest.approx(1.75)
    no_benign = evaluated([row for row in ROWS if row[2] == 1])
    assert no_benign.summary.by_chance is None


def test_a_detector_that_knows_nothing_finds_as_many_as_by_chance():
    """Attack rows that take their scores from benign stretches elsewhere, in bursts."""
    rng = np.random.default_rng(8)
    benign = np.repeat(rng.random(800) < 0.02, 50)  # whole stretches alert, or none of their rows
    lengths = rng.integers(5, 60, 300)
    begins = rng.integers(len(benign) - 60, size=300)
    attacks = [benign[first : first + rows] for first, rows in zip(begins, lengths, strict=True)]
    campaign = np.repeat([f"c{number}" for number in range(300)], lengths)
    scores = np.concatenate([benign, *attacks]).astype(float)
    units = units_of(pd.DataFrame({"score": scores}))
    labels = np.r_[np.zeros(len(benign)), np.ones(len(campaign))]
    names = np.r_[np.full(len(benign), None, object), campaign.astype(object)]
    alike = evaluate_campaigns(labels, scores, names, None, units=units, threshold=1.0)
    # One source each: a unit is a row here, so that stretches of single rows count.
    rate = benign.mean()
    assert alike.summary.by_chance == pytest.approx(np.sum(1 - (1 - rate) ** lengths), rel=1e-6)
    sources = np.r_[np.full(len(benign), "office", object), campaign.astype(object)]
    units = units_of(pd.DataFrame({"unit": sources}))
    alike = evaluate_campaigns(labels, scores, names, None, units=units, threshold=1.0)
    expected, deviation = alike.summary.by_chance, 4 * np.sqrt(alike.summary.by_chance)
    assert expected < np.sum(1 - (1 - rate) ** lengths) / 2
    assert alike.summary.found == pytest.approx(expected, abs=deviation)


def test_families_of_campaigns():
    families = evaluated([*ROWS, (30, "q", 1, "flood 2", "flood", 1)]).by_family()
    assert list(families) == ["flood", "scan"]
    assert (families["flood"].found, families["flood"].campaigns) == (1, 2)


def test_campaigns_that_began_before_the_tested_rows_are_marked():
    found = evaluated(before={"flood 1", "another"})
    assert found.campaigns["begun_before"].tolist() == [False, True]
    assert found.begun_before == 1
    assert evaluated().campaigns["begun_before"].tolist() == [None, None]


@pytest.mark.parametrize("campaign", [None, [None] * len(ROWS), [np.nan] * len(ROWS)])
def test_where_campaigns_are_not_known_there_are_none(campaign):
    found = evaluated(campaign=campaign)
    assert len(found) == 0
    assert found.summary is None
    assert found.by_family() == {}
    assert found.figures() == dict.fromkeys(FIGURES)
    assert found.rows_without == 9
    assert found.to_frame().columns.tolist() == evaluated().to_frame().columns.tolist()


def test_figures_have_the_names_of_metrics():
    assert evaluated().figures() == {
        "campaigns_found": 1,
        "campaigns": 2,
        "campaign_recall": 0.5,
        "campaigns_by_chance": pytest.approx(1.75),
        "minutes_to_first_alert": 4.0,
    }


def test_it_is_plain_json():
    found = evaluated(threshold=np.inf, timed=False)
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["threshold"] is None
    assert content["summary"]["found"] == 0
    assert content["campaigns"][0]["begin"] is None
    assert content["families"]["scan"]["campaigns"] == 1
    assert evaluated().to_frame()["begin"][0] == "2026-03-02T00:01:00+00:00"


def test_numbers_can_name_campaigns():
    numbers = [None if row[3] is None else {"scan 1": 7, "flood 1": 8}[row[3]] for row in ROWS]
    assert evaluated(campaign=numbers).campaigns["campaign"].tolist() == ["7", "8"]


def test_what_does_not_fit_the_rows_is_an_error():
    with pytest.raises(DataError, match="one campaign per row, got 1 for 14 rows"):
        evaluated(campaign=["scan 1"])
    with pytest.raises(DataError, match="units are of 3 rows, and scores of 2"):
        evaluate_campaigns(
            [0, 1], [1, 2], None, None, units=units_of(pd.DataFrame({"a": [1, 2, 3]})), threshold=1
        )
