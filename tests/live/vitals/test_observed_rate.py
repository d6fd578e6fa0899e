"""Alarms of the last day and week against the target, however rows are cut and names made up."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rates import A_DAY, BEGIN, INCIDENTS, TARGET, a_model, days_of, taken
from some_alerts import HOSTILE as ANY_TEXT

from oddwire.errors import ModelError
from oddwire.live.vitals.observed_rate import RatesSoFar
from oddwire.traffic.units.so_far import UnitsSoFar, WorstSoFar

DAY = 86_400_000_000
MODEL = a_model()
# Readers give whole letters: a lone surrogate is no source's name.
HOSTILE = [text.encode("utf-8", "replace").decode() for text in ANY_TEXT]


def of(rows, scores, model=MODEL, **given):
    return taken(RatesSoFar(model), rows, scores, threshold=model.threshold, **given)


def state(rates):
    return json.dumps(rates.to_dict(), sort_keys=True, allow_nan=False)


def test_before_there_is_an_hour_nothing_is_observed():
    assert RatesSoFar(MODEL).lately() == {"day": None, "week": None}
    assert of(*days_of(0.5 / 24)).lately() == {"day": None, "week": None}


def test_the_last_day_and_week_are_counted_and_what_was_before_is_forgotten():
    rows, scores = days_of(20)
    scores[: 10 * A_DAY] = 100.0
    rates = of(rows, scores)
    alerts = scores >= MODEL.threshold
    lately = rates.lately()
    assert lately["week"].days == pytest.approx(7, abs=0.05)
    assert lately["day"].days == pytest.approx(1, abs=0.05)
    assert lately["day"].alerts == lately["day"].incidents == alerts[-A_DAY:].sum()
    assert lately["week"].incidents == alerts[-7 * A_DAY :].sum()
    assert lately["week"].value == pytest.approx(lately["week"].incidents / 7, rel=0.02)
    assert lately["week"].low < lately["week"].value < lately["week"].high
    assert len(rates.to_dict()["hours"]) == 168


@pytest.mark.parametrize(("factor", "verdict"), [(1, "kept"), (3, "above"), (0.2, "below")])
def test_the_verdict_is_on_the_target(factor, verdict):
    rows, _ = days_of(7)
    random = np.random.default_rng(5)
    scores = np.where(random.random(len(rows)) < factor * TARGET / A_DAY, 100.0, 0.0)
    lately = of(rows, scores).lately()["week"]
    assert lately.verdict == verdict
    assert lately.value == pytest.approx(factor * TARGET, rel=0.2)


def test_alarms_of_one_source_make_no_verdict():
    rows, scores = days_of(7)
    scores[(rows["src_ip"] == "10.0.0.3").to_numpy()] = 100.0
    lately = of(rows, scores).lately()["week"]
    assert lately.value > 4 * TARGET
    assert lately.verdict == "kept", "what one source does says little of the others"


def test_a_time_without_rows_is_no_traffic():
    rows, scores = days_of(0.5)
    later, more = days_of(0.25, first=0.9)
    rates = of(pd.concat([rows, later], ignore_index=True), np.append(scores, more))
    assert rates.over(48).days == pytest.approx(0.75 + 1 / 24, abs=0.02)


@settings(deadline=None, max_examples=20)
@given(at=st.lists(st.integers(0, 2 * A_DAY), max_size=10))
def test_how_rows_are_cut_does_not_matter(at):
    rows, scores = days_of(2, seed=3)
    assert state(of(rows, scores, at=at)) == state(of(rows, scores))


def test_it_goes_on_after_a_restart():
    rows, scores = days_of(3, seed=4)
    whole = of(rows, scores)
    begun = of(rows[:A_DAY], scores[:A_DAY])
    again = RatesSoFar(MODEL)
    again.go_on(json.loads(state(begun)))
    taken(again, rows[A_DAY:], scores[A_DAY:], threshold=MODEL.threshold)
    assert state(again) == state(whole)
    assert again.lately() == whole.lately()


def test_made_up_sources_take_no_room():
    count = 100_000
    rows = pd.DataFrame({
        "src_ip": [f"203.{n % 250}.{n // 250 % 250}.{n // 62_500}" for n in range(count)],
        "end": BEGIN + pd.to_timedelta(np.linspace(0, 7190, count), unit="s"),
    })  # fmt: skip
    rates = of(rows, np.full(count, 100.0))
    assert len(state(rates)) < 20_000
    assert rates.over(24).hits.total() == count
    assert rates.lately()["day"].incidents == count
    assert rates.lately()["day"].verdict == "above"


@pytest.mark.parametrize("creeps", [False, True], ids=["at once", "by way of near"])
def test_attacks_of_many_hosts_bring_no_unit_near_the_threshold(creeps):
    rows, scores = days_of(4)
    wanted = of(rows, scores).over(96).near.total()
    count = 4 * 2400
    sprayed = pd.DataFrame({
        "src_ip": [f"203.0.{n // 250}.{n % 250}" for n in range(count)],
        "end": BEGIN + pd.to_timedelta(np.linspace(0, 4 * 86_400 - 600, count), unit="s"),
    })  # fmt: skip
    first = np.full(count, MODEL.threshold * 0.999 if creeps else 100.0)
    all_rows = pd.concat([rows, sprayed, sprayed], ignore_index=True)
    all_rows["score"] = np.concatenate([scores, first, np.full(count, 100.0)])
    all_rows = all_rows.sort_values("end", kind="stable", ignore_index=True)
    found = of(all_rows[["src_ip", "end"]], all_rows["score"].to_numpy()).over(96)
    assert found.hits.total() > count
    assert found.near.total() == wanted > 0


def test_a_unit_that_goes_on_over_the_hour_is_near_once_or_not_at_all():
    minutes = pd.to_timedelta([0, 119, 121], unit="min")
    rows = pd.DataFrame({"src_ip": ["10.0.0.1"] * 3, "end": BEGIN + minutes})
    so_far = WorstSoFar(
        before=np.array([-np.inf, -np.inf, MODEL.threshold - 1e-6]),
        worst=np.array([0.0, MODEL.threshold - 1e-6, 100.0]),
        clock=rows["end"].astype("int64").to_numpy() // 1000,
    )
    rates = RatesSoFar(MODEL)
    rates.take(rows, so_far, np.array([False, False, True]))
    assert rates.over(1).near.total() == -1
    assert rates.over(2).near.total() == 0
    assert rates.observed_near(rates.over(1)).rates[0].value == 0.0


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_names_are_short(text):
    rows, scores = days_of(2, names=[text] * 20)
    rates = of(rows, scores)
    assert len(state(rates)) < 30_000
    assert all(name.isprintable() for name in rates.over(48).hits)
    assert len(rates.over(48).hits) == 1


@pytest.mark.parametrize("name", ["share_of_units", "share_of_rows"])
def test_a_target_that_is_a_share_is_compared_as_one(name):
    model = a_model({name: 0.01})
    rows, scores = days_of(7, seed=2)
    lately = of(rows, scores, model).lately()["week"]
    assert (lately.name, lately.verdict) == (name, "kept")
    assert lately.low < 0.01 < lately.high
    many = np.where(np.random.default_rng(1).random(len(rows)) < 0.03, 100.0, 0.0)
    lately = of(rows, many, model).lately()["week"]
    assert lately.verdict == "above"
    assert lately.value == pytest.approx(0.03, rel=0.1)


def test_where_the_threshold_follows_drift_units_count_by_their_own():
    model = a_model({"share_of_units": 0.01})
    rows, scores = days_of(7, seed=2)
    so_far = UnitsSoFar().update(rows, scores)
    thresholds = np.full(len(rows), model.unit_calibration.worst.threshold(0.05))
    rates = RatesSoFar(model)
    rates.take(rows, so_far, scores >= thresholds, thresholds=thresholds)
    assert rates.lately()["week"].value == pytest.approx(0.05, rel=0.2)
    rates = RatesSoFar(model)
    rates.take(rows, so_far, scores >= model.threshold)
    assert rates.lately()["week"].value == pytest.approx(0.01, rel=0.3)


def test_without_a_target_there_is_a_figure_and_no_verdict():
    model = a_model()
    model.threshold_rule = {"rule": "best_f1", "target": None}
    lately = of(*days_of(2), model).lately()["day"]
    assert lately.name == INCIDENTS
    assert lately.verdict is None


def test_a_new_champion_is_judged_by_its_own_rows():
    rows, scores = days_of(4, seed=6)
    rates = of(rows[: 2 * A_DAY], scores[: 2 * A_DAY])
    before = rates.over(72).alerts
    rates.changed_to(a_model({INCIDENTS: 10.0}))
    taken(rates, rows[2 * A_DAY :], scores[2 * A_DAY :], threshold=MODEL.threshold)
    assert rates.over(72, own=True).days == pytest.approx(2, abs=0.1)
    assert rates.over(96).alerts > before, "people see what there was, whoever raised it"
    assert rates.target == {INCIDENTS: 10.0}


def test_a_model_without_calibration_is_refused():
    model = a_model()
    model.unit_calibration = None
    with pytest.raises(ModelError, match="must be calibrated"):
        RatesSoFar(model)
