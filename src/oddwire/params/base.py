"""What all blocks of settings share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """A block of settings: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
