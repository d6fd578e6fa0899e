"""DVC behind one file: bring a source's stages up to date."""

from __future__ import annotations

from collections.abc import Sequence

from oddwire.operations.data.dvc_process import run_dvc
from oddwire.operations.data.lineage import check_dvc_lock
from oddwire.operations.locks import dvc_lock
from oddwire.operations.progress import step
from oddwire.params import Source, load_params
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import check_files, check_places

STAGES = ("prepare", "explore")  # what they depend on comes by itself


def reproduce(
    project: Project, source: str, settings: Source, *, stages: Sequence[str] = STAGES
) -> None:
    """Run what is out of date of a source's stages, and nothing else.

    DVC takes one command at a time in a project; a second one waits here for its turn.

    Raises
    ------
    DataError
        If a file is missing, damaged or where DVC would delete it, or a stage refused its input;
        the message is the stage's own.
    ServiceError
        If DVC failed for another reason.
    """
    check_places(load_params(project.params_file), project)
    check_files(settings, root=project.root, name=source)
    name = f"dvc repro {source}"
    targets = [f"{stage}@{source}" for stage in stages]
    with dvc_lock(project), step(name):
        check_dvc_lock(project)
        run_dvc(
            project,
            # Somebody may run DVC by hand, or the child of a killed run be about to end.
            ["--wait-for-lock", "repro", *targets],
            log=f"dvc-repro-{source}",
            step=name,
        )
