"""``scoring:``, where scored files may be written."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from oddwire.params.base import Settings


class ScoringSettings(Settings):
    """Where the scoring flow may write.

    Parameters
    ----------
    folders
        Folders beside the project's own in which the scoring flow may write, subfolders included;
        relative ones are in the project's. The command line writes wherever its user may.
    """

    folders: tuple[Annotated[str, Field(min_length=1)], ...] = ()
