"""DVC behind one file: bring a source's stages up to date."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from oddwire.disk.drafts import bring_back
from oddwire.errors import ServiceError
from oddwire.operations.data.dvc_process import run_dvc
from oddwire.operations.data.lineage import check_dvc_lock, locked_stages
from oddwire.operations.locks import dvc_lock
from oddwire.operations.progress import step
from oddwire.params import Source, load_params
from oddwire.params.stage_settings import PeriodSettings, as_environment, stage_settings
from oddwire.project import Project
from oddwire.traffic.archive.records import is_of_logs
from oddwire.traffic.sources.logs.listing import NAME, is_current
from oddwire.traffic.sources.reading.files import check_files, check_places

STAGES = ("prepare", "explore")  # what they depend on comes by itself


def reproduce(
    project: Project,
    source: str,
    settings: Source,
    *,
    stages: Sequence[str] = STAGES,
    period: PeriodSettings | None = None,
) -> None:
    """Run what is out of date of a source's stages, and nothing else.

    DVC takes one command at a time in a project; a second one waits here for its turn.

    Parameters
    ----------
    period
        What to train on, instead of what ``params.yaml`` says.

    Raises
    ------
    DataError
        If a file is missing, damaged or where DVC would delete it, or a stage refused its input;
        the message is the stage's own.
    ServiceError
        If DVC failed for another reason.
    """
    files = check_source_files(project, source, settings)
    name = f"dvc repro {source}"
    targets = [f"{stage}@{source}" for stage in stages]
    with dvc_lock(project), step(name):
        check_dvc_lock(project)
        if settings.logs:
            _bring_archive_back(project, source, name)
            _notice_logs(files.values(), project.raw(source))
        _notice_period(project, source, period)
        project.labels(source).parent.mkdir(exist_ok=True)  # of which DVC depends, if empty too
        run_dvc(
            project,
            # Somebody may run DVC by hand, or the child of a killed run be about to end.
            ["--wait-for-lock", "repro", *targets],
            log=f"dvc-repro-{source}",
            step=name,
            environment=as_environment(source, period),
        )


def check_source_files(project: Project, source: str, settings: Source) -> dict[str, Path]:
    """Return the files of a source by their keys, as they are before anything starts.

    Raises
    ------
    DataError
        If a file is missing, or where DVC would delete it.
    """
    check_places(load_params(project.params_file), project)
    has_archive = is_of_logs(project.ingested(source))  # which keeps what has gone
    return check_files(settings, root=project.root, name=source, required=not has_archive)


def _bring_archive_back(project: Project, source: str, name: str) -> None:
    """Have an archive that is not there from DVC: files that have gone are nowhere else."""
    archive = project.ingested(source)
    bring_back(archive)
    if archive.exists() or f"ingest@{source}" not in locked_stages(project.dvc_lock, source):
        return
    with suppress(ServiceError):  # not in this cache: what is there of the files is read anew
        run_dvc(
            project, ["--wait-for-lock", "checkout", f"ingest@{source}"],
            log=f"dvc-checkout-{source}", step=name,
        )  # fmt: skip


def _notice_logs(files: Iterable[Path], raw: Path) -> None:
    """Let DVC see that log files came, changed or went: by a list of them that is not there."""
    if not is_current(files, raw):
        (raw / NAME).unlink(missing_ok=True)


def _notice_period(project: Project, source: str, period: PeriodSettings | None) -> None:
    """Let DVC see that another period is asked for than the last time."""
    params = load_params(project.params_file)
    expected = stage_settings(params, {} if period is None else {source: period})
    with suppress(OSError, UnicodeDecodeError):
        if project.settings.read_text(encoding="utf-8") != expected:
            project.settings.unlink()
