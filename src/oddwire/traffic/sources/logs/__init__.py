"""Log files → connections: one reader per kind of log, all of them in bounded memory.

A reader takes the blocks of whole lines of one file and gives, block by block, the connections
that it read and the lines that it refused. So what a file holds never stands in memory at once,
and every line that is a row is one of the two: read, or refused with its number and its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Refused:
    """A line that was not read.

    Parameters
    ----------
    line
        Its number in the file, counted from 1.
    reason
        What is wrong with it, in a few words.
    text
        The line, cut if it is long.
    """

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class LogPart:
    """What a stretch of a log file gave.

    Parameters
    ----------
    connections
        Connections of `columns.LOG_SCHEMA`, in the order of the log.
    refused
        Lines that are rows, and could not be read.
    """

    connections: pa.Table
    refused: tuple[Refused, ...] = field(default=())
