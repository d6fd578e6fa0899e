"""``oddwire params``: every setting with its default."""

from __future__ import annotations

import typer
import yaml

from oddwire.params import load_params
from oddwire.project import Project

EPILOG = """
**Example**

`oddwire params > all-settings.yaml`
"""


def params() -> None:
    """Print every setting of params.yaml, with defaults filled in, or say what is wrong.

    Files of sources are looked into as well, where they are there and small.
    """
    project = Project.find()
    settings = load_params(project.params_file)
    if any(source.paths() or source.logs for source in settings.sources.values()):
        from oddwire.traffic.sources import check_small_files
        from oddwire.traffic.sources.reading.files import check_places

        check_places(settings, project)
        for source in settings.sources.values():
            check_small_files(source, root=project.root)
    content = settings.model_dump(mode="json")
    typer.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)
