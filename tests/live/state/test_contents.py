"""What is kept of alerts and incidents: all of it, to the last bit, as JSON that everyone reads."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from some_alerts import HOSTILE, MINUTE, NOON, some_alert

from oddwire.live.alerts.alert import Endpoint
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.state import (
    AlertStore,
    Commit,
    Following,
    Store,
    alert_of,
    alerts_together,
    features_of,
    incident_of,
    more_alerts,
    stored_alert,
    stored_incident,
)


def strict(text):
    """Read JSON that has no numbers which other readers refuse."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_an_alert_comes_back_as_it_was():
    alert = some_alert().suppressed("backups")
    kept = stored_alert(alert, incident="i")
    assert alert_of(kept) == alert
    assert (kept.id, kept.seen, kept.incident) == (alert.id, NOON / MINUTE * 60, "i")
    assert (kept.suppressed, kept.severity, kept.kind) == ("backups", 2, "scan")
    assert (kept.source_address, kept.destination) == ("10.0.0.5", "10.0.0.9")


@given(st.dictionaries(st.text(), st.floats() | st.text() | st.none()))
def test_features_come_back_to_the_last_bit(features):
    kept = stored_alert(some_alert(), features=features)
    strict(kept.content)
    found = features_of(kept)
    assert list(found) == list(features)
    for name, value in features.items():
        if isinstance(value, float) and math.isnan(value):
            assert found[name] is None
        elif isinstance(value, float):
            assert float(found[name]).hex() == value.hex()
        else:
            assert found[name] == value


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_come_back_and_can_be_kept(tmp_path, text):
    name = wire_name(text)
    alert = some_alert(unit=name, target=name)
    kept = stored_alert(alert, features={"service": text})
    with Store(f"sqlite:///{tmp_path / 'a.db'}", source="office") as store:
        store.commit(Commit(b"", alerts=(kept,)), after=Following())
    assert alert_of(kept) == alert
    assert features_of(kept) == {"service": text}


def test_an_incident_comes_back_as_it_stood():
    incident = Incident.opened_by(some_alert()).joined_by(some_alert("2", minutes=3))
    kept = stored_incident(incident)
    assert incident_of(kept) == incident
    assert (kept.closed, kept.alerts, kept.severity, kept.kind) == (None, 2, 2, "scan")
    assert kept.updated - kept.opened == 180
    closed = stored_incident(incident.ended(NOON + 13 * MINUTE, "quiet"))
    assert closed.closed - closed.opened == 780
    assert stored_incident(incident.ended(None, "too many")).closed == kept.updated


def test_what_has_no_time_and_no_address_can_be_kept():
    alert = some_alert(clock=None, unit=None, source=Endpoint(), destination=Endpoint())
    kept = stored_alert(alert)
    assert (kept.seen, kept.source_address, kept.destination) == (0.0, "", "")
    assert stored_incident(Incident.opened_by(alert)).opened == 0.0


def test_alerts_of_an_incident_that_are_not_listed_come_back_in_order(tmp_path):
    address, alerts = f"sqlite:///{tmp_path / 'a.db'}", [some_alert(each) for each in range(50)]
    with Store(address, source="office") as store:
        following = Following()
        for begin in range(0, 50, 10):
            some = more_alerts("i", alerts[begin : begin + 10])
            assert len(some.content) / some.alerts < 200
            made = Commit(b"", more_alerts=(some, more_alerts("j", alerts[:1])))
            following = store.commit(made, after=following).following
    with AlertStore(address) as reader:
        kept = list(reader.more_alerts_of("i"))
    assert [one.alerts for one in kept] == [10] * 5
    assert [alert for one in kept for alert in alerts_together(one)] == alerts
