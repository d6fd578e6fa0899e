"""The batches of a follower, one after the other, for as long as it is wanted."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from oddwire.live.following import Batch, Follower

PAUSE = 0.1  # seconds
_LOOKS_AT_END = 3  # a file may be on its way to another name


def batches(
    follower: Follower,
    *,
    until_end: bool = False,
    stopped: threading.Event | None = None,
    pause: float = PAUSE,
) -> Iterator[Batch | None]:
    """Yield batches as they come, and None each time that there is nothing.

    Parameters
    ----------
    until_end
        Whether to end once there is no more, rather than wait for more.
    stopped
        Ends it, between batches.
    pause
        How long to wait for more, in seconds.

    Raises
    ------
    DataError
        If the source cannot be read.
    ServiceError
        If a server does not answer.
    """
    stopped = stopped or threading.Event()
    # A pipe in which nothing is at this moment may have a slow writer.
    guesses = until_end and not follower.has_end
    quiet = 0
    while not stopped.is_set():
        batch = follower.poll(final=until_end and quiet > 0)
        if batch is not None:
            quiet = 0
            yield batch
            continue
        quiet += 1
        if follower.ended or (guesses and quiet > _LOOKS_AT_END):
            return
        yield None
        if not guesses:
            stopped.wait(pause)
