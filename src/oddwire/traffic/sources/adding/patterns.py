"""Files named on a command line → the paths and glob patterns that ``params.yaml`` is to have."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path


def as_patterns(given: Sequence[str], *, here: Path, root: Path) -> tuple[str, ...]:
    """Return paths and patterns relative to the project where they are in it.

    A shell has mostly made a list of names of what was typed as one pattern: where one pattern
    stands for the very files of a list, it takes the list's place.

    Parameters
    ----------
    given
        As on the command line.
    here
        The folder that they are relative to.
    root
        The project's folder.
    """
    written = [_written(text, here, root) for text in given]
    common = _common(written, root)
    return (common,) if common else tuple(dict.fromkeys(written))


def _written(text: str, here: Path, root: Path) -> str:
    place = Path(os.path.normpath(here / Path(text).expanduser()))
    return str(place.relative_to(root) if place.is_relative_to(root) else place)


def _common(names: Sequence[str], root: Path) -> str | None:
    """Return one pattern that matches these files, as many as there are parts to each, alone."""
    parts = [Path(name).parts for name in names]
    if len(names) < 2 or len({len(each) for each in parts}) > 1:  # noqa: PLR2004
        return None
    pattern = str(Path(*(_pattern(each) for each in zip(*parts, strict=True))))
    found = glob.glob(str(Path(glob.escape(str(root))) / pattern))  # noqa: PTH207 - pathlib's takes no absolute pattern
    own = {str(root / name) for name in names}
    return pattern if {file for file in found if not Path(file).is_dir()} == own else None


def _pattern(texts: Sequence[str]) -> str:
    if len(set(texts)) == 1:
        return glob.escape(texts[0])
    begin = _shared(texts)
    end = _shared([text[len(begin) :][::-1] for text in texts])[::-1]
    # Between digits that are alike by chance, the rest of the number is no part of the pattern.
    begin, end = begin.rstrip("0123456789"), end.lstrip("0123456789")
    return f"{glob.escape(begin)}*{glob.escape(end)}"


def _shared(texts: Sequence[str]) -> str:
    """Return the letters that all texts begin with."""
    least, most = min(texts), max(texts)
    for at, letter in enumerate(least):
        if letter != most[at]:
            return least[:at]
    return least
