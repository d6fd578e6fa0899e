"""Labels of alerts: kept whole or not at all, whoever labels and whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from some_alerts import HOSTILE, MADE_BY, NOON, some_alert

from oddwire.errors import DataError, ParameterError
from oddwire.live.alerts.alert import Endpoint
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.state import (
    AlertStore,
    Commit,
    Following,
    Store,
    more_alerts,
    stored_alert,
    stored_incident,
)
from oddwire.live.verdicts.labelling import label_alerts, unlabel_alerts
from oddwire.live.verdicts.stored_alerts import alerts_named
from oddwire.project import Project
from oddwire.traffic.verdicts.table import VerdictTable, judged_ids

BENIGN, ATTACK = 0, 1


@pytest.fixture
def project(tmp_path):
    (tmp_path / "params.yaml").write_text("{}\n")
    return Project(tmp_path)


def kept(project, source="office"):
    return list(VerdictTable.read(project.labels(source)))


def alerts(count):
    return [some_alert(at, minutes=at, uid=f"C{at}") for at in range(count)]


def test_a_verdict_is_kept_for_each_connection_of_its_source(project):
    lab = replace(some_alert("lab", uid="L"), made_by=replace(MADE_BY, source="lab"))
    found = label_alerts(
        project, [*alerts(3), lab], label=ATTACK, family=" port\nscan ", note="seen\nby me"
    )
    assert [(one.source, one.connections, one.table) for one in found] == [
        ("office", 3, "labels/office.csv"), ("lab", 1, "labels/lab.csv")
    ]  # fmt: skip
    assert [verdict.label for verdict in kept(project)] == [ATTACK] * 3
    assert {(one.family, one.note) for one in kept(project)} == {("port scan", "seen by me")}
    assert judged_ids(project.labels("office")) == {alert.id for alert in alerts(3)}


def test_a_later_verdict_takes_the_place_of_an_earlier_one_and_can_be_taken_away(project):
    label_alerts(project, alerts(3), label=ATTACK)
    (again,) = label_alerts(project, alerts(1), label=BENIGN)
    assert (again.replaced, again.in_table) == (1, 3)
    assert [verdict.label for verdict in kept(project)] == [ATTACK, ATTACK, BENIGN]
    (removed,) = unlabel_alerts(project, alerts(2))
    assert (removed.connections, removed.in_table) == (2, 1)
    (nothing,) = unlabel_alerts(project, alerts(2))
    assert nothing.connections == 0


def test_hostile_names_and_notes_stay_one_harmless_line(project):
    given = [
        replace(
            some_alert(at), uid=wire_name(text), source=Endpoint(wire_name(text)),
            start=1_000_000 * at,
        )
        for at, text in enumerate(HOSTILE)
    ]  # fmt: skip
    label_alerts(project, given, label=BENIGN, note="=cmd|'/c calc'!A0,\"\n\x1b[2J" + "x" * 5000)
    text = project.labels("office").read_text()
    assert len(text.splitlines()) == 1 + len(HOSTILE)
    assert "\x1b" not in text
    assert [verdict.connection.uid for verdict in kept(project)] == list(map(wire_name, HOSTILE))
    assert all(len(verdict.note) <= 1000 for verdict in kept(project))
    assert "\n=" not in text
    assert ",=" not in text


@pytest.mark.parametrize("family", ["", "  ", "unknown", "-"])
def test_a_family_that_is_no_name_is_refused(project, family):
    with pytest.raises(ParameterError, match="an attack family must be a name"):
        label_alerts(project, alerts(1), label=ATTACK, family=family)
    assert not project.labels("office").exists()


def test_what_is_benign_has_no_family(project):
    with pytest.raises(ParameterError, match="belongs to an attack"):
        label_alerts(project, alerts(1), label=BENIGN, family="scan")


def test_an_alert_without_a_time_cannot_be_found_again(project):
    with pytest.raises(DataError, match="has no time"):
        label_alerts(project, [replace(some_alert(), start=None)], label=BENIGN)


def test_a_damaged_table_is_not_written_over(project):
    label_alerts(project, alerts(1), label=BENIGN)
    project.labels("office").write_text("mine\n")
    with pytest.raises(DataError, match=r"office.csv, line 1"):
        label_alerts(project, alerts(1), label=BENIGN)
    assert project.labels("office").read_text() == "mine\n"


LABEL = """
import sys
from pathlib import Path
from some_alerts import some_alert
from oddwire.live.verdicts.labelling import label_alerts
from oddwire.project import Project
name, times, each = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for at in range(times):
    alerts = [some_alert(f"{name} {at} {n}", uid=f"{name}-{at}-{n}") for n in range(each)]
    label_alerts(Project(Path(sys.argv[1])), alerts, label=1, note=f"{name} {at}")
    print(at, flush=True)
"""


def labelling(project, *arguments):
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    return subprocess.Popen(
        [sys.executable, "-c", LABEL, str(project.root), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_two_who_label_at_once_lose_nothing(project):
    with labelling(project, "anna", 15, 1) as anna, labelling(project, "ben", 15, 1) as ben:
        assert [each.wait() for each in (anna, ben)] == [0, 0]
    notes = sorted(verdict.note for verdict in kept(project))
    assert notes == sorted(f"{name} {at}" for name in ("anna", "ben") for at in range(15))


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_a_whole_table(project):
    """Each label is of 300 connections: they are there together, or none of them."""
    told = 0
    for run in range(4):
        with labelling(project, f"run{run}", 1000, 300) as writer:
            told += bool(writer.stdout.readline())
            time.sleep(0.02 * run)
            writer.send_signal(signal.SIGKILL)
            told += len(writer.stdout.read().splitlines())
        count = len(kept(project))
        assert count % 300 == 0
        assert told <= count // 300 <= told + run + 1  # one of each run was kept and not told
    files = [file.name for file in project.labels("office").parent.iterdir()]
    assert [name for name in files if not name.startswith(".")] == ["office.csv"]


def test_of_an_incident_all_alerts_are_labelled_those_too_that_are_not_listed(project, tmp_path):
    address, (first, *others) = f"sqlite:///{tmp_path / 'a.db'}", alerts(9)
    incident = Incident.opened_by(first)
    made = Commit(
        b"", alerts=(stored_alert(first, incident=incident.id),),
        more_alerts=(more_alerts(incident.id, others),), incidents=(stored_incident(incident),),
    )  # fmt: skip
    with Store(address, source="office") as store:
        store.commit(made, after=Following())
    with AlertStore(address) as reader:
        found = alerts_named(reader, incident.id)
    assert (found.id, found.count, found.alerts) == (incident.id, incident.count, [first, *others])
    (labelled,) = label_alerts(project, found.alerts, label=ATTACK, about=found.id)
    assert labelled.connections == 9
    assert judged_ids(project.labels("office")) == {incident.id}


def test_a_labelled_incident_of_one_connection_is_not_deleted_when_it_is_old(project, tmp_path):
    """Its alerts are of interim records: the table has one line, for the last of them."""
    address = f"sqlite:///{tmp_path / 'a.db'}"
    times = [replace(one, uid="C", start=NOON) for one in alerts(9)]
    incident = replace(Incident.opened_by(times[0]).ended(NOON, "quiet"), count=9)
    made = Commit(
        b"", alerts=(stored_alert(times[0], incident=incident.id),),
        more_alerts=(more_alerts(incident.id, times[1:]),), incidents=(stored_incident(incident),),
    )  # fmt: skip
    with Store(address, source="office") as store, AlertStore(address) as reader:
        store.commit(made, after=Following())
        named = alerts_named(reader, incident.id)
        label_alerts(project, named.alerts, label=ATTACK, about=named.id)
        later = {"keep_days": 30, "now": NOON / 1e6 + 31 * 86_400}
        assert store.prune(**later, keep=judged_ids(project.labels("office"))) == 0
        assert len(reader.alerts_of(incident.id)) == 1
        unlabel_alerts(project, named.alerts, about=named.id)
        assert store.prune(**later, keep=judged_ids(project.labels("office"))) > 0


def test_of_a_flood_so_many_alerts_are_labelled_that_a_person_can_still_review_them(
    project, tmp_path, monkeypatch
):
    address, (first, *others) = f"sqlite:///{tmp_path / 'a.db'}", alerts(9)
    incident = replace(Incident.opened_by(first), count=9)
    monkeypatch.setattr("oddwire.live.verdicts.stored_alerts.MOST_JUDGED", 4)
    made = Commit(
        b"", alerts=(stored_alert(first, incident=incident.id),),
        more_alerts=(more_alerts(incident.id, others),), incidents=(stored_incident(incident),),
    )  # fmt: skip
    with Store(address, source="office") as store:
        store.commit(made, after=Following())
    with AlertStore(address) as reader:
        found = alerts_named(reader, incident.id)
    assert (found.count, found.alerts) == (9, [first, *others[:3]])


def test_a_later_verdict_on_an_incident_leaves_nothing_of_an_earlier_one(project):
    label_alerts(project, alerts(5), label=ATTACK, about="incident")
    (again,) = label_alerts(project, alerts(4), label=BENIGN, about="incident")
    assert (again.connections, again.in_table) == (4, 4)
    assert {one.label for one in kept(project)} == {BENIGN}
    (removed,) = unlabel_alerts(project, alerts(1), about="incident")
    assert (removed.connections, removed.in_table) == (4, 0)
