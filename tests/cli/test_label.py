"""``oddwire label``: verdicts as a person gives them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from some_alerts import NOON, some_alert
from some_stores import of_source, store_of

from oddwire.traffic.verdicts.table import VerdictTable


@pytest.fixture
def scan(project):
    """An incident of three alerts, beside an alert of another source that is suppressed."""
    alerts = [some_alert(at, minutes=at - 5, uid=f"C{at}") for at in range(3)]
    other = of_source(some_alert("lab", uid="L").suppressed("scanner"), "lab")
    (incident,) = store_of(project, *alerts, other)
    return incident, alerts, other


def verdicts(project, source="office"):
    table = VerdictTable.read(project.labels(source))
    return {one.connection.uid: (one.label, one.family, one.note) for one in table}


def test_an_incident_s_alerts_are_labelled_together(oddwire, project, scan):
    ended = oddwire("label", scan[0].id[:8], "attack", "--attack", "scan", "--note", 'seen, "it"')
    assert ended.code == 0, ended.err
    assert ended.out == (
        "3 connections of office are labelled attack\n"
        "labels/office.csv has 3 in all: commit it. Next: oddwire train office\n"
    )
    assert verdicts(project) == {f"C{at}": (1, "scan", 'seen, "it"') for at in range(3)}


def test_an_alert_is_labelled_alone_again_and_no_more(oddwire, project, scan):
    _, (first, *_), other = scan
    oddwire("label", scan[0].id, "attack")
    assert "1 had a verdict before" in oddwire("label", first.id, "benign").out
    assert verdicts(project)["C0"] == (0, None, "")
    (found,) = oddwire("label", first.id, "--remove", "--json").json
    assert found == {
        "source": "office", "connections": 1, "replaced": 0, "table": "labels/office.csv",
        "in_table": 2, "alerts_left_out": 0,
    }  # fmt: skip
    assert set(verdicts(project)) == {"C1", "C2"}
    assert oddwire("label", other.id, "benign").code == 0  # a suppressed one, too
    assert verdicts(project, "lab") == {"L": (0, None, "")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ffff",), "say `benign` or `attack`"),
        (("ffff", "attack", "--remove"), "say `benign` or `attack`"),
        (("ffff", "harmless"), "'harmless' is not one of 'benign', 'attack'"),
        (("ffff", "benign"), "the store has no alert or incident 'ffff'"),
        (("x;rm", "benign"), "the id of an alert or incident must be at least 4"),
        (("{}", "benign", "--attack", "scan"), "an attack family belongs to an attack"),
        (("{}", "attack", "--attack", "unknown"), "an attack family must be a name"),
    ],
)
def test_what_cannot_be_labelled_is_one_line(oddwire, project, scan, arguments, said):
    given = [text.replace("{}", scan[0].id) for text in arguments]
    assert said in oddwire("label", *given).error
    assert not project.labels("office").exists()


def test_before_anything_was_watched_it_says_what_to_do(oddwire, project):
    assert "`oddwire watch SOURCE` makes it" in oddwire("label", "ffff", "benign").error


def test_what_was_judged_is_shown_with_the_alert_and_the_incident(oddwire, scan):
    incident, (first, second, _), _ = scan
    assert "judged" not in oddwire("alerts", first.id).out
    oddwire("label", incident.id, "attack")
    oddwire("label", first.id, "benign")
    assert "A person judged it benign." in oddwire("alerts", first.id).out
    assert "A person judged it an attack." in oddwire("alerts", second.id).out
    assert "people judged 2 as attacks and 1 as benign." in oddwire("incidents", incident.id).out


@pytest.fixture
def flood(project):
    """An incident of 1,200 alerts, the first of which alone is explained."""
    alerts = [some_alert(at, minutes=at / 1000 - 2, uid=f"C{at}") for at in range(1200)]
    alerts = [alerts[0], *(replace(one, reasons=()) for one in alerts[1:])]
    (incident,) = store_of(project, *alerts)
    return incident


def test_a_verdict_on_a_flood_is_shown_as_one_on_all_of_it(oddwire, flood):
    assert (flood.count, flood.listed) == (1200, 1000)
    assert "1,200 connections of office are labelled attack\n" in oddwire(
        "label", flood.id, "attack"
    ).out  # fmt: skip
    assert "people judged 1,200 as attacks and 0 as benign." in oddwire("incidents", flood.id).out


def test_of_a_flood_it_is_said_how_much_is_labelled(oddwire, project, flood, monkeypatch):
    monkeypatch.setattr("oddwire.live.verdicts.stored_alerts.MOST_JUDGED", 1100)
    told = oddwire("label", flood.id, "attack").out
    assert told.startswith("1,100 connections of office are labelled attack\n")
    assert "its first 1,100 alerts of 1,200" in told
    (found,) = oddwire("label", flood.id, "--remove", "--json").json
    assert (found["connections"], found["alerts_left_out"]) == (1100, 100)


def test_a_connection_with_several_alerts_is_judged_once_and_shown_with_each(oddwire, project):
    alerts = [some_alert(at, minutes=at - 5, start=NOON) for at in range(3)]
    (incident,) = store_of(project, *alerts)
    told = oddwire("label", incident.id, "benign").out
    assert told.startswith("1 connection of office is labelled benign\n")
    for alert in alerts:
        assert "A person judged it benign." in oddwire("alerts", alert.id).out
    assert "People judged one of its connections benign." in oddwire("incidents", incident.id).out


def test_the_command_that_lists_the_alerts_of_a_flood_lists_as_many_as_it_says(oddwire, flood):
    told = oddwire("incidents", flood.id).out
    command = re.search("`oddwire (alerts --incident .*)` lists 1,000 of them", told)[1]
    assert len(oddwire(*command.split(), "--json").json) == 1000
