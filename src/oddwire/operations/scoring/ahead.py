"""Work that is done in a thread while its results are used, so that both have a core."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from queue import Empty, Full, Queue
from typing import NamedTuple, TypeVar

Item = TypeVar("Item")

_POLL_SECONDS = 0.1


class _End(NamedTuple):
    error: BaseException | None


def ahead(items: Iterable[Item], *, most: int = 1) -> Generator[Item]:
    """Yield items that a thread makes meanwhile, in their order.

    What making one raises is raised here in its turn. The thread ends with the iterator, whether it
    is exhausted or closed.

    Parameters
    ----------
    items
        Made one after the other, in the thread alone.
    most
        How many are made before they are asked for, beside the one in the making.

    Examples
    --------
    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    made: Queue[Item | _End] = Queue(most)
    closed = threading.Event()
    thread = threading.Thread(target=_make, args=(items, made, closed), daemon=True)
    thread.start()
    try:
        while not isinstance(item := made.get(), _End):
            yield item
            del item  # not to be held while the next one is waited for
        if item.error is not None:
            raise item.error
    finally:
        closed.set()
        while thread.is_alive():  # it may wait for room
            try:
                made.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
        thread.join()


def _make(items: Iterable[Item], made: Queue[Item | _End], closed: threading.Event) -> None:
    error: BaseException | None = None
    try:
        for item in items:
            _put(made, item, closed)
            if closed.is_set():
                return
            del item
    except BaseException as raised:  # noqa: BLE001 - raised again where items are used
        error = raised
    _put(made, _End(error), closed)


def _put(made: Queue[Item | _End], item: Item | _End, closed: threading.Event) -> None:
    while not closed.is_set():
        try:
            made.put(item, timeout=_POLL_SECONDS)
        except Full:
            continue
        return
