"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="A source of params.yaml.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
