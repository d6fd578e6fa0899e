"""The batches of a follower, one after the other, for as long as it is wanted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from oddwire.live.following import Batch, Follower

PAUSE = 0.1  # seconds
EVERY = 0.2  # seconds: each batch costs the same beside what its rows cost
_LOOKS_AT_END = 3  # a file may be on its way to another name


def batches(
    follower: Follower,
    *,
    until_end: bool = False,
    stopped: threading.Event | None = None,
    pause: float = PAUSE,
    every: float = EVERY,
) -> Iterator[Batch | None]:
    """Yield batches as they come, and None each time that there is nothing.

    Parameters
    ----------
    until_end
        Whether to end once there is no more, rather than wait for more.
    stopped
        Ends it, between batches.
    pause
        How long to wait where there is nothing, in seconds.
    every
        How long a batch with something in it takes at least, in seconds, so that the next one is
        worth its while.

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
        began = time.monotonic()
        batch = follower.poll(final=until_end and quiet > 0)
        if batch is not None:
            quiet = 0
            yield batch
            if not until_end:
                stopped.wait(max(0.0, began + every - time.monotonic()))
            continue
        quiet += 1
        if follower.ended or (guesses and quiet > _LOOKS_AT_END):
            return
        yield None
        if not guesses:
            stopped.wait(pause)
