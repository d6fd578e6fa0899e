"""The archives of logs: parts that are gone or damaged, refused lines, files not brought in yet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from oddwire.disk.drafts import taken_away
from oddwire.errors import OddwireError
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.locks import is_held
from oddwire.params import LogSource
from oddwire.percent import percent
from oddwire.traffic.archive.records import FILES, PartRecord, Records, is_of_logs, read_records
from oddwire.traffic.archive.refused import is_too_many
from oddwire.traffic.sources.logs.listing import newer_files
from oddwire.traffic.sources.reading.files import log_files
from oddwire.traffic.wire_text import printable

_LONGEST = 100


def see_archives(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at what was brought in of each source of logs, and at what was not yet."""
    sources = {} if ground.params is None else ground.params.sources
    for name, settings in sources.items():
        if not isinstance(settings, LogSource):
            continue
        if is_held(ground.project.dvc_guard):
            yield Fact(f"{name}: a stage runs, so its archive was not looked at")
        else:
            yield from _archive(ground, name, settings)


def _archive(ground: Ground, name: str, settings: LogSource) -> Iterator[Finding | Fact]:
    folder = ground.project.ingested(name)
    former = taken_away(folder)
    if former is not None:
        yield Finding(
            subject=quoted(former, ground.root),
            problem=f"the archive of {name}, as it was when an ingest was killed that was about"
            " to replace it; the next one puts it back and goes on",
            remedy=f"oddwire ingest {name}",
        )  # fmt: skip
        return
    if not folder.is_dir():
        yield Fact(f"{name}: no archive yet (`oddwire ingest {name}`)")
        return
    records = None
    with suppress(OddwireError):
        records = read_records(folder) if is_of_logs(folder) else None
    if records is None:
        yield _lost(ground, folder, [folder / FILES])
        return
    if bad := [file for part in records.parts for file in _damaged(part, folder)]:
        yield _lost(ground, folder, bad)
    yield from _refused(ground, name, settings, records)
    yield Fact(f"{name}: {len(records.parts):,} log files in its archive")
    yield from _not_brought_in(ground, name, settings)


def _lost(ground: Ground, folder: Path, files: list[Path]) -> Finding:
    more = f", and {len(files) - 1:,} more" if len(files) > 1 else ""
    state = "is damaged" if files[0].exists() else "is not there"
    place = quoted(folder, ground.root)
    return Finding(
        subject=quoted(files[0], ground.root),
        problem=f"a file of the archive of {folder.name} {state}{more}: no stage can read it; DVC"
        " has it as it was last ingested",
        remedy=f"dvc checkout --force {place}",
    )


def _damaged(part: PartRecord, folder: Path) -> Iterator[Path]:
    if part.rows:
        try:
            whole = pq.read_metadata(part.file(folder)).num_rows == part.rows
            if not whole or part.file(folder).stat().st_size != part.stored:
                yield part.file(folder)
        except (OSError, pa.ArrowException):
            yield part.file(folder)
    if part.refused and not part.refused_file(folder).is_file():
        yield part.refused_file(folder)


def _refused(ground: Ground, name: str, settings: LogSource, records: Records) -> Iterator[Finding]:
    """Yield what was read under a higher limit of refused lines than is set now."""

    def share(part: PartRecord) -> float:
        return part.refused / (part.refused + part.rows)

    most = settings.max_refused_share
    above = [
        part
        for part in records.parts
        if is_too_many(part.refused - bool(part.cut and part.refused), part.rows, most=most)
    ]
    if not above:
        return
    worst = max(above, key=share)
    file = quoted(worst.refused_file(ground.project.ingested(name)), ground.root)
    count = "1 log file was" if len(above) == 1 else f"{len(above):,} log files were"
    yield Finding(
        subject=name, severity="warning",
        problem=f"{count} read with more refused lines than max_refused_share ({percent(most)}):"
        f" of {printable(worst.name, _LONGEST)} {percent(share(worst))}, which are kept with"
        " their reasons",
        remedy=f"head {file} && ${{EDITOR:-vi}} params.yaml  # raise it where they may be lost",
    )  # fmt: skip


def _not_brought_in(ground: Ground, name: str, settings: LogSource) -> Iterator[Fact]:
    with suppress(OddwireError, OSError, RuntimeError, ValueError):  # the settings' look says it
        files = log_files(settings.logs, root=ground.root, required=False)
        newer = newer_files(files, ground.project.raw(name))
        if newer:
            count = "1 log file is" if newer == 1 else f"{newer:,} log files are"
            yield Fact(
                f"{name}: {count} newer than its archive: `oddwire ingest {name}`, a training or a"
                " drift check brings them in; `dvc repro` by hand does not see them",
                figure=True,
            )
