"""Log files → connections: one reader per kind of log, all of them in bounded memory.

A reader takes the blocks of whole lines of one file and gives, block by block, the connections
that it read and the lines that it refused. So what a file holds never stands in memory at once,
and every line that is a row is one of three: read, refused with its number and its reason, or
folded into another row.
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
    folded
        How many lines are no row of their own, but part of another one: earlier records of a
        connection whose last one counts, and the way back of a flow that is told apart.
    cut
        Why the file ends here before its time; None where it does not.
    """

    connections: pa.Table
    refused: tuple[Refused, ...] = field(default=())
    folded: int = 0
    cut: str | None = None
