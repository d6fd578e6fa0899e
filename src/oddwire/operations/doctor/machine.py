"""Room on the disks, and whether what must be written to can be."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground

_MEGABYTE = 1024 * 1024
# A small training writes some 30 MB, of which Optuna's and MLflow's records must not be lost.
_FULL, _NEARLY_FULL = 50 * _MEGABYTE, 500 * _MEGABYTE


def see_disks(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at every disk that is written to: the project's, that of drafts, that of Prefect."""
    seen: set[tuple[int, int]] = set()
    for place, what in _places(ground).items():
        if (disk := _disk(place)) is None:
            continue
        yield from _writable(ground, place, what)
        if disk in seen:  # the same disk, told once
            continue
        seen.add(disk)
        yield from _room(ground, place, what)


def _places(ground: Ground) -> dict[Path, str]:
    project = ground.project
    home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect").expanduser()
    return {
        project.root: "the project",
        project.root / "data": "data",
        project.mlruns: "mlruns",
        project.locks: "its locks",
        project.studies: "Optuna's journals",
        project.root / ".dvc": "DVC",
        Path(tempfile.gettempdir()): "temporary files",
        _nearest(home): "Prefect's home",
    }


def _nearest(place: Path) -> Path:
    return next((each for each in (place, *place.parents) if each.is_dir()), place)


def _disk(place: Path) -> tuple[int, int] | None:
    """Return what tells a disk from another one; None where there is no such place yet."""
    try:
        return place.stat().st_dev, os.statvfs(place).f_fsid
    except OSError:
        return None


def _room(ground: Ground, place: Path, what: str) -> Iterator[Finding | Fact]:
    disk = os.statvfs(place)
    free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    shown = quoted(place, ground.root)
    no_files = disk.f_files > 0 and disk.f_favail == 0
    # A small disk that is all free is no fault of a disk: a tenth of it will do.
    few = min(_NEARLY_FULL, whole // 10)
    if free >= few and not no_files:
        yield Fact(f"disk of {what} ({shown}): {_amount(free)} free of {_amount(whole)}")
        return
    left = "no more files can be made" if no_files else f"{_amount(free)} free of {_amount(whole)}"
    if place == Path(tempfile.gettempdir()):
        remedy = f"du -xah {shown} | sort -h | tail  # or: export TMPDIR=FOLDER"
    elif place.is_relative_to(ground.root):
        remedy = "dvc gc --workspace  # or see what is large: du -xh . | sort -h | tail"
    else:
        remedy = f"du -xah {shown} | sort -h | tail"
    yield Finding(
        subject=shown, problem=f"the disk of {what} is full: {left}", remedy=remedy,
        severity="broken" if free < min(_FULL, few) or no_files else "warning",
    )  # fmt: skip


def _writable(ground: Ground, place: Path, what: str) -> Iterator[Finding]:
    if os.access(place, os.W_OK | os.X_OK):
        return
    shown = quoted(place, ground.root)
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        problem, remedy = f"the disk of {what} is read-only", f"mount -o remount,rw {_mount(place)}"
    elif place.stat().st_uid == os.getuid():
        problem, remedy = f"this user may not write to {what}", f"chmod u+rwx {shown}"
    else:
        problem = f"{what} belongs to another user, and this one may not write to it"
        remedy = f"sudo chown -R {os.getuid()} {shown}"
    yield Finding(
        subject=shown, severity="warning",
        problem=f"{problem}: reading goes on, trainings and promotions do not", remedy=remedy,
    )  # fmt: skip


def _mount(place: Path) -> str:
    point = next((each for each in (place, *place.parents) if each.is_mount()), place)
    return shlex.quote(str(point))


def _amount(size: int) -> str:
    for unit, factor in (("TB", 1024**4), ("GB", 1024**3), ("MB", 1024**2)):
        if size >= factor:
            return (
                f"{size / factor:.3g} {unit}"
                if size < 1000 * factor
                else f"{size // factor:,} {unit}"
            )
    return f"{size // 1024} kB"
