"""``explore:``, how much of a source is looked at."""

from __future__ import annotations

from pydantic import Field

from oddwire.params.base import Settings


class ExploreSettings(Settings):
    """How much of a source its statistics and pictures look at."""

    max_rows: int = Field(20_000, ge=100)
