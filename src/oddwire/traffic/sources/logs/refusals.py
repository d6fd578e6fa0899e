"""The refused lines of one log file: counted, kept, and of too many an error."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO

from oddwire.errors import DataError, NoRowsError
from oddwire.percent import percent
from oddwire.traffic.archive.refused import is_too_many
from oddwire.traffic.sources.logs import LogPart, Refused
from oddwire.traffic.wire_text import printable, shown_path

_IN_MEMORY = 1 << 20
_LONGEST_REASON = 200


class Refusals:
    """Refused lines; few stay in memory, more in a file that vanishes with them.

    Attributes
    ----------
    count
        How many there are.
    first
        The first one, None where there is none.
    cut
        Why the file ended before its time; None where it did not.
    """

    def __init__(self) -> None:
        self._close: Callable[[], object] = lambda: None
        self.clear()

    def clear(self) -> None:
        """Forget all of them: the file is read anew."""
        self.count = 0
        self.first: Refused | None = None
        self.cut: str | None = None
        self._close()
        self._kept: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - see below
        self._close = weakref.finalize(self, self._kept.close)

    def add(self, part: LogPart) -> None:
        """Keep those of the next stretch of the file."""
        self.cut = part.cut or self.cut
        for one in part.refused:
            self.first = self.first or one
            self.count += 1
            content = {"line": one.line, "reason": one.reason, "text": one.text}
            self._kept.write(json.dumps(content).encode() + b"\n")

    def write(self, file: Path) -> None:
        """Write a JSON object a line: ``line``, counted from 1, ``reason`` and ``text``."""
        self._kept.seek(0)
        with file.open("wb") as target:
            shutil.copyfileobj(self._kept, target)
        self._kept.seek(0, 2)

    def check(self, file: Path, *, rows: int, most: float) -> None:
        """Refuse a file of which too large a share was refused.

        Parameters
        ----------
        rows
            How many of its lines were read.
        most
            The largest share that may be refused.

        Raises
        ------
        DataError
            Naming the first refused line.
        NoRowsError
            If the file has no rows at all.
        """
        lines = rows + self.count
        # The line in which a file is cut off is nobody's fault.
        faults = self.count - (1 if self.cut and self.count else 0)
        if self.first is not None and is_too_many(faults, rows, most=most):
            reason = printable(self.first.reason, _LONGEST_REASON)
            raise DataError(
                f"{shown_path(file)}: {self.count:,} of {lines:,} rows were refused"
                f" ({percent(self.count / lines)}), more than max_refused_share"
                f" ({percent(most)}); the first in line {self.first.line}: {reason}"
            )
        if not rows:
            raise NoRowsError(f"{shown_path(file)} holds no connection")
