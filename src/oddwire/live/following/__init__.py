"""Followers: what a source writes, as batches of complete lines with a position to go on from.

A position is a mapping of plain values (what JSON can hold), so that it can be saved in the
transaction that saves what came of the lines. Who goes on from it gets the lines after it, each
once and in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from oddwire.traffic.sources.logs.parsing.lines import LONGEST_LINE, Block

Position = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Chunk:
    """Complete lines of one log that follow each other.

    Parameters
    ----------
    log
        Which log they are of, whatever its file is called by now.
    origin
        What to call it in a message.
    block
        The lines, with the number of the first and those that are longer than allowed.
    heading
        The lines above the log's first row: what the reader must know of where ``block`` begins
        further down.
    ends
        Whether the log ends here: no line of it is to be expected after.
    """

    log: str
    origin: str
    block: Block
    heading: bytes = b""
    ends: bool = False


@dataclass(frozen=True)
class Batch:
    """What there was to read, in order, and where to go on.

    Parameters
    ----------
    chunks
        The lines; several chunks may be of one log.
    position
        Where to go on after them.
    moved
        What of ``position`` differs from that of the batch before; None where a key is gone. To
        save only that is enough.
    notices
        What a person should hear of, as sentences: a log that was truncated or lost.
    """

    chunks: tuple[Chunk, ...]
    position: Position
    moved: Mapping[str, Mapping[str, Any] | None]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """How much is read at once, and how long is waited for what.

    Parameters
    ----------
    batch_bytes
        About how many bytes a batch has at most; one line may be longer.
    line_bytes
        How many a line may have; longer ones are refused.
    listing_seconds
        How often new files are looked for.
    still_seconds
        How long a log that was rotated must not have grown to count as ended.
    """

    batch_bytes: int = 4 << 20
    line_bytes: int = LONGEST_LINE
    listing_seconds: float = 1.0
    still_seconds: float = 5.0


class Follower(Protocol):
    """What reads a source as it grows."""

    @property
    def has_end(self) -> bool:
        """Whether it can be known that nothing will ever come again: `ended` tells."""

    @property
    def ended(self) -> bool:
        """Whether nothing will ever come again."""

    def poll(self, *, final: bool = False) -> Batch | None:
        """Return what there is to read now, None where there is nothing.

        Parameters
        ----------
        final
            Look at everything again, and take rotated logs for ended without waiting.

        Raises
        ------
        DataError
            If the source cannot be read.
        """

    def confirm(self, position: Position) -> None:
        """Hear that a position was saved: what was before it need not be kept."""

    def close(self) -> None:
        """Let go of what is open."""
