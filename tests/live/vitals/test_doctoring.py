"""`oddwire doctor` sees watchers that died, sinks that refuse, and a calibration that is off."""

import time
from types import SimpleNamespace

import pytest

from oddwire.live.state import Store, store_address
from oddwire.live.vitals.doctoring import looks, see_allow_list, see_watchers
from oddwire.live.vitals.heartbeat import Heartbeat, SinkBeat
from oddwire.operations.doctor.finding import Finding
from oddwire.operations.doctor.ground import Ground
from oddwire.project import Project


@pytest.fixture
def ground(tmp_path, monkeypatch):
    monkeypatch.delenv("ODDWIRE_ALERTS_STORE", raising=False)
    return Ground(Project(tmp_path))


def beat(ground, source="office", **given):
    made = Heartbeat(source=source, at=round(time.time() * 1e6), rows=10, **given)
    ground.project.live.mkdir(parents=True, exist_ok=True)
    with Store(store_address(ground.project.live), source=source) as store:
        store.beat(made.to_json())


def found(ground, *, after=0.0):
    seen = list(see_watchers(ground, time.time() + after))
    return [one for one in seen if isinstance(one, Finding)]


def test_where_nothing_was_ever_watched_nothing_is_wrong_and_nothing_made(ground):
    assert list(see_watchers(ground)) == []
    assert not ground.project.live.exists()


def test_a_watcher_that_is_well_is_a_fact(ground):
    beat(ground)
    (fact,) = see_watchers(ground)
    assert fact.text == "office is watched: 10 connections, 0 incidents open"


def test_a_watcher_that_has_died_is_broken_and_one_that_was_stopped_is_not(ground):
    beat(ground)
    beat(ground, "lab", state="stopped")
    (dead,) = found(ground, after=600)
    assert (dead.subject, dead.severity, dead.remedy) == (
        "office",
        "broken",
        "oddwire watch office",
    )
    assert "no heartbeat for 10 min" in dead.problem


def test_a_quiet_source_is_named(ground):
    beat(ground, state="quiet", last_row_at=round((time.time() - 7200) * 1e6))
    (quiet,) = found(ground)
    assert "no connection for 2 h" in quiet.problem
    assert quiet.severity == "warning"
    assert "`files:` of office" in quiet.remedy


@pytest.mark.parametrize(("text", "remedy"), [
    ("calibration is off: train again", "oddwire train office"),
    ("10.0.0.5 raised 80 % of them: `oddwire allow add --source 10.0.0.5`", "oddwire allow"),
])  # fmt: skip
def test_a_calibration_that_is_off_is_named_with_its_remedy(ground, text, remedy):
    beat(ground, calibration=text)
    (off,) = found(ground)
    assert (off.problem, off.remedy) == (text, remedy)


def test_dead_letters_and_sinks_that_take_nothing_are_named(ground):
    since = round((time.time() - 1200) * 1e6)
    beat(ground, sinks=(
        SinkBeat("well", delivered=9), SinkBeat("just now", 1, trouble="refused", since=None),
        SinkBeat("down", 400, trouble="connection refused", since=since),
        SinkBeat("full", dead=3, trouble="400 Bad Request"),
    ))  # fmt: skip
    down, full = found(ground)
    assert down.subject == "office, sink down"
    assert "nothing for 20 min, and 400 messages wait: connection refused" in down.problem
    assert "refused 3 messages for good: 400 Bad Request" in full.problem
    assert full.remedy.startswith("oddwire watch office --put-back")


def test_of_a_sink_of_an_earlier_run_it_says_how_to_have_it_again(ground):
    beat(ground, sinks=(SinkBeat("redis://host oddwire", dead=3, present=False),))
    (former,) = found(ground)
    assert former.subject == "office, sink redis://host oddwire (of an earlier run)"
    assert former.remedy.startswith("oddwire watch office --sink ADDRESS --put-back")


def test_a_source_that_should_be_watched_and_never_was_is_named(ground):
    ground.params = SimpleNamespace(
        sources={"a b": SimpleNamespace(watch=True), "office": SimpleNamespace(watch=None)}
    )
    (never,) = found(ground)
    assert (never.subject, never.remedy) == ("a b", "oddwire up")
    beat(ground, "a b")
    assert found(ground) == []


def test_a_store_that_cannot_be_read_is_a_finding_and_no_crash(ground):
    ground.project.live.mkdir(parents=True)
    (ground.project.live / "alerts.db").write_bytes(b"no database" * 1000)
    (broken,) = found(ground)
    assert broken.subject == "the store of alerts"


def test_hostile_words_of_a_heartbeat_stay_on_a_line(ground):
    beat(ground, calibration="\x1b[2J[red]\n" + "x" * 10_000)
    (off,) = found(ground)
    assert off.problem.isprintable()
    assert len(off.problem) <= 400


def test_doctor_looks_at_watchers_and_the_allow_list():
    assert [look.name for look in looks()] == ["watchers", "allow-list"]


def test_without_an_allow_list_there_is_nothing_to_say_of_it(ground):
    assert list(see_allow_list(ground)) == []


def test_an_allow_list_that_cannot_be_read_is_broken(ground):
    ground.project.allow_list.write_text("- {\n")
    (broken,) = see_allow_list(ground)
    assert (broken.subject, broken.severity) == ("allow_list.yaml", "broken")
    assert "a watch that begins with it suppresses nothing" in broken.problem


def test_an_entry_for_a_source_that_is_none_covers_nothing(ground):
    ground.params = SimpleNamespace(sources={"office": None})
    ground.project.allow_list.write_text(
        "- {service: ssh, expires: 2026-03-01, reason: x, for: office}\n"
        "- {service: ssh, expires: 2026-05-01, reason: x, for: ofice}\n"
    )
    finding, fact = see_allow_list(ground, now=1_775_000_000)  # 2026-03-31
    assert finding.subject == "allow_list.yaml, entry 2"
    assert finding.remedy.startswith("oddwire allow remove 2")
    assert fact.text == "entries of the allow-list: 2, of which 1 expired"
