"""Alerts become incidents: the same however rows are cut and however often state is saved."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from some_alerts import MINUTE, NOON, some_alert

from oddwire.live.alerts.alert import Endpoint
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.alerts.kinds import OF_A_TAKEN_HOST, VAGUE, Kind
from oddwire.live.alerts.severity import Severity
from oddwire.traffic.units import units_of


def stream(seed, n=300, *, sources=6, kinds=tuple(Kind), minutes=300):
    """Return alerts of some hosts, some of them without a time, a unit or a target."""
    random = np.random.default_rng(seed)
    times = np.sort(random.uniform(0, minutes, n))
    untimed = random.integers(0, 5)  # of rows before the first time
    alerts = []
    for place in range(n):
        alert = some_alert(
            place,
            minutes=times[place],
            unit=None if random.random() < 0.03 else f"10.0.0.{random.integers(sources)}",
            target=None if random.random() < 0.03 else f"10.0.1.{random.integers(sources)}",
            p=float(10 ** -random.uniform(2, 9)),
            kind=kinds[random.integers(len(kinds))],
            suppressed_by="known" if random.random() < 0.1 else None,
            **({"clock": None} if place < untimed else {}),
        )
        alerts.append(alert)
    return alerts


def told(alerts, cuts=(), *, saved=False, most=10):
    state, changes, joined = OpenIncidents(most=most), [], {}
    for begin, end in pairwise([0, *sorted(cuts), len(alerts)]):
        batch = alerts[begin:end]
        grouped = state.update(batch, batch[-1].clock if batch else None)
        changes += grouped.changes
        joined |= grouped.joined
        if saved:
            state = OpenIncidents.from_dict(json.loads(json.dumps(state.to_dict())), most=most)
    end = state.update([], NOON + 400 * MINUTE)
    return [*changes, *end.changes], joined, state


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    cuts=st.lists(st.integers(0, 300), max_size=30),
    saved=st.booleans(),
    most=st.sampled_from([3, 10, 1000]),
)
def test_however_rows_are_cut_or_saved(seed, cuts, saved, most):
    alerts = stream(seed)
    whole, joined, state = told(alerts, most=most)
    cut, cut_joined, cut_state = told(alerts, cuts, saved=saved, most=most)
    assert (cut, cut_joined) == (whole, joined)
    assert cut_state.to_dict() == state.to_dict()
    assert sum(change.what == "opened" for change in whole) > 10


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000), most=st.sampled_from([3, 1000]))
def test_each_alert_is_in_one_incident_and_each_incident_opens_and_closes_once(seed, most):
    alerts = stream(seed)
    changes, joined, state = told(alerts, most=most)
    sent = [alert for alert in alerts if alert.suppressed_by is None]
    assert joined.keys() == {alert.id for alert in sent}
    opened = [change.incident.id for change in changes if change.what == "opened"]
    closed = {change.incident.id: change.incident for change in changes if change.what == "closed"}
    assert len(opened) == len({*opened}) == len(closed)
    assert {*opened} == closed.keys()
    assert sum(incident.count for incident in closed.values()) == len(sent)
    assert len(state) == 0
    # The smallest of its alerts' unit p-values, and each alert counted as what it looks like.
    for name, incident in closed.items():
        own = [alert for alert in sent if joined[alert.id] == name]
        assert incident.unit_p_value == min(alert.unit_p_value for alert in own)
        assert sum(incident.kinds.values()) == incident.count == len(own)
        assert incident.opened == own[0].clock
        assert incident.last == own[-1].clock


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_of_one_kind_they_are_the_incidents_that_the_target_counts(seed):
    """One count in the calibration, in reports and here."""
    import pandas as pd

    alerts = [
        alert
        for alert in stream(seed, kinds=(Kind.SCAN,), sources=20)
        if alert.clock and alert.unit and not alert.suppressed_by
    ]
    ends = pd.to_datetime([alert.clock for alert in alerts], unit="us", utc=True)
    frame = pd.DataFrame({"end": ends, "src_ip": [alert.unit for alert in alerts]})
    expected = units_of(frame).incidents(np.ones(len(alerts)), 1.0)
    changes, _, _ = told(alerts, most=1000)
    assert sum(change.what == "opened" for change in changes) == expected > 20


def test_a_scan_is_one_incident_with_a_count_told_a_few_times():
    alerts = [some_alert(n, minutes=n / 100, target=f"10.0.1.{n}") for n in range(1000)]
    changes, _, _ = told(alerts, range(0, 1000, 7))
    assert [change.what for change in changes] == ["opened", *["updated"] * 10, "closed"]
    incident = changes[-1].incident
    assert incident.title == "scan: 10.0.0.5 -> 32 or more hosts, 1,000 alerts"
    assert incident.closed == incident.last + 10 * MINUTE
    assert incident.why == "quiet"
    assert len(incident.destinations.values) == 32


def test_a_gap_of_ten_minutes_ends_an_incident_and_one_below_does_not():
    gap = [some_alert(1), some_alert(2, minutes=9.99), some_alert(3, minutes=19.99)]
    changes, joined, _ = told(gap)
    assert len({*joined.values()}) == 2
    assert joined[gap[0].id] == joined[gap[1].id]
    assert [change.what for change in changes] == [
        "opened", "updated", "closed", "opened", "closed",
    ]  # fmt: skip


def test_another_kind_of_the_same_source_is_another_incident_unless_it_is_vague():
    scan, beacon = some_alert(1), some_alert(2, minutes=1, kind=Kind.BEACON)
    vague = [some_alert(kind, minutes=2, kind=kind) for kind in sorted(VAGUE)]
    _, joined, _ = told([scan, beacon, *vague])
    assert joined[scan.id] != joined[beacon.id]
    assert {joined[alert.id] for alert in vague} == {joined[beacon.id]}


def test_a_vague_incident_takes_the_first_kind_that_says_more():
    vague = some_alert(1, kind=Kind.UNUSUAL, p=1e-2)
    known = some_alert(2, minutes=1, kind=Kind.EXFILTRATION, p=1e-7)
    other = some_alert(3, minutes=2, kind=Kind.SCAN)
    changes, joined, _ = told([vague, known, other])
    assert joined[vague.id] == joined[known.id] != joined[other.id]
    update = changes[1]
    assert update.what == "updated"
    assert (update.incident.kind, update.incident.severity) == (
        Kind.EXFILTRATION,
        Severity.CRITICAL,
    )


def test_a_flood_from_made_up_addresses_is_one_incident_in_bounded_memory():
    alerts = [
        some_alert(n, minutes=n / 1000, unit=f"198.51.{n // 250}.{n % 250}", kind=Kind.FLOOD)
        for n in range(5000)
    ]
    state = OpenIncidents()
    state.update(alerts[:500])
    early = len(json.dumps(state.to_dict()))
    state.update(alerts[500:])
    assert len(state) == 1
    assert state.incidents[0].count == 5000
    assert len(json.dumps(state.to_dict())) < early + 100


def test_a_flood_is_one_incident_though_the_first_of_its_alerts_alone_are_explained():
    flood = [
        some_alert(n, minutes=n / 100, unit=f"198.51.100.{n}",
                   **({"kind": Kind.FLOOD} if n < 16 else {"kind": Kind.UNUSUAL, "reasons": ()}))
        for n in range(200)
    ]  # fmt: skip
    other = some_alert(200, minutes=2, unit="198.51.100.1", target="10.0.0.8", kind=Kind.UNUSUAL)
    elsewhere = some_alert(201, minutes=2, unit="10.0.0.7", target="10.0.0.8", kind=Kind.UNUSUAL)
    _, joined, state = told([*flood, other, elsewhere])
    assert len({joined[alert.id] for alert in (*flood, other)}) == 1
    assert joined[elsewhere.id] != joined[flood[0].id]
    assert len(state) == 0


@pytest.mark.parametrize("kind", sorted(OF_A_TAKEN_HOST))
def test_what_a_taken_host_does_to_one_target_goes_on_for_an_hour(kind):
    calls = [some_alert(n, minutes=minutes, kind=kind) for n, minutes in enumerate((0, 59, 118))]
    late = some_alert(3, minutes=178, kind=kind)
    elsewhere = some_alert(4, minutes=30, target="10.0.0.8", kind=kind)
    vague = some_alert(5, minutes=75, kind=Kind.UNUSUAL)
    scan = some_alert(6, minutes=76, kind=Kind.SCAN)
    alerts = sorted([*calls, late, elsewhere, vague, scan], key=lambda alert: alert.clock)
    changes, joined, _ = told(alerts, cuts=(1, 3), saved=True)
    assert {joined[call.id] for call in calls} == {joined[calls[0].id]}
    others = {joined[alert.id] for alert in (calls[0], late, elsewhere, scan)}
    assert len(others) == 4
    assert joined[vague.id] == joined[scan.id], "what is vague joins what is near in time"
    closed = [change.incident for change in changes if change.what == "closed"]
    assert [incident.closed for incident in closed] == sorted(each.closed for each in closed)
    assert [each.closed - each.last for each in closed if each.kind == kind] == [60 * MINUTE] * 3


def test_of_too_many_incidents_the_one_without_an_alert_for_longest_is_closed():
    alerts = [some_alert(n, minutes=n / 100, unit=f"10.0.{n}.1") for n in range(8)]
    state = OpenIncidents(most=3)
    changes = state.update(alerts).changes
    closed = [change.incident for change in changes if change.what == "closed"]
    assert [incident.unit for incident in closed] == [alert.unit for alert in alerts[:5]]
    assert {incident.why for incident in closed} == {"too many"}
    assert (len(state), len(closed)) == (3, 5)


def test_severity_never_falls_and_the_p_value_never_rises():
    changes, _, _ = told(stream(3))
    so_far = {}
    for change in changes:
        now = change.incident
        before = so_far.get(now.id, now)
        assert now.severity >= before.severity
        assert now.unit_p_value <= before.unit_p_value
        so_far[now.id] = now


def test_an_incident_whose_most_unusual_alert_is_not_explained_has_the_reasons_of_another():
    first, worst = some_alert(1), some_alert(2, p=1e-7, reasons=())
    worse = some_alert(3, p=1e-8, reasons=first.reasons[1:])
    for alerts, reasons in (
        ([first, worst], first.reasons),
        ([worst, first], first.reasons),
        ([first, worst, worse], worse.reasons),
    ):
        changes, _, _ = told(alerts)
        assert changes[-1].incident.reasons == reasons
    assert changes[-1].incident.worst == worse.id


def test_an_incident_survives_json():
    incident = told(stream(5))[0][-1].incident
    assert Incident.from_dict(json.loads(json.dumps(incident.to_dict()))) == incident


def test_ids_follow_from_the_first_alert_alone():
    one, other = (OpenIncidents().update([some_alert(1, p=p)]).changes[0] for p in (1e-3, 1e-8))
    assert (
        one.incident.id
        == other.incident.id
        != OpenIncidents().update([some_alert(2)]).changes[0].incident.id
    )


def test_at_least_one_is_kept():
    with pytest.raises(ValueError, match="at least one incident must be kept open, got 0"):
        OpenIncidents(most=0)


def test_what_is_not_explained_joins_what_is_open_at_its_target():
    state = OpenIncidents()
    flood = [
        some_alert(one, minutes=one / 100, unit=f"198.18.0.{one}", target="10.0.0.16",
                   kind=Kind.NEW_SERVICE if one < 16 else Kind.UNUSUAL,
                   **({} if one < 16 else {"reasons": ()}))
        for one in range(200)
    ]  # fmt: skip
    changes = state.update(flood, flood[-1].clock).changes
    assert sum(change.what == "opened" for change in changes) == 16
    other = some_alert("other", minutes=2, unit="198.18.9.9", target="10.0.0.17", reasons=())
    assert [change.what for change in state.update([other]).changes] == ["opened"]


def flood_of(sources):
    """Return the alerts of as many sources that are not explained, of equal rarity."""
    return [
        some_alert(n, minutes=n / 1000, unit=f"198.18.{n >> 8}.{n & 255}", kind=Kind.UNUSUAL,
                   reasons=())
        for n in range(sources)
    ]  # fmt: skip


def test_of_more_alerts_than_a_thousand_those_are_listed_that_say_something_new():
    alerts = flood_of(1200)
    alerts[0] = some_alert(0, kind=Kind.FLOOD)
    alerts[1100] = some_alert(1100, minutes=1.1, kind=Kind.FLOOD)  # explained
    alerts[1150] = replace(alerts[1150], unit_p_value=1e-5)  # the most unusual one

    def unlisted(cuts):
        state, found = OpenIncidents(), set()
        for begin, end in pairwise([0, *cuts, 1200]):
            found |= state.update(alerts[begin:end]).unlisted
            state = OpenIncidents.from_dict(json.loads(json.dumps(state.to_dict())))
        (incident,) = state.incidents
        return found, incident

    found, incident = unlisted(())
    wanted = {one.id for one in alerts[1000:]} - {alerts[1100].id, alerts[1150].id}
    assert found == wanted
    assert (incident.count, incident.listed, incident.worst) == (1200, 1002, alerts[1150].id)
    assert incident.unlisted.startswith("1,002 of its 1,200 alerts are listed one by one; the oth")
    assert incident.unlisted.endswith("a verdict on the incident covers all so far")
    assert replace(incident, count=50_000).unlisted.endswith("covers the first 10,000")
    assert unlisted((3, 999, 1001, 1100)) == (found, incident)
    small = OpenIncidents().update(alerts[:1000])
    assert (small.unlisted, small.changes[-1].incident.unlisted) == (frozenset(), "")


def test_what_is_not_explained_and_belongs_nowhere_is_one_incident():
    """Two thousand alerts are explained in ten minutes: then come those of made-up hosts."""
    flood = [
        replace(one, destination=Endpoint(f"10.9.{n >> 8}.{n & 255}"))
        for n, one in enumerate(flood_of(500))
    ]
    known = some_alert("known", minutes=1, unit=flood[3].unit, kind=Kind.BEACON)
    state = OpenIncidents()
    joined = state.update(flood).joined
    assert len({*joined.values()}) == len(state) == 1
    (incident,) = state.incidents
    assert incident.title == "unusual: 32 or more hosts -> 32 or more hosts, 500 alerts"
    # What says more of one of its hosts is no word on all the others.
    assert state.update([known]).joined[known.id] != incident.id
    assert {one.kind for one in state.incidents} == {Kind.UNUSUAL, Kind.BEACON}
