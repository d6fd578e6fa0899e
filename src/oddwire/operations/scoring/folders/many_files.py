"""Score many files into a folder: a Parquet part per file, in the order of the logs.

What a connection's features look back on goes over from one file to the next, so that the parts
are those of one long file. After each part its file is noted in ``scored.jsonl``; beside it stands
what the next one looks back on: a scoring that was killed goes on behind the last file noted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from oddwire.detection.model import Model
from oddwire.errors import DataError, NoRowsError
from oddwire.operations.progress import RemarksAlone, progress, step, watched_by
from oddwire.operations.scoring.carried import Carried, load_champion, open_registry
from oddwire.operations.scoring.file_scoring import Asked, FileScoring
from oddwire.operations.scoring.folders.before import Before
from oddwire.operations.scoring.folders.pace import Pace
from oddwire.operations.scoring.folders.scored_folder import (
    Noted,
    ScoredFolder,
    name_of,
    stamp_of,
)
from oddwire.operations.scoring.folders.scored_parts import ScoredParts
from oddwire.operations.scoring.replacing import check_place
from oddwire.operations.scoring.score_file import check_times
from oddwire.params import Source, load_params
from oddwire.params.values.paths import file_fault, path_fault
from oddwire.project import Project
from oddwire.traffic.features.in_batches import FeaturesInBatches, RowsWithOverlap
from oddwire.traffic.sources import open_file
from oddwire.traffic.sources.reading.time_order import in_time_order
from oddwire.traffic.unit_column import counted_by
from oddwire.traffic.wire_text import shown_path


def score_files(
    project: Project,
    source: str,
    files: Sequence[Path],
    out: Path,
    *,
    explain_most: int = 0,
    adaptive: bool = False,
    overwrite: bool = False,
) -> ScoredParts:
    """Score every row of many files.

    Parameters
    ----------
    source
        The source whose format the files have and whose champion scores them.
    files
        In the order of their rows.
    out
        A folder, made if it is not there. A file ``a/b.log.gz`` becomes ``a/b.log.gz.parquet``,
        counted from the folder that all files share.
    explain_most
        As of `score_file`, for each file.
    adaptive
        As of `score_file`; the threshold goes on from one file to the next.
    overwrite
        Whether to begin anew, and to write over files that are not scored ones.

    Raises
    ------
    DataError
        If a file is not what the source promises, two would have one part, or the folder holds
        what another champion scored.
    ModelError
        If the champion counts alerts by other columns than the source's ``unit`` names.
    NoModelError
        If the source has no champion.
    """
    for file in files:
        if (fault := file_fault(file)) is not None:
            raise DataError(f"{shown_path(file)} {fault}")
    if (fault := path_fault(str(out.absolute()))) is not None:
        raise DataError(f"--out: {shown_path(out)} {fault}")
    params = load_params(project.params_file)
    check_place(out, project, params)
    settings = params.source(source)
    unit = counted_by(settings.unit_columns, settings.row_kind)
    version, model = load_champion(open_registry(project), source, unit)
    folder = ScoredFolder.open(
        out, source=source, version=version.number, explained=explain_most, adaptive=adaptive,
        overwrite=overwrite,
    )  # fmt: skip
    begun = time.monotonic()
    begin = partial(
        FeaturesInBatches, settings.row_kind, model.schema,
        behind=[*folder.look_backs(), project.look_back(source)],
    )  # fmt: skip
    scoring = _Scoring(settings, model, folder, begin, rows=params.rows_at_once, adaptive=adaptive)
    notes = scoring.all(files, overwrite=overwrite)
    return ScoredParts.of(
        out, notes, model, version,
        before=len(files) - scoring.done, seconds=time.monotonic() - begun,
        adaptive=adaptive,
    )  # fmt: skip


class _Scoring:
    """Files on their way through one model."""

    def __init__(
        self,
        settings: Source,
        model: Model,
        folder: ScoredFolder,
        begin: Callable[[], FeaturesInBatches],
        *,
        rows: int,
        adaptive: bool,
    ) -> None:
        self._settings, self._model, self._folder, self._begin = settings, model, folder, begin
        self._rows, self._adaptive = rows, adaptive
        self._asked = Asked(None, explain_most=folder.explained)
        self.done = 0

    def all(self, files: Sequence[Path], *, overwrite: bool) -> list[Noted]:
        """Score those that are not noted yet; return the notes of all."""
        parts = self._folder.parts(files, overwrite=overwrite)
        known = [self._folder.noted(name_of(file), stamp_of(file)) for file in files]
        before: Before | None = None
        found: list[Noted] = []
        what = "score 1 file" if len(files) == 1 else f"score {len(files):,} files"
        with step(what, total=len(files)):
            pace = Pace([file.stat().st_size for file in files])
            for at, (file, part, done) in enumerate(zip(files, parts, known, strict=True)):
                if done is not None:
                    before = None
                    pace.skip()
                    found.append(done)
                else:
                    with watched_by(RemarksAlone(progress())):
                        if before is None:
                            before = self._all_before(files[:at])
                        if at + 1 == len(files) > 1:  # which may be written to, and grow
                            self._folder.hold_behind(name_of(files[at - 1]), *before)
                        found.append(self._one(file, part, before, last=at + 1 == len(files)))
                    pace.count(found[-1].rows)
                progress().advance(what, note=pace.in_words())
        return found

    def _one(self, file: Path, part: Path, before: Before, *, last: bool) -> Noted:
        part.parent.mkdir(parents=True, exist_ok=True)
        name, stamp = name_of(file), stamp_of(file)
        self.done += 1
        try:
            opened = open_file(self._settings, file, schema=self._model.schema, rows=self._rows)
        except NoRowsError as error:
            progress().remark(str(error))
            return self._folder.note(name, stamp, None, *before, last=last)
        if self._adaptive:
            check_times(opened, self._settings)
        scoring = FileScoring(
            opened, *before, self._model, self._folder.version, asked=self._asked, out=part
        )
        more = scoring.write()
        if cut := more.get("cut"):
            progress().remark(f"{shown_path(file)} was read up to where it is cut off: {cut}")
        return self._folder.note(
            name, stamp, part, *before, last=last,
            refused=more.get("refused", 0), **scoring.scorer.counts,
        )  # fmt: skip

    def _all_before(self, files: Sequence[Path]) -> Before:
        """Return what the rows of the file that follows others depend on."""
        carried = Carried(self._model, adaptive=self._adaptive, behind=self._folder.carried())
        features = self._begin()
        if not files:
            return Before(features, carried)
        is_known = self._folder.carried_behind(name_of(files[-1]), carried)
        if is_known and self._settings.row_kind == "table":
            return Before(features, carried)
        begin = 0  # where nothing was kept, as a file amid others has changed: all of them
        for at in range(len(files) - 1, -1, -1) if is_known else ():
            if self._folder.looked_back_on(name_of(files[at]), features):
                begin = at + 1
                break
        taken = self._taken(files[begin:], features)
        if is_known:
            for _ in taken:
                pass
        else:
            carried = Carried(self._model, adaptive=self._adaptive)
            carried.catch_up(taken)
        return Before(features, carried)

    def _taken(
        self, files: Sequence[Path], features: FeaturesInBatches
    ) -> Iterator[RowsWithOverlap]:
        for file in files:
            with suppress(NoRowsError):
                opened = open_file(self._settings, file, schema=self._model.schema, rows=self._rows)
                for _, rows in in_time_order(opened):
                    yield features.take(rows)
