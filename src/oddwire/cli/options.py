"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Source = Annotated[str, typer.Argument(metavar="SOURCE", help="A source of params.yaml.")]
Since = Annotated[
    str, typer.Option(metavar="TIME", help="Rows known from then on, ISO 8601; UTC by default.")
]
Until = Annotated[str, typer.Option(metavar="TIME", help="Rows known before then.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
