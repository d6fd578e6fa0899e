"""Stage ``settings``: what other stages depend on of ``params.yaml``, each default written out.

DVC can only depend on a key that is there, and many may be left out. A default that changes runs
the stages again that it concerns, as a changed value does.
"""

from __future__ import annotations

import sys

from oddwire.params import load_params
from oddwire.params.stage_settings import asked_periods, stage_settings
from oddwire.project import Project
from oddwire.stages.running import run_once
from oddwire.traffic.sources.reading.files import check_places


def write_settings(project: Project) -> None:
    """Write ``data/settings.json``.

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


if __name__ == "__main__":
    sys.exit(run_once(write_settings))
