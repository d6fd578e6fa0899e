"""MLflow's runs that say they are running, though nobody works on them; and the clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from oddwire.operations.doctor.finding import Fact, Finding, in_words
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.tracking.inspecting import runs

_MOST_NAMED = 3
_AHEAD = 300.0  # seconds that clocks of two machines may differ by
_DAY = 86_400.0


def see_runs(ground: Ground) -> Iterator[Finding | Fact]:
    """Look for runs of killed processes, and for runs of the future."""
    if ground.store is None:
        return
    for source in ground.sources:
        orphans, alive = [], 0
        for run, orphan in runs.running(ground.store, source):
            alive += not orphan
            if orphan:
                orphans.append(run)
        if orphans:
            names = ", ".join(str(run.info.run_name) for run in orphans[:_MOST_NAMED])
            more = len(orphans) - _MOST_NAMED
            yield Finding(
                subject=source, severity="warning",
                problem=f"{_runs(len(orphans))} in MLflow though their process is gone: {names}"
                + (f" and {more} more" if more > 0 else ""),
                mend=partial(_end, ground, [run.info.run_id for run in orphans]),
            )  # fmt: skip
        yield from _clock(ground, source)
        yield Fact(f"{source}: {_runs(alive)} in MLflow")


def _runs(count: int) -> str:
    return "1 run is RUNNING" if count == 1 else f"{count} runs are RUNNING"


def _end(ground: Ground, runs: list[str]) -> None:
    if ground.store is not None:
        for run in runs:
            ground.store.end(run, status="KILLED")


def _clock(ground: Ground, source: str) -> Iterator[Finding]:
    if ground.store is None:
        return
    ahead = runs.newest_start(ground.store, source)
    if ahead is not None and ahead > _AHEAD:
        yield Finding(
            subject="clock", severity="warning",
            problem=f"the newest run of {source} begins {in_words(ahead / _DAY)} from now: this "
            "machine's clock was set back, and the newest of anything is uncertain",
            remedy="sudo timedatectl set-ntp true",
        )  # fmt: skip
