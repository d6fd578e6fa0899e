"""Files that other processes write, read again when they have changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_Content = TypeVar("_Content")


class ChangingFile(Generic[_Content]):
    """What a file says at the moment; asking costs little while it stays as it is.

    Errors are not remembered: what could not be opened for once may be read the next time.

    Parameters
    ----------
    file
        It need not be there.
    read
        Returns what it says; raises `DataError` where it is damaged.
    """

    def __init__(self, file: Path, read: Callable[[Path], _Content]) -> None:
        self._file, self._read = file, read
        self._known: tuple[object, _Content] | None = None  # threads may share it

    def content(self) -> _Content:
        """Return what it says.

        Raises
        ------
        DataError
            If it is damaged.
        """
        version, known = self._version(), self._known
        if known is None or known[0] != version:
            self._known = known = version, self._read(self._file)
        return known[1]

    def _version(self) -> tuple[int, ...]:
        try:
            found = self._file.stat()
        except OSError:
            return ()
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
