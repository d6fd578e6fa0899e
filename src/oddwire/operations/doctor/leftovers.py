"""What killed processes left behind: drafts, work of trainings, scratch folders, Optuna's locks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from oddwire.disk.drafts import abandoned, sweep
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.locks import is_held

_OLD = 3600.0  # seconds without a change, after which nobody works there any more
_MOST_FOLDERS = 2000
KEPT = "fitted"  # in the work of a training: what is told to MLflow later


def see_leftovers(ground: Ground) -> Iterator[Finding | Fact]:
    """Look for what is of no use to anybody any more; `Finding.mend` removes it."""
    drafts = {folder: found for folder in _folders(ground) if (found := abandoned(folder))}
    if drafts:
        every = [draft for found in drafts.values() for draft in found]
        yield _left(ground, every, "draft", "drafts of files", lambda: [*map(sweep, drafts)])
    groups = {
        "work folder": ("what trainings were working on", _work(ground)),
        "scratch folder": ("what drift checks were drawing", _scratch(ground)),
        "Optuna lock": ("locks of journals, which make the next training wait", _optuna(ground)),
    }
    for name, (what, found) in groups.items():
        if found:
            yield _left(ground, found, name, what, partial(_remove, found))
    if not drafts and not any(found for _, found in groups.values()):
        yield Fact("killed processes left nothing behind")


def _left(ground: Ground, found: Sequence[Path], name: str, what: str, mend: object) -> Finding:
    count = f"1 {name}" if len(found) == 1 else f"{len(found)} {name}s"
    return Finding(
        subject=quoted(found[0], ground.root), severity="warning",
        problem=f"{count} ({what}) of processes that were killed: room on the disk, no more",
        mend=mend if callable(mend) else None,
    )  # fmt: skip


def _folders(ground: Ground) -> list[Path]:
    """Return the folders in which files are replaced, those of artifacts left aside."""
    project = ground.project
    found = [project.root, project.mlruns, project.evidently]
    for place in (project.root / "data", project.evidently):
        for folder in place.rglob("*") if place.is_dir() else ():
            if len(found) > _MOST_FOLDERS:
                break
            if folder.is_dir() and not folder.is_symlink():
                found.append(folder)
    data = project.root / "data"
    return [*dict.fromkeys([*found, data])]


def _work(ground: Ground) -> list[Path]:
    place = ground.root / "data" / "work"
    return [
        each
        for source in _inside(place)
        if not is_held(ground.project.locks / f"train-{source.name}.lock")
        for each in _inside(source)
        if each.name != KEPT
    ]


def _scratch(ground: Ground) -> list[Path]:
    if is_held(ground.project.locks / "evidently.lock"):
        return []
    now = time.time()
    return [
        each for each in ground.project.mlruns.glob(".evidently-*") if now - _changed(each) > _OLD
    ]


def _optuna(ground: Ground) -> list[Path]:
    found = []
    for lock in sorted(ground.project.studies.glob("*.journal.lock*")):
        source = lock.name.partition(".")[0]
        if not is_held(ground.project.locks / f"train-{source}.lock"):
            found.append(lock)
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _changed(file: Path) -> float:
    try:
        return file.lstat().st_mtime
    except OSError:
        return time.time()


def _remove(places: Sequence[Path]) -> None:
    for place in places:
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            with suppress(OSError):
                place.unlink()
