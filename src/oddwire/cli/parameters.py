"""``oddwire params``: every setting with its default."""

from __future__ import annotations

import typer
import yaml

from oddwire.params import Params, load_params, watched
from oddwire.project import Project

EPILOG = """
**Example**

`oddwire params > all-settings.yaml`
"""


def _check_addresses(settings: Params) -> None:
    """Look at where alerts are to go, and what is to be followed, without asking anybody."""
    for source in settings.sources.values():
        if (watch := watched(source)) is None:
            continue
        from oddwire.live.reading.inputs import input_at
        from oddwire.live.sinks.addresses import sink_address

        for sink in watch.sinks:
            sink_address(sink.opened())
        if watch.input is not None:
            input_at(watch.input.opened())


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
        _check_addresses(settings)
    content = settings.model_dump(mode="json")
    typer.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)
