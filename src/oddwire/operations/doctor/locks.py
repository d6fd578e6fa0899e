"""Who holds a lock, and since when; whom nobody can wait for.

The kernel frees these locks when a process ends, so a file that is there is no lock. What keeps
others waiting is a process that is stopped, one that outlived its work, or a child that inherited
the lock of a dead one.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from oddwire.operations.doctor.finding import Fact, Finding, in_words, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.locks import SUPERVISED, WATCHED
from oddwire.traffic.wire_text import printable

_TABLE = Path("/proc/locks")
_LONG = 1.0  # days; the longest training has a timeout of its studies
_DAY = 86_400.0
_FOR_GOOD = (SUPERVISED, WATCHED)  # nobody waits for these
_LONGEST_COMMAND = 60


def see_locks(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at the locks of trainings, promotions, drift checks, DVC and the stores."""
    if not _TABLE.is_file():
        yield Fact("locks: this system does not say who holds one")
        return
    held, count = _holders(), 0
    for file in _lock_files(ground):
        try:
            status = file.stat()
        except OSError:
            continue
        count += 1
        if not os.access(file, os.R_OK | os.W_OK):
            mine = status.st_uid == os.getuid()
            grant = "chmod u+rw" if mine else f"sudo chown {os.getuid()}"
            yield Finding(
                subject=quoted(file, ground.root), severity="warning",
                problem="this user may not use the lock, and cannot do what it guards",
                remedy=f"{grant} {quoted(file, ground.root)}",
            )  # fmt: skip
        for pid in held.get((status.st_dev, status.st_ino), ()):
            yield from _held(quoted(file, ground.root), pid, file)
    yield Fact(f"{count} lock files")


def _lock_files(ground: Ground) -> list[Path]:
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    project = ground.project
    return [
        *sorted(project.locks.glob("*.lock")),
        project.root / ".dvc" / "tmp" / "lock",
        project.root / ".dvc" / "tmp" / "rwlock.lock",
        project.mlruns / "promotions.jsonl",
        project.mlruns / "mlflow.db",
        home / "oddwire-start.lock",
    ]


def _holders() -> dict[tuple[int, int], set[int]]:
    """Return the processes that hold a lock on a file, by its device and number."""
    found: dict[tuple[int, int], set[int]] = {}
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if "->" in words[1:2]:  # waits for it
            continue
        try:
            major, minor, inode = words[5].split(":")
            device = os.makedev(int(major, 16), int(minor, 16))
            found.setdefault((device, int(inode)), set()).add(int(words[4]))
        except (IndexError, ValueError):
            continue
    return found


def _held(shown: str, pid: int, file: Path) -> Iterator[Finding | Fact]:
    try:
        process = psutil.Process(pid)
        status, begun = process.status(), process.create_time()
        command = " ".join(process.cmdline()) or process.name()
    except psutil.Error:
        yield from _inherited(shown, pid, file)
        return
    command = printable("…" if "://" in command else command, _LONGEST_COMMAND)
    who = f"process {pid} ({command})"
    days = (time.time() - begun) / _DAY
    since = f"{dt.datetime.fromtimestamp(begun, dt.UTC):%Y-%m-%d %H:%M} UTC"
    if status in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}:
        yield Finding(
            subject=shown, problem=f"held by {who}, which was stopped: all others wait for it",
            remedy=f"kill -CONT {pid}",
        )  # fmt: skip
    elif days > _LONG and file.suffix != ".db" and not file.name.startswith(_FOR_GOOD):
        yield Finding(
            subject=shown, severity="warning",
            problem=f"held by {who}, which runs for {in_words(days)}: if it hangs, all others wait",
            remedy=f"kill {pid}",
        )  # fmt: skip
    else:
        yield Fact(f"{shown} is held by {who}, running since {since}")


def _inherited(shown: str, pid: int, file: Path) -> Iterator[Finding | Fact]:
    """Yield a lock whose process is gone, and which a child of its still holds open."""
    if pid <= 0:
        yield Fact(f"{shown} is held by a process outside this container")
        return
    others = _who_has_open(file)
    if others:
        yield Finding(
            subject=shown,
            problem=f"process {pid} that took it is gone, and its child {others[0]} still holds it",
            remedy=f"kill {' '.join(map(str, others))}",
        )  # fmt: skip


def _who_has_open(file: Path) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if any(link.samefile(file) for link in (folder / "fd").iterdir()):
                found.append(int(folder.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found


def is_held(file: Path) -> bool:
    """Tell whether a process holds a lock file, without making one."""
    try:
        with file.open("rb") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
