"""`oddwire watch` is seen whole in 80 columns, whatever the wire says, and by machines as JSON."""

import io
import json
import os
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console
from some_alerts import HOSTILE, MINUTE, NOON, some_alert

from oddwire.cli.terminal.watch_view import JsonView, LiveView, PlainView, watch_view
from oddwire.cli.terminal.watch_view.screen import screen
from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.wire_names import wire_name
from oddwire.live.vitals.heartbeat import Heartbeat, Lately, SinkBeat

_SGR = re.compile(r"\x1b\[[0-9;]*m")


def opened(names=("10.0.0.5",), **given):
    incidents = OpenIncidents()
    for place, name in enumerate(names):
        alert = some_alert(place, minutes=place / 10, unit=name, target=name, **given)
        incidents.update([alert])
    return incidents.incidents


def beat(**given):
    return Heartbeat(**({
        "source": "office", "at": NOON + 9 * MINUTE, "started": NOON,
        "model": {"name": "oddwire-office", "version": "12"}, "rows": 123_456_789,
        "rows_per_second": 20_123.4, "lag_seconds": 0.42, "newest": NOON + 8 * MINUTE,
        "refused": 12, "late": 3, "alerts": 1234, "suppressed": 7,
        "incidents": {"opened": 85, "open": 11}, "target": {"false_incidents_per_day": 30.0},
        "observed": {
            "day": Lately("false_incidents_per_day", 44.2, 24.8, 71.0, "above", 1.0, 44, 300),
            "week": None,
        },
        "sinks": (SinkBeat("alerts.jsonl", 0, 99, 0, 2, "disk full", NOON),),
        "notices": ("conn.log was rotated",),
    } | given))  # fmt: skip


def drawn(heartbeat, incidents=(), *, width=80, color=None, **given):
    console = Console(
        file=io.StringIO(), width=width, force_terminal=color is not None, color_system=color
    )
    console.print(screen(heartbeat, incidents, **given))
    return console.file.getvalue()


def a_terminal(*, height=40, encoding="utf-8"):
    file = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    return Console(file=file, width=80, height=height, force_terminal=True, color_system="standard")


def written(console):
    return console.file.buffer.getvalue().decode(console.file.encoding)


def test_the_screen_says_all_that_a_heartbeat_does():
    text = drawn(beat(calibration="train again: oddwire train office"), opened())
    for told in (
        "office  running", "oddwire-office version 12", "123,456,789 connections, 20,123/s",
        "lag 0.4 s, log at 2026-03-02 12:08:00 UTC", "12 refused, 3 late, 0 dropped",
        "1,234 alerts (7 suppressed among those stored), 85 incidents, 11 open",
        "last day  ██████████│█████░░░░░ 44.2 incidents a day (24.8 to 71), target 30",
        "train again: oddwire train office", "medium", "scan", "10.0.0.5 -> 10.0.0.5", "8 min",
        "alerts.jsonl", "alerts.jsonl for 9 min: disk full", "conn.log was rotated",
    ):  # fmt: skip
        assert told in text


@pytest.mark.parametrize(("value", "bar"), [
    (0.0, "░░░░░░░░░░│░░░░░░░░░░"), (30.0, "██████████│░░░░░░░░░░"),
    (1e6, "██████████│██████████"),
])  # fmt: skip
def test_the_bar_has_the_target_in_its_middle(value, bar):
    lately = Lately("false_incidents_per_day", value, 0.0, value, "kept", 1.0, 1, 1)
    assert bar in drawn(beat(observed={"day": lately}))


def test_nothing_known_yet_is_drawn_too():
    text = drawn(Heartbeat(source="office", at=NOON))
    assert "no lag known" in text
    assert "log at" not in text
    assert "no open incident" in text
    assert "sink" not in text


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
@pytest.mark.parametrize("color", [None, "truecolor"])
def test_hostile_text_does_nothing_and_fits(text, color):
    name = wire_name(text)
    heartbeat = beat(
        source=text, model={"name": text, "version": text}, calibration=text, notices=(text,),
        sinks=(SinkBeat(text, trouble=text),),
    )  # fmt: skip
    output = _SGR.sub("", drawn(heartbeat, opened([name, "10.0.0.1"]), color=color))
    lines = output.split("\n")
    assert all(line.isprintable() for line in lines)
    assert max(map(cell_len, lines)) <= 80
    assert len(output) < 10_000
    assert "10.0.0.1 -> 10.0.0.1" in output


def test_markup_is_text():
    name = "[red]evil[/red]"
    text = drawn(beat(notices=(name,), source=name), opened([name]), color="truecolor")
    assert text.count(name) == 4


def test_a_long_name_is_folded_and_not_cut():
    name = wire_name("host-" + "0123456789" * 12)
    head, *lines = drawn(beat(sinks=(), notices=()), opened([name])).splitlines()[6:]
    column = slice(head.index("who -> whom"), head.index("alerts"))
    whole = "".join(line[column].strip() for line in lines)
    assert re.sub(r"\s*->\s*", "", whole) == 2 * name


def test_colours_are_where_the_terminal_has_them():
    heartbeat, incidents = beat(), opened(p=1e-9, kind=Kind.BEACON)
    assert "\x1b" not in drawn(heartbeat, incidents)
    assert "\x1b[1;31mcritical" in drawn(heartbeat, incidents, color="standard")


@pytest.mark.parametrize("height", [24, 20, 18])
def test_what_has_no_room_is_counted_and_the_rest_stays(height):
    console = a_terminal(height=height)
    view = LiveView(console)
    incidents = opened([f"{n}." + "x" * 10 for n in range(30)])
    view.show(beat(), incidents)
    view.close()
    text = "office" + _SGR.sub("", written(console)).rpartition("office  running")[2]
    shown = text.count("medium   scan")
    assert 1 <= shown <= 8
    assert shown == 8 or height < 24
    assert f"{30 - shown} open incidents more, not shown" in text
    assert "conn.log was rotated" in text
    lines = len(text.splitlines()) - 1  # and one that shows the cursor again
    assert height - 1 <= lines <= height or shown == 8


def test_the_most_severe_come_first_and_then_the_newest():
    taken = opened(["10.7.0.1"], kind=Kind.EXFILTRATION, p=1e-12)
    later = opened([f"10.0.0.{n}" for n in range(30)])
    text = drawn(beat(), [*taken, *later], most=3)
    shown = [word for word in text.split() if word.startswith("10.")]
    assert shown == ["10.7.0.1"] * 2 + ["10.0.0.29"] * 2 + ["10.0.0.28"] * 2
    assert "28 open incidents more, not shown" in text


@pytest.mark.parametrize(("state", "said"), [
    ("running", "reading a log of 2026-03-02, at 12:08:00 UTC"),
    ("stopped", "read a log of 2026-03-02, at 12:08:00 UTC"),
])  # fmt: skip
def test_an_old_log_is_not_late(state, said):
    heartbeat = beat(last_row_at=NOON + 256 * 1440 * MINUTE, state=state, sinks=(), notices=())
    text = drawn(heartbeat, color="standard")
    assert said in text
    assert "lag" not in text


def test_what_waits_for_a_sink_of_an_earlier_run_is_told_as_that():
    earlier = SinkBeat("old.jsonl", 5, 3, trouble="disk full", present=False)
    text = drawn(beat(sinks=(SinkBeat("alerts.jsonl"), earlier)))
    assert "old.jsonl (of an earlier run)" in text
    assert "disk full" not in text


def test_the_screen_is_drawn_in_place_and_the_last_one_stays():
    console = a_terminal()
    view = LiveView(console)
    view.show(beat(notices=("first",)), [])
    view.notice("[red]not drawn by itself")
    view.show(beat(notices=("second",)), [])
    view.close()
    text = written(console)
    lines = text[text.index("first") :]
    assert "\x1b[1A" in lines
    assert "second" in lines
    assert "not drawn" not in text
    assert text.rstrip().endswith("\x1b[?25h"), "the cursor is shown again"


def test_a_terminal_of_ascii_letters_gets_those():
    console = a_terminal(encoding="ascii")
    view = LiveView(console)
    view.show(beat(), [])
    view.close()
    assert "##########|#####....." in written(console)


def test_elsewhere_there_is_a_line_now_and_then_and_one_for_each_incident(capsys):
    now = [0.0]
    view = PlainView(Console(width=80), every=60, ticks=lambda: now[0], clock=lambda: 0.0)
    incidents = OpenIncidents()
    for second in range(121):
        now[0] = float(second)
        view.show(beat(rows=second), [])
    changes = incidents.update([some_alert(1), some_alert(2)]).changes
    for change in (*changes, *incidents.update([], NOON + 60 * MINUTE).changes):
        view.incident(change)
    view.notice("a\x1b[2Jb [red]")
    view.show(beat(rows=999, state="stopped"), [])
    view.close()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["2026-03-02 12"] * 3
    assert [re.search(r"(\d+) connections?,", line)[1] for line in lines[:3]] == ["0", "60", "120"]
    assert re.fullmatch(
        r"1970-01-01 00:00:00 UTC  opened incident [0-9a-f]{12}: medium scan, "
        r"10.0.0.5 -> 10.0.0.9, at 2026-03-02 12:00:00 UTC by its log", lines[3],
    )  # fmt: skip
    assert lines[4].startswith("1970-01-01 00:00:00 UTC  closed incident ")
    assert lines[4].endswith("10.0.0.9, 2 alerts, at 2026-03-02 12:10:00 UTC by its log")
    assert lines[5] == "note: a�[2Jb [red]"
    assert "office stopped: 999 connections" in lines[6]
    assert len(lines) == 7


def test_a_line_names_a_sink_in_trouble_and_what_is_wrong_with_the_calibration(capsys):
    view = PlainView(Console(width=80))
    view.show(beat(calibration="train again"), [])
    (line,) = capsys.readouterr().out.splitlines()
    assert "sink alerts.jsonl: 0 waiting, 2 dead, disk full" in line
    assert line.endswith("; train again")


def test_what_was_not_told_is_told_at_the_end(capsys):
    view = PlainView(Console(width=80))
    view.show(beat(rows=1), [])
    view.show(beat(rows=2), [])
    view.close()
    assert [" 2 connections" in line for line in capsys.readouterr().out.splitlines()] == [
        False, True
    ]  # fmt: skip


def test_json_is_heartbeats_alone(capsys):
    view = watch_view(as_json=True)
    assert isinstance(view, JsonView)
    for number in range(3):
        view.show(beat(rows=number, source='"\n\x1b'), opened())
    view.incident(OpenIncidents().update([some_alert()]).changes[0])
    view.notice("rotated")
    view.close()
    out, err = capsys.readouterr()
    found = [json.loads(line) for line in out.splitlines()]
    assert [one["rows"] for one in found] == [0, 1, 2]
    assert out.isascii()
    assert err == "rotated\n"


def test_where_there_is_no_terminal_there_are_lines(capsys):
    assert isinstance(watch_view(as_json=False), PlainView)
    capsys.readouterr()


@pytest.mark.parametrize(("term", "is_live"), [("xterm-256color", True), ("dumb", False)])
def test_in_a_real_terminal_it_is_a_screen(term, is_live):
    script = (
        "from oddwire.cli.terminal.watch_view import watch_view\n"
        "from oddwire.live.vitals.heartbeat import Heartbeat\n"
        "view = watch_view(as_json=False)\n"
        "view.show(Heartbeat(source='office', at=0), [])\n"
        "view.close()\n"
    )
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": term} | {"COLUMNS": "80", "LINES": "24"}
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=theirs, stdin=theirs, stderr=subprocess.PIPE,
        env=environment, check=False, timeout=60,
    )  # fmt: skip
    os.close(theirs)
    text = os.read(ours, 65_536).decode()
    os.close(ours)
    assert done.returncode == 0, done.stderr
    assert ("\x1b[?25l" in text) == is_live
    assert "office" in text
    assert "running" in text
