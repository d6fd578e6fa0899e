"""Stage ``prepare``: rows → features, in the parts that training, search and evaluation take."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from oddwire.disk.drafts import whole_folder
from oddwire.errors import DataError
from oddwire.params import load_params
from oddwire.params.stage_settings import PeriodSettings, period_of
from oddwire.project import LOOK_BACK_FOLDER, Project
from oddwire.stages.running import remark, run
from oddwire.traffic.archive import Archive, open_archive
from oddwire.traffic.connections import CONNECTION_COLUMNS
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
from oddwire.traffic.frame_files import FrameFile, columns_of, read_frames
from oddwire.traffic.schema import LABEL, FeatureSchema
from oddwire.traffic.splitting.campaign_parts import (
    CAMPAIGN_COLUMNS,
    CampaignParts,
    count_campaigns,
)
from oddwire.traffic.splitting.parts import NUMBERS, SPLIT_BY, Split, split_rows
from oddwire.traffic.splitting.shared_rows import SharedRows, count_shared, same_rows
from oddwire.traffic.verdicts.matching import JUDGED_BY, JudgedRows
from oddwire.traffic.verdicts.table import VerdictTable

PARTS = ("train", "calibration", "validation", "test")
Period = tuple[dt.datetime | None, dt.datetime | None]
_WORKERS = 2  # while one frame is written, as many are computed; more would hold more memory


def prepare(project: Project, source: str) -> None:
    """Write ``data/prepared/SOURCE``: a feature frame per part, and ``split.json``.

    Raises
    ------
    DataError
        If there are too few rows, no benign ones to train on, or the test file has the rows of
        the train file.
    """
    params = load_params(project.params_file)
    params.source(source)
    archive = open_archive(project.ingested(source))
    schema = archive.schema or CONNECTION_FEATURES
    since, until = _period(archive, period_of(project.settings, params, source))
    rows = archive.read("train", SPLIT_BY, since=since, until=until)
    if not len(rows) and archive.first is not None and archive.last is not None:
        raise DataError(
            f"source {source} has no rows in that period: its own are from"
            f" {archive.first:%Y-%m-%d %H:%M} to {archive.last:%Y-%m-%d %H:%M} UTC"
        )
    judged = _judged(project, source, archive, (since, until), params.rows_at_once)
    split = split_rows(
        judged.on(rows),
        archive.read("test", [LABEL]) if archive.has_test else None,
        params.split, seed=params.seed, source=source, by_people=judged.alone,
    )  # fmt: skip
    del rows  # not held while the parts are written
    _check_test(archive, (since, until), split, params.rows_at_once)
    with whole_folder(project.prepared(source)) as folder:
        labels = judged.unsaid(split.numbers != NUMBERS["train"]) if judged.alone else judged
        _write_parts(archive, (since, until), split, labels, schema, folder, params.rows_at_once)
        shared = _shared_rows(archive, folder, params.rows_at_once)
        campaigns = _campaigns(folder, params.rows_at_once)
        content = {
            "source": source,
            "kind": archive.kind,
            "schema": schema.to_dict(),
            "period": {"since": since and str(since), "until": until and str(until)},
            "split": split.summary(),
            "verdicts": judged.summary(),
            "shared_rows": shared.summary(),
            "campaigns": campaigns.summary(),
        }
        (folder / "split.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if split.left_out:
        remark(
            f"source {source} has more rows than split.max_rows ({params.split.max_rows:,}): "
            f"{split.left_out:,} are left out, in whole stretches of time"
        )


def _period(archive: Archive, wanted: PeriodSettings) -> Period:
    """Return from when on and until when rows are trained on."""
    since, until = wanted.moments
    return archive.newest(wanted.days) if wanted.days is not None else since, until


def _check_test(archive: Archive, period: Period, split: Split, rows: int) -> None:
    """Refuse a test file that has the rows of the train file, in whatever order."""
    if split.official is None or len(split.official) != len(split.numbers):
        return
    since, until = period
    before = archive.batches("train", rows=rows, since=since, until=until)
    if same_rows(before, archive.batches("test", rows=rows)):
        raise DataError(
            f"source {archive.folder.name}: its test file has the same rows as its train file:"
            " `test` must name rows that nothing was trained on, or be left out"
        )


def _judged(
    project: Project, source: str, archive: Archive, period: Period, rows: int
) -> JudgedRows:
    """Find the rows that people judged; they judge alerts, which are of connections."""
    table = VerdictTable.read(project.verdicts(source))
    if not len(table) or archive.kind != "connections":
        return JudgedRows.none()
    since, until = period
    found = JudgedRows.find(
        archive.batches("train", rows=rows, columns=JUDGED_BY, since=since, until=until), table
    )
    remark(f"source {source}: {found.sentence}")
    return found


def _write_parts(
    archive: Archive, period: Period, split: Split, judged: JudgedRows, schema: FeatureSchema,
    folder: Path, rows: int,
) -> None:  # fmt: skip
    """Write each part in the order of the archive."""
    features = FeaturesInBatches(archive.kind, schema)
    since, until = period
    if since is not None:  # its first rows look back like any other
        for batch in archive.batches("train", rows=rows, since=since - LOOK_BACK, until=since):
            features.take(batch)
    first = 0
    with ExitStack() as open_files:
        files = {
            part: open_files.enter_context(FrameFile(folder / f"{part}.parquet"))
            for part in PARTS
            if not (archive.has_test and part == "test")
        }
        batches = archive.batches("train", rows=rows, since=since, until=until)
        for unjudged in features.of_all(batches, workers=_WORKERS):
            frame = judged.on(unjudged, first)
            numbers = split.numbers[first : first + len(frame)]
            for part, file in files.items():
                chosen = numbers == NUMBERS[part]
                if chosen.any() or not first:  # so that a part without rows has its columns
                    file.write(frame[chosen])
            first += len(frame)
    features.save(folder / LOOK_BACK_FOLDER)
    if split.official is not None:
        later = FeaturesInBatches(archive.kind, schema, behind=[folder / LOOK_BACK_FOLDER])
        with FrameFile(folder / "test.parquet") as test:
            first = 0
            for frame in later.of_all(archive.batches("test", rows=rows), workers=_WORKERS):
                test.write(frame[split.official[first : first + len(frame)]])
                first += len(frame)


def _shared_rows(archive: Archive, folder: Path, rows: int) -> SharedRows:
    """Count the test rows that also occur in the parts before them."""
    columns: Sequence[str] = columns_of(folder / "train.parquet")
    if archive.kind == "connections":  # all else follows from these, and from what was before
        columns = [name for name in columns if name in CONNECTION_COLUMNS]

    def pieces(*parts: str) -> Iterator[pd.DataFrame]:
        for part in parts:
            yield from read_frames(folder / f"{part}.parquet", rows=rows, columns=columns)

    return count_shared(pieces("train", "calibration", "validation"), pieces("test"))


def _campaigns(folder: Path, rows: int) -> CampaignParts:
    """Count the campaigns of each part, where the rows name them."""
    files = {part: folder / f"{part}.parquet" for part in PARTS}
    if not all(set(CAMPAIGN_COLUMNS) <= set(columns_of(file)) for file in files.values()):
        return CampaignParts()
    return count_campaigns({
        part: read_frames(file, rows=rows, columns=CAMPAIGN_COLUMNS)
        for part, file in files.items()
    })  # fmt: skip


if __name__ == "__main__":
    sys.exit(run(prepare))
