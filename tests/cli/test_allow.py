"""``oddwire allow``: the list as people read and change it, and what it does to stored alerts."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace

import pytest
from some_alerts import some_alert
from some_stores import of_source, store_of

from oddwire.live.state import AlertStore
from oddwire.live.state.contents import alert_of, features_of
from oddwire.live.state.database import store_address

FEATURES = {"src_peers_60s": 0.1 + 0.2, "service": "ssh"}


@pytest.fixture
def watched(project):
    """Six alerts: two of the scanner, one of these at another source."""
    alerts = [some_alert(at, minutes=at - 9, unit=f"10.0.1.{at}") for at in range(4)]
    scanner = some_alert("s", unit="10.0.3.7")
    lab = of_source(some_alert("l", unit="10.0.3.7"), "lab")
    store_of(project, *alerts, scanner, lab, features=FEATURES)
    return project


def stored(project):
    with AlertStore(store_address(project.live)) as store:
        return store.alerts(limit=1000)


def allow(oddwire, *arguments):
    ended = oddwire("allow", *arguments)
    assert ended.code == 0, ended.err
    return ended


def add(oddwire, *arguments):
    return allow(oddwire, "add", "--expires", "2999-12-31", "--reason", "our scanner", *arguments)


def test_alerts_that_are_kept_together_stay_as_they_were_and_it_is_said(oddwire, project):
    flood = [some_alert(at, minutes=at / 1000 - 2) for at in range(1200)]
    store_of(project, *(replace(one, reasons=()) for one in flood))
    told = add(oddwire, "--source", "10.0.0.0/24").out
    assert "Of 1,000 alerts in the store, 1,000 are suppressed: 1,000 newly, 0 no longer" in told
    assert (
        "The list was not applied to 200 more, which are kept together with their incidents" in told
    )
    assert oddwire("allow", "apply", "--json").json["together"] == 200


def test_an_entry_suppresses_what_is_stored_and_removing_it_no_longer(oddwire, watched):
    before = {one.id: one for one in stored(watched)}
    told = add(oddwire, "--source", "10.0.3.0/24").out
    assert "Of 6 alerts in the store, 2 are suppressed: 2 newly, 0 no longer" in told
    suppressed = [one for one in stored(watched) if one.suppressed]
    assert {one.source_address for one in suppressed} == {"10.0.3.7"}
    for one in suppressed:
        assert one.suppressed == alert_of(one).suppressed_by == "our scanner"
        assert features_of(one) == FEATURES  # to the last bit, so that it can be explained
        assert one.incident == before[one.id].incident
    assert "suppresses 2 alerts" in allow(oddwire).out
    assert "2 no longer" in allow(oddwire, "remove", "1").out
    assert {one.id: one for one in stored(watched)} == before


def test_a_service_that_no_alert_has_is_said_with_those_that_they_have(oddwire, watched):
    said = "None of the newest alerts is of the service "
    assert f"{said}https: theirs are ssh, tcp\n" in add(oddwire, "--service", "https").out
    assert said not in add(oddwire, "--service", "SSH").out
    assert said not in add(oddwire, "--source", "10.0.3.0/24").out


def test_an_entry_for_one_source_leaves_the_others_alone(oddwire, watched):
    sources = "sources: {office: {format: simulated}, lab: {format: simulated}}\n"
    watched.params_file.write_text(sources)
    add(oddwire, "--source", "10.0.3.7", "--for", "lab")
    (suppressed,) = [one for one in stored(watched) if one.suppressed]
    assert alert_of(suppressed).made_by.source == "lab"
    assert "unknown source 'attic'" in oddwire(
        "allow", "add", "--service", "ssh", "--expires", "3d", "--reason", "x", "--for", "attic"
    ).error  # fmt: skip


def test_a_list_that_was_edited_is_applied_when_asked(oddwire, watched):
    watched.allow_list.write_text("- {service: ssh, expires: 2999-12-31, reason: x}\n")
    assert allow(oddwire, "apply", "--json").json == {
        "alerts": 6, "suppressed": 6, "newly": 6, "no_longer": 0, "together": 0
    }  # fmt: skip
    watched.allow_list.write_text("- {service: ssh, expires: 2026-03-02, reason: over before}\n")
    assert allow(oddwire, "apply", "--json").json["no_longer"] == 6


def test_the_list_says_what_is_covered_until_when_how_often_and_why(oddwire, watched, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    reason = "[b]why[/b] " + "a long story " * 20
    watched.allow_list.write_text(
        "- {source: 10.0.3.7, service: ssh, expires: 2026-03-02T11:58:00, reason: over}\n"
        f"- {{source: 10.0.0.0/16, destination: 10.0.0.9, expires: 2999-12-31, reason: '{reason}',"
        " for: office}\n"
    )
    allow(oddwire, "apply")
    shown = allow(oddwire).out
    assert "1. from 10.0.3.7 service ssh, expired 2026-03-02 11:58, suppresses 0 alerts" in shown
    assert "2. from 10.0.0.0/16 to 10.0.0.9 for office, until 2999-12-31, suppresses 5 al" in shown
    assert "[b]why[/b] a long story" in shown
    assert max(map(len, shown.splitlines())) <= 90  # an entry's own line is not broken
    first, second = allow(oddwire, "--json").json
    assert (first["expired"], first["suppresses"], second["suppresses"]) == (True, 0, 5)
    assert second | {"source": "10.0.0.0/16", "destination": "10.0.0.9", "for": "office"} == second


def test_without_a_store_the_list_can_be_written_all_the_same(oddwire, project):
    assert "every alert is sent" in allow(oddwire).out
    added = add(oddwire, "--service", "ssh", "--json").json
    assert added["stored"] is None
    assert added["added"]["number"] == 1
    assert "suppresses" not in allow(oddwire).out
    assert "`oddwire watch SOURCE` makes it" in oddwire("allow", "apply").error


def test_days_count_from_now_on(oddwire, project):
    ended = allow(
        oddwire, "add", "--service", "ssh", "--expires", "30d", "--reason", "x", "--json"
    )  # fmt: skip
    expires = dt.datetime.fromisoformat(ended.json["added"]["expires"])
    assert dt.timedelta(30) < expires - dt.datetime.now(dt.UTC) <= dt.timedelta(31)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("remove", "1"), "the allow-list has no entry 1, it has none"),
        (("add", "--service", "ssh", "--expires", "3d"), "Missing option '--reason'"),
        (("add", "--expires", "3d", "--reason", "x"), "needs a source, a destination or a service"),
        (("add", "--service", "ssh", "--expires", "soon", "--reason", "x"), "such as 2026-12-31"),
        (("add", "--source", "10.0.0.0/99", "--expires", "3d", "--reason", "x"), "such as 10.0.3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_and_writes_nothing(oddwire, project, arguments, said):
    assert said in oddwire("allow", *arguments).error
    assert not project.allow_list.exists()


def test_a_broken_list_is_one_line(oddwire, project):
    project.allow_list.write_text(json.dumps([{"service": "ssh"}]))
    assert "allow_list.yaml, entry 1: an allow-list entry needs a reason" in oddwire("allow").error
