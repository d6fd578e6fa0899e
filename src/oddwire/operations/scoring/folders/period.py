"""Score a period of a source's archive into a folder: a Parquet part per day.

A day is one of UTC, by when its connections could be known. What was killed goes on behind the
last day that was noted. Where the archive has grown meanwhile, all days are scored again: a file
that came late may have rows in any of them.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from oddwire.detection.model import Model
from oddwire.errors import DataError
from oddwire.operations.progress import progress, step
from oddwire.operations.scoring.carried import Carried, load_champion, open_registry
from oddwire.operations.scoring.folders.before import Before
from oddwire.operations.scoring.folders.pace import Pace
from oddwire.operations.scoring.folders.scored_folder import (
    Noted,
    ScoredFolder,
    stamp_of,
)
from oddwire.operations.scoring.folders.scored_parts import ScoredParts
from oddwire.operations.scoring.replacing import check_place
from oddwire.operations.scoring.rows import Scorer
from oddwire.operations.scoring.scored_files import FrameWriter, join_scores, writing
from oddwire.operations.scoring.unusual import identified
from oddwire.params import load_params
from oddwire.params.values.paths import path_fault
from oddwire.project import Project
from oddwire.traffic.archive.reading import Archive, open_archive
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches, RowsWithOverlap
from oddwire.traffic.unit_column import counted_by
from oddwire.traffic.wire_text import printable, shown_path

_DAY = dt.timedelta(days=1)


class Day(NamedTuple):
    """A day of a period, the first and last of which may be parts of days."""

    name: str
    begin: dt.datetime
    end: dt.datetime


def score_period(
    project: Project,
    source: str,
    since: dt.datetime | None,
    until: dt.datetime | None,
    out: Path,
    *,
    adaptive: bool = False,
    overwrite: bool = False,
) -> ScoredParts:
    """Score every row of a source that could be known from a moment on, and before another.

    Parameters
    ----------
    source
        A source of connections whose champion scores them.
    since, until
        The period; None for the archive's beginning or end.
    out
        A folder, made if it is not there: it gets ``2026-03-02.parquet`` and so on.
    adaptive, overwrite
        As of `score_files`.

    Raises
    ------
    DataError
        If the source has no archive or no rows then, or the folder holds what another champion
        scored.
    ModelError
        If the champion counts alerts by other columns than the source's ``unit`` names.
    NoModelError
        If the source has no champion.
    """
    if (fault := path_fault(str(out.absolute()))) is not None:
        raise DataError(f"--out: {shown_path(out)} {fault}")
    params = load_params(project.params_file)
    check_place(out, project, params)
    params.source(source)
    archive = open_archive(project.ingested(source))
    if archive.kind != "connections":
        raise DataError(f"source {source} is a table: it has no period to score, only files")
    days = days_of(archive, source, since, until)
    unit = counted_by(archive.unit, archive.kind)
    version, model = load_champion(open_registry(project), source, unit)
    folder = ScoredFolder.open(
        out, source=source, version=version.number, explained=0, adaptive=adaptive,
        overwrite=overwrite,
    )  # fmt: skip
    begun = time.monotonic()
    scoring = _Scoring(
        archive, model, folder, params.rows_at_once, adaptive=adaptive, overwrite=overwrite
    )
    notes = scoring.all(days)
    return ScoredParts.of(
        out, notes, model, version,
        before=len(days) - scoring.done, seconds=time.monotonic() - begun,
        adaptive=adaptive,
    )  # fmt: skip


def days_of(
    archive: Archive, source: str, since: dt.datetime | None, until: dt.datetime | None
) -> list[Day]:
    """Cut a period of an archive into days.

    Raises
    ------
    DataError
        If nothing of the archive is in the period.
    """
    first, last = archive.first, archive.last
    if first is None or last is None:
        raise DataError(f"source {source} has no rows yet")
    begin = max(first, since or first)
    end = min(last + dt.timedelta.resolution, until or last + dt.timedelta.resolution)
    if begin >= end:
        raise DataError(
            f"source {source} has no rows in that period: its own are from {first:%Y-%m-%d %H:%M} "
            f"to {last:%Y-%m-%d %H:%M} UTC"
        )
    return list(_days(begin, end))


def _days(begin: dt.datetime, end: dt.datetime) -> Iterator[Day]:
    while begin < end:
        midnight = dt.datetime.combine(begin.date() + _DAY, dt.time(), tzinfo=dt.UTC)
        yield Day(f"{begin:%Y-%m-%d}", begin, min(midnight, end))
        begin = midnight


class _Scoring:
    """Days on their way through one model."""

    def __init__(
        self,
        archive: Archive,
        model: Model,
        folder: ScoredFolder,
        rows: int,
        *,
        adaptive: bool,
        overwrite: bool,
    ) -> None:
        self._archive, self._model, self._folder = archive, model, folder
        self._rows, self._adaptive, self._overwrite = rows, adaptive, overwrite
        self._stamp = stamp_of(archive.folder)  # which the stage makes anew
        self.done = 0

    def all(self, days: list[Day]) -> list[Noted]:
        """Score those that are not noted yet; return the notes of all."""
        before: Before | None = None
        notes: list[Noted] = []
        name = "score 1 day" if len(days) == 1 else f"score {len(days):,} days"
        pace = Pace([int((day.end - day.begin).total_seconds()) + 1 for day in days])
        with step(name, total=len(days)):
            for at, day in enumerate(days):
                if (note := self._noted(day)) is not None:
                    before = None
                    pace.skip()
                else:
                    if before is None:
                        before = self._all_before(day, days[:at])
                    note = self._one(day, before, last=at + 1 == len(days))
                    pace.count(note.rows)
                notes.append(note)
                progress().advance(name, note=pace.in_words())
        return notes

    def _noted(self, day: Day) -> Noted | None:
        return self._folder.noted(_noted_as(day), self._stamp)

    def _one(self, day: Day, before: Before, *, last: bool) -> Noted:
        scorer = Scorer(self._model, before.carried, explained=0)
        part = self._folder.part(day.name, overwrite=self._overwrite)
        if not self._overwrite:
            _check_covers(day, self._folder.holder(part))
        with writing([part]) as (draft,), FrameWriter(draft, part.name) as written:
            for rows in self._archive.batches(
                "train", rows=self._rows, since=day.begin, until=day.end
            ):
                places = np.arange(scorer.rows, scorer.rows + len(rows))
                scores = scorer.score(before.features.of(rows), places, identified(rows))
                written.write(join_scores(rows, scores, self._folder.version))
        self.done += 1
        return self._folder.note(
            _noted_as(day), self._stamp, part, *before, last=last, **scorer.counts
        )

    def _all_before(self, day: Day, days: Sequence[Day]) -> Before:
        """Return what the rows of a day that follows others depend on."""
        carried = Carried(self._model, adaptive=self._adaptive, behind=self._folder.carried())
        features = FeaturesInBatches(self._archive.kind, self._model.schema)
        is_known = not days or self._folder.carried_behind(_noted_as(days[-1]), carried)
        since = (days[0] if days else day).begin - LOOK_BACK
        for before in reversed(days) if is_known else ():
            if self._folder.looked_back_on(_noted_as(before), features):
                since = before.end
                break
        if not is_known:
            carried = Carried(self._model, adaptive=self._adaptive)
            self._look_back(features, since, days[0].begin)
            carried.catch_up(self._taken(features, days[0].begin, day.begin))
            return Before(features, carried)
        self._look_back(features, since, day.begin)
        return Before(features, carried)

    def _look_back(
        self, features: FeaturesInBatches, since: dt.datetime, until: dt.datetime
    ) -> None:
        for _ in self._taken(features, since, until):
            pass

    def _taken(
        self, features: FeaturesInBatches, since: dt.datetime, until: dt.datetime
    ) -> Iterator[RowsWithOverlap]:
        for rows in self._archive.batches("train", rows=self._rows, since=since, until=until):
            yield features.take(rows)


def _check_covers(day: Day, there: Noted | None) -> None:
    """Refuse to replace rows of a part of a day by those of another."""
    if there is None:
        return
    try:
        begin, end = map(dt.datetime.fromisoformat, there.name.split(" to "))
        covers = day.begin <= begin and end <= day.end
    except ValueError:  # a file that is called like a day
        covers = False
    if not covers:
        raise DataError(
            f"{day.name}.parquet holds the scores of {printable(there.name)}, and not all of that "
            "is in the period: name another folder, or begin anew with --overwrite"
        )


def _noted_as(day: Day) -> str:
    return f"{day.begin.isoformat()} to {day.end.isoformat()}"
