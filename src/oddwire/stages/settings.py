"""Stage ``settings``: what other stages depend on of ``params.yaml``, each default written out.

DVC can only depend on a key that is there, and many may be left out. A default that changes runs
the stages again that it concerns, as a changed value does. So it is with people's verdicts: a
source without a table of them gets an empty one, and a changed table concerns its source alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from oddwire.params import load_params
from oddwire.params.stage_settings import asked_periods, stage_settings
from oddwire.project import Project
from oddwire.stages.running import run_once
from oddwire.traffic.sources.reading.files import check_places
from oddwire.traffic.verdicts.table import VerdictTable


def write_settings(project: Project) -> None:
    """Write ``data/settings.json``, and ``data/verdicts`` with a table for each source.

    Raises
    ------
    ParameterError
        If ``params.yaml`` breaks a rule.
    DataError
        If a file of a source is where a later stage, or DVC before it, would delete it.
    """
    params = load_params(project.params_file)
    check_places(params, project)  # here too: somebody may call DVC by hand
    content = stage_settings(params, asked_periods())
    project.settings.parent.mkdir(exist_ok=True)
    project.settings.write_text(content, encoding="utf-8")
    _copy_verdicts(project, params.sources)


def _copy_verdicts(project: Project, sources: Iterable[str]) -> None:
    """Copy each table as it is: what is wrong with one stops the stages of its own source alone."""
    empty = VerdictTable().text().encode()
    for source in sources:
        table, copy = project.labels(source), project.verdicts(source)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(table.read_bytes() if table.is_file() else empty)


if __name__ == "__main__":
    sys.exit(run_once(write_settings))
