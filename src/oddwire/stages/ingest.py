"""Stage ``ingest``: a source's files → validated rows in Parquet.

A source of logs has an archive, which grows: each log file is read once, and stays in it when the
file has gone.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from oddwire.disk.drafts import bring_back, whole_folder
from oddwire.params import LogSource, load_params
from oddwire.params.stage_settings import OF_NO_STAGE
from oddwire.project import Project
from oddwire.stages.link import linked, linked_logs
from oddwire.stages.running import remark, run, tell
from oddwire.traffic.archive import write_rows
from oddwire.traffic.archive.growing import Reading, grow
from oddwire.traffic.archive.records import read_records
from oddwire.traffic.sources import open_source
from oddwire.traffic.sources.log_source import read_parts
from oddwire.traffic.sources.logs.contents import begins_with
from oddwire.traffic.sources.logs.there import files_there, held, remember

# One more whenever a reader of logs gives other rows for the same file: all are read anew then.
# tests/stages/test_readers.py fails where it was forgotten.
READERS = 2
_NOT_OF_THE_ROWS = {"files", "max_refused_share", "max_rows", "train_days", "unit", *OF_NO_STAGE}
# Settings that came later: rows read before are the same where nothing is said of them.
_ADDED = ("campaign",)
_SECONDS = 2.0  # between two words on how far it is


def ingest(project: Project, source: str) -> None:
    """Read a source through its links and write ``data/ingested/SOURCE``.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises.
    """
    params = load_params(project.params_file)
    settings = params.source(source)
    if isinstance(settings, LogSource):
        _ingest_logs(project, source, settings)
        return
    own = linked(settings, project.raw(source))
    rows = open_source(own, root=project.root, rows=params.rows_at_once)
    with whole_folder(project.ingested(source)) as folder:
        write_rows(rows, folder)
    for sentence in rows.remarks:
        remark(f"source {source}: {sentence}")


def _ingest_logs(project: Project, source: str, settings: LogSource) -> None:
    target = project.ingested(source)
    bring_back(target)
    before = read_records(target)
    files = files_there(linked_logs(project.raw(source)), project.known_logs(source))
    with whole_folder(target) as folder:
        reading = Reading(
            reading_key(settings), partial(held, scratch=folder), partial(read_parts, settings),
            begins_with, settings.max_refused_share, settings.in_log_order, _progress(),
            unit=settings.unit_columns,
        )  # fmt: skip
        after = grow(target, before, files, reading, folder)
    remember(files, project.known_logs(source))
    outdated = sum(part.reading != reading.key for part in after.parts)
    if outdated:
        remark(
            f"source {source}: {outdated:,} of its log files have gone and stay as they were read"
            " under earlier settings"
        )


def reading_key(settings: LogSource) -> str:
    """Return a hash of all settings on which the rows of a log file depend."""
    content = settings.model_dump(mode="json", exclude=_NOT_OF_THE_ROWS)
    content = {key: set_to for key, set_to in content.items() if key not in _ADDED or set_to}
    text = json.dumps([READERS, content], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _progress() -> Callable[[Path, int, int], None]:
    last = time.monotonic()

    def show(file: Path, at: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS:
            last = time.monotonic()
            tell(f"log file {at + 1:,} of {of:,}: {file.name}")

    return show


if __name__ == "__main__":
    sys.exit(run(ingest))
