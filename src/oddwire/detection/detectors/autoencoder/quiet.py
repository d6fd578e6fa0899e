"""Keeping torch and Lightning from disturbing whoever trains: their remarks and their threads."""

from __future__ import annotations

import functools
import logging
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

_LOGGERS = (  # Lightning's remarks on devices and on why it stopped
    "pytorch_lightning.utilities.rank_zero",
    "pytorch_lightning.trainer.connectors.signal_connector",
)
_BUILDING = threading.Lock()


@contextmanager
def without_known_warnings() -> Iterator[None]:
    """Ignore two warnings that ask nothing of us.

    Warning filters belong to the whole process, so this is for the moments of building alone, one
    thread at a time.
    """
    with _BUILDING, warnings.catch_warnings():
        # Lightning 2.6 builds a part of torch that torch 2.13 calls deprecated.
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        # Whoever asks for the CPU on a machine with a GPU means it.
        warnings.filterwarnings("ignore", "GPU available but not used")
        yield


@contextmanager
def without_known_remarks() -> Iterator[None]:
    """Drop what Lightning logs in this thread below a warning."""
    thread = threading.get_ident()

    def is_heard(record: logging.LogRecord) -> bool:
        return record.levelno > logging.INFO or record.thread != thread

    for name in _LOGGERS:
        logging.getLogger(name).addFilter(is_heard)
    try:
        yield
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(is_heard)


def one_thread() -> AbstractContextManager[Any]:
    """Keep torch's loops in the calling thread; other threads are not touched.

    The layers are too small to share out: where the processors are busy with something else
    (another study, say), two threads that wait for each other were measured 20 times slower.
    """
    return cast("AbstractContextManager[Any]", _threads().limit(limits=1, user_api="openmp"))


@functools.cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()
