"""DVC behind one file: bring a source's stages up to date."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from oddwire.errors import DataError, ServiceError
from oddwire.operations.data.lineage import check_dvc_lock
from oddwire.operations.locks import dvc_lock
from oddwire.operations.progress import progress, step
from oddwire.params import Source
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import check_files

STAGES = ("prepare", "explore")  # what they depend on comes by itself
_STAGE_ERROR = "error: "
_MOST_LINES = 6


def reproduce(
    project: Project, source: str, settings: Source, *, stages: Sequence[str] = STAGES
) -> None:
    """Run what is out of date of a source's stages, and nothing else.

    DVC takes one command at a time in a project; a second one waits here for its turn.

    Raises
    ------
    DataError
        If a file is missing or damaged, or a stage refused its input; the message is the stage's
        own.
    ServiceError
        If DVC failed for another reason.
    """
    check_files(settings, root=project.root, name=source)
    name = f"dvc repro {source}"
    with dvc_lock(project), step(name):
        check_dvc_lock(project)
        _run_dvc(project, [f"{stage}@{source}" for stage in stages], name)


def _run_dvc(project: Project, targets: Sequence[str], name: str) -> None:
    # Somebody may run DVC by hand, or the child of a killed run be about to end.
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *targets]
    # The stages say `python`: let that be this one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    with subprocess.Popen(  # noqa: S603 - targets are names that params.yaml checked
        command,
        cwd=project.root,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as dvc:
        lines = []
        for line in dvc.stdout or ():
            lines.append(line.rstrip())
            if line.startswith("Running stage"):
                progress().advance(name, line.split("'")[1])
    if dvc.returncode != 0:
        raise _failure(lines)


def _failure(lines: Sequence[str]) -> DataError | ServiceError:
    for line in lines:
        if line.startswith(_STAGE_ERROR):
            return DataError(line.removeprefix(_STAGE_ERROR))
    errors = [line for line in lines if line.startswith("ERROR")]
    # A dvc.yaml that is not YAML is reported in a paragraph, the file's name in its first line.
    reason = " ".join(" ".join(errors or lines[-_MOST_LINES:]).split())
    return ServiceError(f"dvc repro failed: {reason}")
