"""Alerts and incidents in the terminal and as JSON, and one scored again."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest
from some_alerts import HOSTILE, MADE_BY, some_alert

from oddwire.live.alerts.alert import MadeBy
from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.raising import raise_alerts
from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.state import (
    STORE_VARIABLE,
    Commit,
    Following,
    Store,
    store_address,
    stored_alert,
    stored_incident,
)
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking

LONG = "2001:0db8:85a3:0000:0000:8a2e:0370:7334"


def keep(address, alerts, *, features=None, now=None):
    """Keep alerts and their incidents; return the incidents as they stand."""
    opened = OpenIncidents()
    grouped = opened.update(alerts, now)
    last = {change.incident.id: change.incident for change in grouped.changes}
    last |= {incident.id: incident for incident in opened.incidents}
    stored = tuple(
        stored_alert(alert, incident=grouped.joined.get(alert.id, ""), features=one)
        for alert, one in zip(alerts, features or [{}] * len(alerts), strict=True)
    )
    made = Commit(b"", alerts=stored, incidents=tuple(map(stored_incident, last.values())))
    with Store(address, source=alerts[0].made_by.source) as store:
        store.commit(made, after=Following())
    return [*last.values()]


@pytest.fixture
def store(project, monkeypatch):
    """The address of a project's store, in a terminal of 80 columns."""
    monkeypatch.delenv(STORE_VARIABLE, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    return store_address(project.live)


@pytest.fixture
def scan(store):
    """A scan of 40 alerts and, an hour later, a beacon and a suppressed alert."""
    alerts = [some_alert(one, minutes=one / 60, target=f"10.0.0.{one}") for one in range(40)]
    beacon = some_alert("b", minutes=60, unit=LONG, kind=Kind.BEACON, target=LONG, p=2.5e-5)
    backup = some_alert("s", minutes=61).suppressed("backups of the night")
    return [*alerts, beacon, backup], keep(store, [*alerts, beacon, backup])


def test_incidents_are_a_table_that_cuts_no_name(oddwire, scan):
    ended = oddwire("incidents")
    assert (ended.code, ended.err) == (0, "")
    assert max(map(len, ended.out.splitlines())) <= 80
    for incident in scan[1]:
        assert incident.id[:10] in ended.out
    assert ended.out.index("beacon") < ended.out.index("scan"), "the newest first"
    assert "32 or more hosts" in ended.out
    pieces = re.sub(r"\s+", "", ended.out)
    assert all(piece in pieces for piece in LONG.split(":"))


def test_an_incident_is_shown_with_its_alerts_and_what_set_it_apart(oddwire, scan):
    alerts, (first, beacon) = scan[0], sorted(scan[1], key=lambda one: one.opened)
    shown = oddwire("incidents", first.id[:8])
    assert max(map(len, shown.out.splitlines())) <= 100, "an id is not broken"
    for words in (
        first.id, "scan: 10.0.0.5 -> 32 or more hosts, 40 alerts", "closed", "ten minutes",
        "about 1 in 1,000 benign units", "oddwire-office version 7", alerts[0].id[:10],
        "60 %: targets of the source in a minute: 240 (typically 3)",
        "The first 10 of its alerts",
        f"`oddwire alerts --incident {first.id[:10]} --limit 40` lists all",
    ):  # fmt: skip
        assert words in shown.out, words
    assert "about 1 in 40,000 benign units" in oddwire("incidents", beacon.id).out
    found = oddwire("incidents", beacon.id, "--json").json
    assert found["unit_p_value"] == 2.5e-5
    assert [one["id"] for one in found["first_alerts"]] == [alerts[40].id]


def test_lists_are_filtered(oddwire, scan):
    alerts, (first, beacon) = scan[0], sorted(scan[1], key=lambda one: one.opened)

    def ids(*arguments):
        return [one["id"] for one in oddwire(*arguments, "--json").json]

    assert ids("incidents") == [beacon.id, first.id]
    assert ids("incidents", "--kind", "beacon") == [beacon.id]
    assert ids("incidents", "--severity", "high") == [
        one.id for one in (beacon, first) if one.severity.word in {"high", "critical"}
    ]
    assert ids("incidents", "--state", "closed") == [first.id]
    assert ids("incidents", "--until", "2026-03-02T12:30") == [first.id]
    assert ids("incidents", "--since", "2026-03-02T12:30") == [beacon.id]
    assert ids("incidents", "--address", "10.0.0.39") == [first.id], "beyond the 32 that it names"
    assert ids("incidents", "--source", "lab") == []
    assert ids("alerts", "--suppressed") == [alerts[41].id]
    assert ids("alerts", "--sent", "--limit", 1) == [alerts[40].id]
    assert ids("alerts", "--incident", first.id[:6], "--limit", 2) == [alerts[39].id, alerts[38].id]
    assert ids("alerts", "--address", "10.0.0.7") == [alerts[7].id]
    assert "There is no incident like that" in oddwire("incidents", "--source", "lab").out
    assert "The newest 5 alerts" in oddwire("alerts", "--limit", 5).out


def test_an_alert_is_shown_with_its_incident_or_why_it_was_not_sent(oddwire, scan):
    alerts, incidents = scan
    shown = oddwire("alerts", alerts[40].id[:8])
    assert max(map(len, shown.out.splitlines())) <= 80
    assert any(incident.id in shown.out for incident in incidents)
    assert "1,200 bytes, 9 packets" in shown.out
    assert "backups of the night" in oddwire("alerts", alerts[41].id).out
    found = oddwire("alerts", alerts[41].id, "--json").json
    assert (found["incident"], found["suppressed_by"]) == (None, "backups of the night")
    assert "backups" in oddwire("alerts", "--suppressed").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["incidents", "--severity", "hgh"], "--severity must be one of low, medium, high, crit"),
        (["incidents", "--state", "new"], "--state must be open or closed, got 'new'"),
        (["alerts", "--kind", "scna"], "--kind must be one of brute force, lateral movement"),
        (["alerts", "--since", "noon"], "since must be a time such as"),
        (["alerts", "--since", "2026-03-02", "--until", "2026-03-01"], "since must be before unt"),
        (["alerts", "abc"], "must be at least 4 of the digits 0 to 9 and a to f"),
        (["alerts", "ffff9999"], "the store has no alert 'ffff9999': it was never raised, or it"),
        (["alerts", "--incident", "ffff9999"], "the store has no incident 'ffff9999'"),
        (["explain", "ffff9999"], "the store has no alert or incident 'ffff9999'"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_told_in_one_line(oddwire, scan, arguments, said):
    assert said in oddwire(*arguments).error


@pytest.mark.parametrize("command", [["alerts"], ["incidents"], ["explain", "ffff9999"]], ids=str)
def test_where_nothing_was_watched_it_says_what_to_do(oddwire, project, store, command):
    assert "is not there yet: `oddwire watch SOURCE` makes it" in oddwire(*command).error
    assert not project.live.exists()


def test_an_empty_store_is_no_error(oddwire, store):
    with Store(store, source="office") as opened:
        opened.commit(Commit(b""), after=Following())
    assert "There is no incident yet" in oddwire("incidents").out
    assert "There is no alert yet" in oddwire("alerts").out
    assert oddwire("alerts", "--json").json == []


def test_hostile_names_steer_no_terminal(oddwire, store):
    alerts = [
        some_alert(
            number, minutes=number, unit=wire_name(f"{text}[bold]"), target=wire_name(text),
            service=wire_name(text), uid=wire_name(text),
        ).suppressed(None if number % 2 else f"[red]{number}")
        for number, text in enumerate(HOSTILE)
    ]  # fmt: skip
    incidents = keep(store, alerts)
    asked = [["alerts"], ["incidents"], *(["alerts", alert.id] for alert in alerts)]
    asked += [["incidents", incident.id] for incident in incidents]
    for arguments in asked:
        ended = oddwire(*arguments)
        assert ended.code == 0, ended.err
        assert all(line.isprintable() for line in ended.out.splitlines()), arguments
        assert max(map(len, ended.out.splitlines())) <= 100
    assert "[bold]" in oddwire("alerts", alerts[0].id).out
    assert "[red]0" in oddwire("alerts", alerts[0].id).out


@pytest.fixture
def raised(office, tmp_path, monkeypatch):
    """Alerts of a really trained model, kept in a store of their own."""
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    monkeypatch.setenv(STORE_VARIABLE, address)
    version, model = Registry.of(Tracking.connect(office.project), office.project).load_champion(
        "office"
    )
    rows = pd.read_parquet(office.project.prepared("office") / "test.parquet")
    scores = model.score(rows)
    chosen = scores["alert"].to_numpy()
    rows, scores = rows[chosen].reset_index(drop=True), scores[chosen].reset_index(drop=True)
    made_by = MadeBy("office", "oddwire-office", version.number, "3f2a", model.threshold)
    alerts = raise_alerts(
        rows, scores, unit_p_values=model.unit_calibration.p_values(scores["anomaly_score"])[0],
        clock=np.arange(len(rows)), places=[str(place) for place in range(len(rows))],
        made_by=made_by,
    )  # fmt: skip
    features = rows[list(model.schema.columns)].to_dict("records")
    return alerts, keep(address, alerts, features=features)


@pytest.mark.slow
def test_an_alert_is_scored_again_and_has_the_same_number(oddwire, raised):
    alerts, incidents = raised
    worst = min(alerts, key=lambda alert: alert.unit_p_value)
    shown = oddwire("explain", worst.id[:12])
    assert shown.code == 0, shown.err
    assert max(map(len, shown.out.splitlines())) <= 80
    told = re.sub(r"\s+", " ", shown.out)
    assert f"anomaly score {worst.score!r}, the same as when it was raised" in told
    assert "typical" in told
    assert not re.search(r"(src|dst|pair|new)_[a-z]+", told), "features are told in words"
    found = oddwire("explain", worst.id, "--top", 2, "--json").json
    assert (found["same"], found["score"], len(found["features"])) == (True, worst.score, 2)
    of_incident = oddwire("explain", incidents[0].id, "--json").json
    assert of_incident["alert"]["id"] == incidents[0].worst
    assert of_incident["incident"] == incidents[0].id


@pytest.mark.slow
def test_a_version_that_is_gone_is_one_clear_line(oddwire, office, tmp_path, monkeypatch):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    monkeypatch.setenv(STORE_VARIABLE, address)
    alert = some_alert()
    keep(address, [alert], features=[{"sent": 1.0}])
    said = oddwire("explain", alert.id).error
    assert f"alert {alert.id} cannot be scored again: oddwire-office has no version 7" in said
    assert f"`oddwire alerts {alert.id}` shows what was stored" in said
    assert MADE_BY.model_version == "7"
    assert json.loads(oddwire("alerts", alert.id, "--json").out)["id"] == alert.id
