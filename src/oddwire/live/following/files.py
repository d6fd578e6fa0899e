"""Log files that grow and are rotated, followed by what is in them, whatever they are called.

A log is known by its beginning up to the end of its first row (`contents.Head`), so that a file
that was renamed, copied or compressed is the same log, and goes on where it was read to. Device and
inode say which of several such files is the log itself. A file that is shorter than what was read,
or begins otherwise, was truncated: what it holds now is another log, read from its start.

Logs are read in the order in which they were begun, each to its end before the next; new ones of
one look in the order of rotation. The end is looked for after the next log has its first row, when
its writer has left the one before.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from oddwire.live.following import Batch, Chunk, Limits, Position
from oddwire.live.following.listing import Found, Listing
from oddwire.live.following.log import Log, Reached, Truncated
from oddwire.live.following.troubles import Troubles
from oddwire.traffic.sources.logs.recognising import is_heading as usual_heading
from oddwire.traffic.sources.reading.files import rotation_order
from oddwire.traffic.wire_text import shown_path

_BEGUN = "begun"  # the key that tells an empty position from none
_LOOKS = 2  # how often a file must be missing to be gone
_SHARE = 10
_MOST_OPEN = 128
_MOST_GONE = 4096
_ROTATING = 10.0  # seconds in which a rotation may leave no file
_LONG_STILL = 3600.0  # seconds after which a log with a later one beside it has ended
_USUAL = Limits()


class FileFollower:
    """Follows files.

    Parameters
    ----------
    patterns
        Paths and glob patterns.
    root
        The folder from which relative ones count.
    position
        Where to go on; None to begin.
    from_start
        Whether to begin with what is there already; otherwise with what comes after.
    is_heading
        Tells lines above a log's rows from rows.
    limits
        How much is read at once.
    """

    has_end = ended = False

    def __init__(
        self,
        patterns: Sequence[str],
        *,
        root: Path,
        position: Position | None = None,
        from_start: bool = False,
        is_heading: Callable[[bytes], bool] = usual_heading,
        limits: Limits = _USUAL,
    ) -> None:
        self._listing = Listing(patterns, root, is_heading, limits.line_bytes)
        self._limits = limits
        self._position: dict[str, Mapping[str, Any]] = dict(position or {})
        saved = [(key, Reached.of(one)) for key, one in self._position.items() if key != _BEGUN]
        saved.sort(key=lambda one: one[1].number)
        self._logs = {digest: Log(digest, reached, limits) for digest, reached in saved}
        self._number = saved[-1][1].number + 1 if saved else 0
        self._newest = {_series(one.path): one.number for _, one in saved if one.path}
        self._skip = position is None and not from_start
        self._touched: set[str] = set()
        self._notices: list[str] = []
        self._due = 0.0
        self._troubles = Troubles()
        self._faults: dict[str, str] = {}  # of files that were being read

    def poll(self, *, final: bool = False) -> Batch | None:
        """Return what there is to read now, None where there is nothing.

        A file that cannot be read is said in a notice, and read when it can be.
        """
        if final or time.monotonic() >= self._due:
            self._look(final=final)
        chunks = tuple(self._read(final=final))
        self._close_some()
        moved = self._moved()
        notices, self._notices = tuple(self._notices), []
        if not chunks and not moved and not notices:
            return None
        return Batch(chunks, dict(self._position), moved, notices)

    def confirm(self, position: Position) -> None:
        """Files stay as they are."""

    def close(self) -> None:
        """Close all files."""
        for log in self._logs.values():
            log.close_file()

    def _look(self, *, final: bool) -> None:
        began, usual = time.monotonic(), self._limits.listing_seconds
        self._find(final=final)
        took = time.monotonic() - began  # of many thousand files, looking is not all that is done
        self._due = began + took + max(usual, min(_SHARE * took, _SHARE * usual))

    def _find(self, *, final: bool) -> None:
        there: dict[str, list[Found]] = {}
        for one in self._listing.look():
            there.setdefault(one.head.digest, []).append(one)
        self._say_troubles(anything=bool(there))
        for log in [*self._logs.values()]:
            if log.digest in there:
                self._found(log, there[log.digest])
            else:
                self._not_found(log)
        if self._listing.is_settled or final:  # otherwise an older one may be missing
            self._begin_new(there)
        self._forget(there)

    def _begin_new(self, there: Mapping[str, Sequence[Found]]) -> None:
        new = [self._begin(digest, files) for digest, files in there.items()
               if digest not in self._logs]  # fmt: skip
        if self._skip:
            for log in new:
                self._skip_what_is_there(log)
            self._skip = False

    def _begin(self, digest: str, files: Sequence[Found]) -> Log:
        best = min(files, key=lambda one: one.packed)
        reached = Reached(
            self._number, str(best.path), *best.place, best.head.size, best.head.heading
        )
        self._newest[_series(reached.path)] = self._number
        self._number += 1
        log = self._logs[digest] = Log(digest, reached, self._limits)
        log.files = _by_preference(files)
        self._touched.add(digest)
        return log

    def _found(self, log: Log, files: Sequence[Found]) -> None:
        """See which files of a log that is known have more of it."""
        own = next((one for one in files if one.place == log.place and not one.packed), None)
        log.missing, log.files = 0, ()
        if log.reached.missed:  # it is here again
            log.reached.missed = False
            self._touched.add(log.digest)
        if own is not None and not log.reached.path:
            log.reached.path = str(own.path)
        log.has_moved = own is None or str(own.path) != log.reached.path
        if own is not None:
            log.here = own.path
            if own.standing.size < log.reached.offset:
                self._say_truncated(log)
                log.start_again()
                self._touched.add(log.digest)
            if own.standing.size > log.reached.offset:
                if log.reached.closed:  # its writer had not left it
                    log.reached.closed = False
                    self._touched.add(log.digest)
                log.files = (own,)
        elif not log.reached.closed:
            log.files = _by_preference(files, log.reached.offset)

    def _not_found(self, log: Log) -> None:
        if self._listing.faults and not log.is_open:  # it may be what cannot be looked at
            log.files = ()
            return
        missing = log.missing + 1 if self._listing.is_settled else max(log.missing, 1)
        log.missing, log.files, log.has_moved = missing, (), True
        if log.missing != _LOOKS or log.reached.closed or log.reached.missed or log.is_open:
            return
        self._miss(log)
        self._notices.append(
            f"{shown_path(log.here)} {_fate(log.here)}; what it held after line "
            f"{log.reached.lines:,} was not read, if there was any"
        )

    def _miss(self, log: Log) -> None:
        """Note that it was said what became of a log: a restart need not say it again."""
        log.missing, log.reached.missed = _LOOKS, True
        self._touched.add(log.digest)

    def _skip_what_is_there(self, log: Log) -> None:
        if log.files[0].packed:
            log.reached.closed = True
            return
        with suppress(Truncated):  # it is found so when it is read
            if self._open(log):
                log.skip()

    def _read(self, *, final: bool) -> Iterator[Chunk]:
        left = self._limits.batch_bytes
        for log in [one for one in self._logs.values() if not one.reached.closed]:
            try:
                while left > 0 and (chunk := self._next(log, left)) is not None:
                    left -= len(chunk.block.data)
                    yield chunk
                if left <= 0:
                    return
                if self._is_over(log, final=final):
                    self._touched.add(log.digest)
                    yield self._end(log)
            except Truncated:
                self._say_truncated(log)
                log.close_file()
                self._due = 0.0  # look where it is now
                return
            except OSError as error:
                self._note(log, error)
                log.close_file()
            if self._is_on_its_way(log):
                self._due = 0.0
                return  # later logs wait

    def _is_on_its_way(self, log: Log) -> bool:
        """Tell whether a log is nowhere, or no more where it was found, and may be elsewhere."""
        if log.is_open or log.reached.closed or shown_path(log.here) in self._faults:
            return False
        return bool(log.files) or 0 < log.missing < _LOOKS

    def _next(self, log: Log, most: int) -> Chunk | None:
        if not log.is_open and not self._open(log):
            return None
        chunk = log.read(most)
        if chunk is not None:
            self._touched.add(log.digest)
        return chunk

    def _open(self, log: Log) -> bool:
        for found in log.files:
            try:
                if log.open(found):
                    self._touched.add(log.digest)
                    return True
            except OSError as error:
                self._note(log, error)
        return False

    def _note(self, log: Log, error: OSError) -> None:
        self._faults[shown_path(log.here)] = error.strerror or str(error)

    def _is_over(self, log: Log, *, final: bool) -> bool:
        """Tell whether a log of which all was read will not grow again."""
        if not log.is_open:
            is_read = not log.files and not log.missing
            still = final or log.still_for >= _LONG_STILL
            return is_read and still and self._has_later(log)
        still = final or log.still_for >= self._limits.still_seconds
        if log.is_packed:
            return not log.is_cut or still
        if log.has_moved:
            return still
        return (final or log.still_for >= _LONG_STILL) and self._has_later(log)

    def _has_later(self, log: Log) -> bool:
        return self._newest.get(_series(log.reached.path), -1) > log.reached.number

    def _end(self, log: Log) -> Chunk:
        if log.is_cut:
            self._notices.append(f"{shown_path(log.here)} ends before its time")
        return log.end()

    def _say_truncated(self, log: Log) -> None:
        self._notices.append(
            f"{shown_path(log.here)} was truncated after line {log.reached.lines:,} was read: it is"
            " read from its start"
        )
        self._miss(log)

    def _say_troubles(self, *, anything: bool) -> None:
        wrong = {**self._listing.faults, **self._faults}
        self._faults = {}
        nothing = self._listing.nothing() if not anything and not wrong else {}
        patience = dict.fromkeys(nothing, _ROTATING if self._logs else 0.0)
        self._notices += self._troubles.see({**wrong, **nothing}, patience=patience)

    def _close_some(self) -> None:
        """Close the files of the oldest logs where too many are open: all of them was read."""
        opened = [log for log in self._logs.values() if log.is_open]
        for log in opened[:-_MOST_OPEN]:
            log.close_file()
            log.files = ()

    def _forget(self, there: Mapping[str, object]) -> None:
        gone = [log for digest, log in self._logs.items() if digest not in there]
        for log in [log for log in gone if not log.is_open][:-_MOST_GONE]:
            del self._logs[log.digest]
            self._touched.add(log.digest)

    def _moved(self) -> dict[str, Mapping[str, Any] | None]:
        moved: dict[str, Mapping[str, Any] | None] = {}
        if _BEGUN not in self._position and not self._skip:
            moved[_BEGUN] = {_BEGUN: True}
        for digest in self._touched:
            log = self._logs.get(digest)
            now = None if log is None else log.reached.plain()
            if now != self._position.get(digest):
                moved[digest] = now
        self._touched.clear()
        for key, value in moved.items():
            if value is None:
                del self._position[key]
            else:
                self._position[key] = value
        return moved


def _fate(path: Path) -> str:
    """Return what became of a log whose path, if anything, something else has now."""
    try:
        size = path.stat().st_size
    except OSError:
        return "is gone"
    return "holds another log now" if size else "was emptied"


def _by_preference(files: Sequence[Found], offset: int = 0) -> tuple[Found, ...]:
    """Return the files that may hold what comes after an offset, plain ones first."""
    enough = [one for one in files if one.packed or one.standing.size >= offset]
    return tuple(sorted(enough, key=lambda one: one.packed))


@lru_cache(maxsize=4 * _MOST_GONE)
def _series(path: str) -> str:
    """Return what the dated and rotated files of one log have in common."""
    folder, name = rotation_order(Path(path))[:2]
    return re.sub("[0-9]+", "#", f"{folder}{name}")
