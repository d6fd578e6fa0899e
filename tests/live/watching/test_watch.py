"""A source that is watched, from its log to what sinks and people are told."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import zlib
from pathlib import Path

import pandas as pd
import pytest

from oddwire.errors import NoModelError, ParameterError
from oddwire.live.state import Commit, Message, Policy, Store, store_address
from oddwire.live.verdicts.stored_alerts import apply_again
from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.watch import watch
from tests.live_traffic import traffic
from tests.watched import HEADER, SOURCE, Heard, crown, make_watched, watch_all, zeek_lines

ROWS = 3000


@pytest.fixture(scope="module")
def lines() -> list[str]:
    return zeek_lines(traffic().rows.iloc[:ROWS])


@pytest.fixture
def project(tmp_path):
    return make_watched(tmp_path)


def stored(project, what: str) -> list[tuple]:
    with sqlite3.connect(project.live / "alerts.db") as opened:
        return opened.execute(f"SELECT {what}").fetchall()


def test_a_log_becomes_alerts_with_the_scores_of_the_batch(project, lines) -> None:
    (project.root / "logs" / "conn.log").write_text(HEADER + "".join(lines))
    heard = watch_all(project, sinks=("out.jsonl",))
    batch = traffic().scores.iloc[:ROWS]
    found = [
        json.loads(zlib.decompress(content))["alert"]
        for (content,) in stored(project, "content FROM alerts")
    ]
    wanted = sorted(batch.loc[batch["alert"], "anomaly_score"])
    assert sorted(one["score"] for one in found) == wanted
    assert len(wanted) > 20
    assert heard.beats[-1].rows == ROWS
    assert heard.beats[-1].alerts == len(wanted)
    sent = [json.loads(line) for line in (project.root / "out.jsonl").read_text().splitlines()]
    opened = [one for one in sent if one["event"]["action"] == "incident-opened"]
    assert len(opened) == heard.beats[-1].incidents["opened"] > 5
    assert {one["oddwire"]["incident"] for one in sent} == {
        name for (name,) in stored(project, "id FROM incidents")
    }


def test_what_comes_while_it_is_watched(project, lines) -> None:
    log = project.root / "logs" / "conn.log"
    log.write_text(HEADER + "".join(lines[:1000]))
    heard, stopped = Heard(), threading.Event()
    options = WatchOptions(from_start=True)
    thread = threading.Thread(
        target=watch, args=(project, SOURCE, options), kwargs={"stopped": stopped, "view": heard}
    )
    thread.start()
    try:
        with log.open("a") as opened:
            for begin in range(1000, ROWS, 250):
                opened.write("".join(lines[begin : begin + 250]))
                opened.flush()
                time.sleep(0.05)
        until = time.monotonic() + 60
        while time.monotonic() < until and not (heard.beats and heard.beats[-1].rows == ROWS):
            time.sleep(0.1)
    finally:
        stopped.set()
        thread.join(30)
    assert heard.beats[-1].state == "stopped"
    batch = traffic().scores.iloc[:ROWS]
    assert stored(project, "count(*) FROM alerts") == [(int(batch["alert"].sum()),)]


def test_what_is_known_already_is_not_said_again(project, lines) -> None:
    log = project.root / "logs" / "conn.log"
    log.write_text(HEADER + "".join(lines[:2000]))
    before = watch_all(project, sinks=("out.jsonl",)).beats[-1]
    assert before.incidents["open"] > 0
    first = (project.root / "out.jsonl").read_text()
    again = watch_all(project, sinks=("out.jsonl",)).beats[-1]
    assert again.rows == 2000
    assert again.incidents == before.incidents
    assert (project.root / "out.jsonl").read_text() == first
    with log.open("a") as opened:
        opened.write("".join(lines[2000:]))
    watch_all(project, sinks=("out.jsonl",))
    batch = traffic().scores.iloc[:ROWS]
    assert stored(project, "count(*) FROM alerts") == [(int(batch["alert"].sum()),)]
    assert (project.root / "out.jsonl").read_text().startswith(first)


def test_what_a_sink_refused_for_good_is_sent_once_more_when_asked(project, lines) -> None:
    (project.root / "logs" / "conn.log").write_text(HEADER + "".join(lines[:100]))
    name = watch_all(project, sinks=("out.jsonl",)).beats[-1].sinks[0].name
    with Store(store_address(project.live), source=SOURCE, sinks={name: Policy()}) as store:
        there = store.following()
        refused = Message("0" * 32, "incident", '{"n": 1}')
        store.commit(Commit(there.position, messages=(refused,)), after=there)
        store.buried(name, store.take(name, 1), "it answered 400")
    sent = project.root / "out.jsonl"
    assert watch_all(project, sinks=("out.jsonl",)).beats[-1].sinks[0].dead == 1
    assert not sent.exists() or refused.body not in sent.read_text()
    heard = watch_all(project, sinks=("out.jsonl",), put_back=True)
    assert sent.read_text().splitlines()[-1] == refused.body
    assert heard.beats[-1].sinks[0].dead == 0
    assert heard.notices[0] == f"sink {name} gets 1 message once more, refused for good before"
    heard = watch_all(project, sinks=("out.jsonl",), put_back=True)
    assert heard.notices[0] == "--put-back: no sink of this run had refused a message for good"


def test_another_champion_scores_what_follows(project, lines) -> None:
    log = project.root / "logs" / "conn.log"
    log.write_text(HEADER + "".join(lines[:1500]))
    watch_all(project)
    crown(project, traffic().model)
    with log.open("a") as opened:
        opened.write("".join(lines[1500:]))
    watch_all(project)
    found = [
        json.loads(zlib.decompress(content))["alert"]
        for (content,) in stored(project, "content FROM alerts")
    ]
    versions = pd.Series([one["made_by"]["model_version"] for one in found]).value_counts()
    assert set(versions.index) == {"1", "2"}
    batch = traffic().scores.iloc[:ROWS]
    assert sorted(one["score"] for one in found) == sorted(
        batch.loc[batch["alert"], "anomaly_score"]
    )


def test_the_sinks_of_a_run_and_the_allow_list_are_told_as_they_stand(project, lines) -> None:
    (project.root / "logs" / "conn.log").write_text(HEADER + "".join(lines))
    first = watch_all(project, sinks=("out.jsonl",)).beats[-1]
    assert [Path(sink.name).name for sink in first.sinks] == ["out.jsonl"]
    assert (first.suppressed, first.alerts > 20) == (0, True)
    project.allow_list.write_text("- source: 10.0.0.0/8\n  expires: 2099-01-01\n  reason: known\n")
    apply_again(project, store_address(project.live))
    second = watch_all(project, sinks=("other.jsonl",)).beats[-1]
    names = [Path(sink.name).name for sink in second.sinks]
    assert names == ["other.jsonl"], "nothing waits for the former"
    (count,) = stored(project, "count(*) FROM alerts WHERE source_address LIKE '10.%'")[0]
    assert second.suppressed == count > 20
    assert second.alerts == first.alerts


def test_an_allowed_host_opens_no_incident(project, lines) -> None:
    (project.root / "logs" / "conn.log").write_text(HEADER + "".join(lines))
    watch_all(project)
    (loudest, count), *_ = stored(
        project,
        "source_address, count(*) FROM alerts GROUP BY source_address ORDER BY count(*) DESC",
    )
    (project.live / "alerts.db").unlink()
    project.allow_list.write_text(f"- source: {loudest}\n  expires: 2099-01-01\n  reason: known\n")
    heard = watch_all(project)
    assert heard.beats[-1].suppressed == count
    assert stored(project, f"count(*) FROM alerts WHERE source_address = '{loudest}'")[0] == (
        count,
    )
    incidents = [
        json.loads(zlib.decompress(content))
        for (content,) in stored(project, "content FROM incidents")
    ]
    assert len(incidents) > 5
    assert all(loudest not in one["sources"]["values"] for one in incidents)


def test_a_source_without_a_champion(tmp_path, project) -> None:
    text = (project.root / "params.yaml").read_text()
    (project.root / "params.yaml").write_text(text.replace(SOURCE, "other"))
    with pytest.raises(NoModelError, match="oddwire train other"):
        watch(project, "other", WatchOptions(), stopped=threading.Event(), view=Heard())


def test_no_such_sink(project) -> None:
    with pytest.raises(ParameterError, match="ftp"):
        watch_all(project, sinks=("ftp://example.org",))


@pytest.mark.parametrize("name", ["logs/conn.jsonl", "linked.jsonl"])
def test_a_log_that_is_read_is_no_sink(project, lines, name) -> None:
    log = project.root / "logs" / "conn.jsonl"
    log.write_text(HEADER + "".join(lines[:10]))
    (project.root / "linked.jsonl").symlink_to(log)
    before = log.read_text()
    with pytest.raises(ParameterError, match="a sink must be no log of the source"):
        watch_all(project, sinks=(name,))
    assert log.read_text() == before


def test_rows_with_a_wrong_date_make_nothing_old(project, lines) -> None:
    log = project.root / "logs" / "conn.log"
    log.write_text(HEADER + "".join(lines))
    watch_all(project)
    (before,) = stored(project, "count(*) FROM alerts")
    fields = lines[-1].split("\t")
    with log.open("a") as opened:
        for second in range(5):
            opened.write("\t".join([f"410244488{second}.0", f"Cwrong{second}", *fields[2:]]))
    watch_all(project)
    assert stored(project, "count(*) FROM alerts")[0] >= before


def test_a_log_without_its_header_is_told_of(project, lines) -> None:
    (project.root / "logs" / "conn.log").write_text("".join(lines[:10]))
    heard = watch_all(project)
    assert heard.beats[-1].rows == 0
    assert any("of no known log" in text and "10 lines are" in text for text in heard.notices)
