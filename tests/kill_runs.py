"""Watches that are killed at random moments while a log is written and rotated, and what is left.

Run as a program it compares them with a watch of the same rows that nobody disturbs.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.watch import watch
from oddwire.project import Project
from tests.growing_log import GrowingLog, Style
from tests.kill_moments import Kill, die_at, ended, forked, waited
from tests.live_traffic import traffic
from tests.watched import SOURCE, Heard, make_watched, zeek_lines

SINK = "told.jsonl"
COUNTS = ("rows", "refused", "late", "dropped", "alerts", "suppressed", "incidents",
          "observed", "calibration")  # fmt: skip
_CHECKPOINT_SECONDS = 0.5
_LONGEST_START, _LONGEST_LIFE = 60.0, 4.0  # seconds, the second after the first commit


class Watched:
    """A project that is watched by processes of its own."""

    def __init__(self, folder: Path, *, send_alerts: bool) -> None:
        self.project = Project(folder)
        self.options = {"from_start": True, "sinks": (SINK,), "send_alerts": send_alerts}
        self._commits = mmap.mmap(-1, 8)

    @property
    def commits(self) -> int:
        """How many commits the last watch has made."""
        return int.from_bytes(self._commits[:], "little")

    def begin(self, kill: Kill | None, *, until_end: bool = False) -> int:
        """Start a watch; return its process."""
        self._commits[:] = bytes(8)

        def run() -> None:
            self._count_commits()
            if kill is not None:
                die_at(kill)
            options = WatchOptions(**self.options, until_end=until_end)
            watch(self.project, SOURCE, options, stopped=threading.Event(), view=Heard())

        return forked(run, self.project.root / "said.txt")

    def to_end(self) -> None:
        """Watch what there is, undisturbed."""
        child = self.begin(None, until_end=True)
        assert waited(child) == 0, (self.project.root / "said.txt").read_text()

    def _count_commits(self) -> None:
        from oddwire.live.state import Store
        from oddwire.live.watching import checkpoints

        checkpoints._EVERY_SECONDS = _CHECKPOINT_SECONDS
        commit = Store.commit

        def counted(*args: Any, **options: Any) -> Any:
            made = commit(*args, **options)
            self._commits[:] = (self.commits + 1).to_bytes(8, "little")
            return made

        Store.commit = counted

    def left(self) -> dict[str, Any]:
        """Return what a watch has left behind."""
        with closing(sqlite3.connect(self.project.live / "alerts.db")) as opened:
            rows = {
                name: opened.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()  # noqa: S608
                for name in ("alerts", "incidents")
            }
            rows["outbox"] = opened.execute("SELECT * FROM outbox").fetchall()
            ((beat,),) = opened.execute("SELECT content FROM heartbeats").fetchall()
        told = (self.project.root / SINK).read_text().splitlines(keepends=True)
        rows["told of alerts"] = [one for one in told if '"action":"alert"' in one]
        rows["told of incidents"] = [one for one in told if '"action":"alert"' not in one]
        beat = json.loads(beat)
        return {**rows, "counts": {name: beat[name] for name in COUNTS}, "state": beat["state"]}


def kill_often(
    watched: Watched, log: GrowingLog, lines: list[str], kills: int, chance: random.Random
) -> Iterator[tuple[Kill, int]]:
    """Write all lines, and kill so many watches meanwhile; yield each kill and its commits."""
    for number in range(kills):
        until = len(lines) * (number + 1) // kills
        begin = len(lines) * number // kills
        kill = Kill.drawn(chance)
        child = watched.begin(kill)
        pieces = list(_pieces(lines[begin:until], chance))
        died = _follow(watched, child, kill, log, pieces, chance)
        for piece in pieces:  # nobody watches at this moment
            log.write(piece, torn=chance.random() < 0.5)
        assert died == -signal.SIGKILL, (watched.project.root / "said.txt").read_text()
        yield kill, watched.commits


def _pieces(lines: list[str], chance: random.Random) -> Iterator[list[str]]:
    while lines:
        size = 1 + int(10 ** chance.uniform(0, 1.7))
        yield lines[:size]
        lines = lines[size:]


def _follow(
    watched: Watched,
    child: int,
    kill: Kill,
    log: GrowingLog,
    pieces: list[list[str]],
    chance: random.Random,
) -> int:
    """Write pieces and rotate while a watch lives; it lives until its moment at most."""
    began, first = time.monotonic(), None
    while (status := ended(child)) is None:
        now = time.monotonic()
        if first is None and watched.commits:
            first = now
        if _is_time(kill, now - began, None if first is None else now - first):
            os.kill(child, signal.SIGKILL)
            return waited(child)
        if pieces and chance.random() < (0.05 if first is None else 0.6):
            log.write(pieces.pop(0), torn=chance.random() < 0.5)
        if chance.random() < 0.02:
            log.rotate()
        time.sleep(0.03)
    return status


def _is_time(kill: Kill, age: float, since_commit: float | None) -> bool:
    if kill.moment == "start":
        return age >= kill.at
    longest = kill.at if kill.moment == "time" else _LONGEST_LIFE
    return age >= _LONGEST_START if since_commit is None else since_commit >= longest


def undisturbed(folder: Path, segments: list[str], *, send_alerts: bool) -> dict[str, Any]:
    """Return what a watch of whole files leaves behind."""
    make(folder)
    for number, text in enumerate(segments):
        (folder / "logs" / f"conn.{number:04d}.log").write_text(text)
    watched = Watched(folder, send_alerts=send_alerts)
    watched.to_end()
    return watched.left()


def make(folder: Path) -> None:
    """Make a project; in a process of its own, since what MLflow opens outlives no fork."""
    folder.mkdir()

    def made() -> None:
        make_watched(folder)

    assert waited(forked(made, folder / "said.txt")) == 0, (folder / "said.txt").read_text()


def differences(found: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Say where what is left differs from what should be."""
    said = []
    for name, one in wanted.items():
        if found[name] == one:
            continue
        if isinstance(one, list):
            lost, more = (Counter(map(str, a)) - Counter(map(str, b))
                          for a, b in ((one, found[name]), (found[name], one)))  # fmt: skip
            said.append(
                f"{name}: {lost.total()} lost, {more.total()} too many"
                + (", or in another order" if not lost and not more else "")
                + "".join(f"\n  {sign} {text[:600]}" for sign, some in (("-", lost), ("+", more))
                          for text in list(some)[:2])
            )  # fmt: skip
        else:
            said.append(f"{name}: {found[name]}, not {one}")
    return said


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def compare(
    kills: int, seed: int, style: Style, *, send_alerts: bool, rows: int, kept: Path | None = None
) -> tuple[str, list[str]]:
    """Kill watches; return what was done, and how what is left differs from an undisturbed one's.

    Parameters
    ----------
    kept
        A new folder, to look at what was left.
    """
    chance = random.Random(seed)
    lines = zeek_lines(traffic().rows.iloc[:rows])
    with _folder(kept) as folder:
        make(folder / "killed")
        watched = Watched(folder / "killed", send_alerts=send_alerts)
        log = GrowingLog(folder / "killed" / "logs", style, chance)
        killed = list(kill_often(watched, log, lines, kills, chance))
        log.finish()
        watched.to_end()
        found = watched.left()
        wanted = undisturbed(folder / "calm", log.segments, send_alerts=send_alerts)
    wrong = differences(found, wanted)
    if not found["alerts"] or not found["told of incidents"]:
        wrong.append("there was nothing to compare")
    moments = Counter(kill.moment for kill, _ in killed)
    counts = [f"{len(one):,} {name}" for name, one in found.items() if isinstance(one, list)]
    done = (
        f"{len(killed)} kills, {sum(commits > 0 for _, commits in killed)} after a commit: "
        f"{_shown(moments)}\n{style}: {_shown(log.rotations)}\n{', '.join(counts)}"
    )
    return done, wrong


def _shown(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))


def main() -> int:
    """Compare as the options say; the exit code is 1 where anything differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50, help="how many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--style", choices=("logrotate", "dated"), default="logrotate")
    parser.add_argument("--send-alerts", action="store_true")
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--keep", type=Path, help="a new folder, to look at what was left")
    asked = parser.parse_args()
    done, wrong = compare(
        asked.kills, asked.seed, asked.style,
        send_alerts=asked.send_alerts, rows=asked.rows, kept=asked.keep,
    )  # fmt: skip
    sys.stdout.write("\n".join([done, *(wrong or ["no difference"])]) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
