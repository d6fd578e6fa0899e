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
    """Print every setting of params.yaml, with defaults filled in."""
    content = load_params(Project.find().params_file).model_dump(mode="json")
    typer.echo(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), nl=False)
