"""What came of a source since it was last asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class MicroBatch:
    """Connections that were told together, and where to go on after them.

    Parameters
    ----------
    rows
        Connections of the connection schema, in the order of the log, with the column of units
        where the source names one; there may be none.
    places
        Where each row lies: its log and its number in it, counted from 1. The same however the
        lines came in, and after restarts; no two rows of a source have the same.
    refused
        How many lines could not be read.
    refusals
        The first few of them, as printable sentences.
    position
        Where to go on after the rows: to be saved with what came of them.
    notices
        What a person should hear of, as sentences.
    """

    rows: pd.DataFrame
    places: Sequence[str]
    refused: int
    refusals: tuple[str, ...]
    position: bytes
    notices: tuple[str, ...] = ()
