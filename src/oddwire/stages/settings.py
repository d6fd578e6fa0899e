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


def write_settings(project: Project) -> None:
    """Write ``data/settings.json``.

    Raises
    ------
    ParameterError
        If ``params.yaml`` breaks a rule.
    """
    content = stage_settings(load_params(project.params_file), asked_periods())
    project.settings.parent.mkdir(exist_ok=True)
    project.settings.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(run_once(write_settings))
