"""Simulated traffic goes on after the source's own days, the same whenever it is looked at."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from oddwire.params import SimulatedSource
from oddwire.traffic.sources import later_days
from oddwire.traffic.sources.simulated import simulate

SOURCE = SimulatedSource(format="simulated", seed=3, days=5, connections_per_day=600)
ENDS = dt.datetime(2026, 3, 7, tzinfo=dt.UTC)
REACH = dt.timedelta(minutes=10)


def later(first, last, source=SOURCE, reach=REACH):
    begin, end = ENDS + dt.timedelta(days=first), ENDS + dt.timedelta(days=last)
    return later_days(source, begin, end, reach=reach)


def test_a_day_is_the_same_by_itself_and_among_others():
    assert SOURCE.ends == ENDS
    many = later(0, 9)
    for day in (0, 6, 7, 8):
        alone = later(day, day + 1)
        begin = ENDS + dt.timedelta(days=day)
        inside = (many["end"] >= begin - REACH) & (many["end"] < begin + dt.timedelta(days=1))
        pd.testing.assert_frame_equal(alone, many[inside].reset_index(drop=True))


def test_rows_reach_back_into_the_source_s_own_days():
    rows = later(0, 1, reach=dt.timedelta(hours=3))
    own = simulate(SOURCE)
    before = rows[rows["end"] < ENDS]
    assert len(before) > 0
    assert set(before["uid"]) <= set(own["uid"])
    assert rows["end"].is_monotonic_increasing


def test_every_connection_is_known_in_one_day():
    weeks = later(0, 21, reach=dt.timedelta(0))
    days = [later(day, day + 1, reach=dt.timedelta(0)) for day in range(21)]
    assert pd.concat(days)["uid"].tolist() == weeks["uid"].tolist()
    # Some began in the week before, each of which is made by itself.
    border = ENDS + dt.timedelta(days=14)
    assert ((weeks["ts"] < border) & (weeks["end"] >= border)).any()


def test_what_began_in_the_source_s_own_days_may_be_known_after_them():
    source = SOURCE.model_copy(update={"seed": 5})
    own = simulate(source)
    after = own.loc[own["end"] >= ENDS, "uid"]
    assert len(after) > 0
    assert set(after) <= set(later(0, 1, source, reach=dt.timedelta(0))["uid"])


def test_days_are_as_busy_as_the_source_s_own_of_their_kind_and_the_hosts_the_same():
    own, weeks = simulate(SOURCE), later(0, 14)
    weeks = weeks[weeks["end"] >= ENDS]
    per_day = weeks.groupby(weeks["end"].dt.floor("D")).size()
    working = per_day[per_day.index.dayofweek < 5]
    assert working.mean() == pytest.approx(len(own) / 5, rel=0.1)
    assert per_day[per_day.index.dayofweek >= 5].mean() < 0.6 * working.mean()
    assert weeks["label"].mean() == pytest.approx(own["label"].mean(), abs=0.03)
    inside = {ip for ip in weeks["src_ip"] if ip.startswith("10.")}
    assert len(inside & set(own["src_ip"])) > 0.8 * len(inside)


def test_no_week_repeats_another():
    assert not set(later(0, 7)["uid"]) & set(later(8, 14)["uid"])


def test_what_had_changed_stays_changed():
    changed = SOURCE.model_copy(update={"drift": ("new_service",), "drift_from_day": 3})
    assert (later(2, 3, changed)["service"] == "xmpp").mean() > 0.1
    assert (later(2, 3)["service"] == "xmpp").mean() == 0


def test_no_campaign_of_one_week_passes_for_another_s():
    own = simulate(SOURCE)
    seen = set(own["campaign"].dropna())
    for week in range(3):
        begin = ENDS + dt.timedelta(days=7 * week)
        rows = later(7 * week, 7 * week + 7, reach=dt.timedelta(0))
        named = set(rows.loc[rows["ts"] >= begin, "campaign"].dropna())
        assert len(named) > 8
        assert not named & seen
        seen |= named
