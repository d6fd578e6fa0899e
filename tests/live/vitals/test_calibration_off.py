"""That calibration is off is said of traffic that has moved, and not of attacks."""

import numpy as np
import pandas as pd
import pytest
from rates import A_DAY, TARGET, a_model, days_of, taken
from some_alerts import HOSTILE as ANY_TEXT

from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.vitals.calibration_off import calibration_off
from oddwire.live.vitals.observed_rate import RatesSoFar

MODEL = a_model()
# Readers give whole letters: a lone surrogate is no source's name.
HOSTILE = [text.encode("utf-8", "replace").decode() for text in ANY_TEXT]


def said(rows, scores, **given):
    rates = taken(RatesSoFar(MODEL), rows, scores, threshold=MODEL.threshold)
    return calibration_off(rates, "office", **given)


def attacked(rows, scores, *, a_day, sources):
    """Put alarms of an attacker's hosts among rows."""
    count = round(len(rows) / A_DAY * a_day)
    when = np.linspace(0, 1, count) * (rows["end"].iloc[-1] - rows["end"].iloc[0])
    attack = pd.DataFrame({
        "src_ip": [f"203.0.113.{n % sources}" for n in range(count)],
        "end": rows["end"].iloc[0] + when,
    })  # fmt: skip
    both = pd.concat([rows, attack], ignore_index=True).assign(
        score=np.append(scores, np.full(count, 100.0))
    )
    both = both.sort_values("end", kind="stable", ignore_index=True)
    return both[["src_ip", "end"]], both["score"].to_numpy()


@pytest.mark.parametrize("seed", range(5))
def test_of_traffic_like_the_calibration_s_nothing_is_said(seed):
    assert said(*days_of(8, seed=seed)) is None


def test_traffic_that_has_moved_is_named_with_the_remedy():
    rows, scores = days_of(4)
    text = said(rows, scores + 0.7)
    assert text.startswith("calibration is off: ")
    assert "incidents a day" in text
    assert "exceed the target of 30" in text
    assert "`oddwire train office`" in text
    assert "`--adaptive`" in text
    assert "--adaptive" not in said(rows, scores + 0.7, adaptive=True)


def test_a_day_or_two_are_not_enough():
    rows, scores = days_of(2)
    assert said(rows, scores + 0.7) is None


@pytest.mark.parametrize("sources", [40, 250])
def test_attacks_of_many_hosts_are_no_fault_of_the_calibration(sources):
    rows, scores = attacked(*days_of(4), a_day=5 * TARGET, sources=sources)
    rates = taken(RatesSoFar(MODEL), rows, scores, threshold=MODEL.threshold)
    assert rates.lately()["week"].verdict == "above"
    assert calibration_off(rates, "office") is None


def noisy(name, *, at=3):
    names = [f"10.0.0.{number}" for number in range(20)]
    names[at : at + 2] = [name, f"{name}0"]
    rows, scores = days_of(4, names=names)
    both = rows["src_ip"].isin(names[at : at + 2]).to_numpy()
    scores[both & (np.random.default_rng(0).random(len(rows)) < 0.4)] = 100.0
    return said(rows, scores)


def test_noisy_sources_are_named_with_the_command():
    text = noisy("10.0.7.1")
    assert "exceed the target of 30" in text
    for name in ("10.0.7.1", "10.0.7.10"):
        assert (
            f"`oddwire allow add --source {name} --for office --expires 30d --reason ...`" in text
        )
    assert "`; rm -rf" not in text


@pytest.mark.parametrize("text", [*HOSTILE, "`; rm -rf ~`"], ids=lambda text: repr(text[:12]))
def test_a_name_that_is_no_address_comes_into_no_command(text):
    found = noisy(text)
    assert "allow add" not in found
    assert "put them on the allow-list" in found
    assert found.isprintable()
    assert len(found) < 600
    assert wire_name(text) in found


def test_rows_that_name_nobody_are_no_noisy_source():
    rows, scores = days_of(4)
    nobody = (rows["src_ip"] == "10.0.0.3").to_numpy()
    rows.loc[nobody, "src_ip"] = None
    scores[nobody & (np.random.default_rng(0).random(len(rows)) < 0.8)] = 100.0
    rates = taken(RatesSoFar(MODEL), rows, scores, threshold=MODEL.threshold)
    assert rates.over(72).hits["unknown"] > rates.over(72).hits.total() / 2
    assert calibration_off(rates, "office") is None


def test_fewer_alarms_and_fewer_hosts_near_the_threshold_are_named_after_a_week():
    rows, scores = days_of(8)
    assert "are below the target of 30" in said(rows, scores - 1.5)
    assert said(rows[: 4 * A_DAY], scores[: 4 * A_DAY] - 1.5) is None
