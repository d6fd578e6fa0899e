"""What a watch is asked for, looked at before anything that takes seconds is imported or opened."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from oddwire.errors import ParameterError
from oddwire.live.reading.inputs import check_grows, input_at
from oddwire.live.sinks import SinkAddress, sink_address
from oddwire.live.watching.options import WatchOptions
from oddwire.params import LogSource, SourceSettings, WatchedSource, watched
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import log_files
from oddwire.traffic.wire_text import shown_path


@dataclass(frozen=True)
class Asked:
    """What `WatchOptions` and ``params.yaml`` come to together.

    Parameters
    ----------
    input
        What is followed in place of the source's own files; None for these.
    sinks
        By their names.
    from_start, adaptive
        As of `WatchedSource`.
    """

    input: str | None
    sinks: Mapping[str, SinkAddress]
    from_start: bool
    adaptive: bool


def asked_of(
    project: Project, source: str, settings: SourceSettings, options: WatchOptions
) -> Asked:
    """Return what a watch is asked for.

    Raises
    ------
    DataError
        If nothing is read of such a source while it grows.
    ParameterError
        If there is no such input or sink, or a sink is one of the logs that are read.
    """
    check_grows(source, settings)
    block = watched(settings) or WatchedSource()
    address = options.input or (None if block.input is None else block.input.opened())
    if address is not None:
        input_at(address)
    texts = (*(each.opened() for each in block.sinks), *options.sinks)
    sinks = {one.name: one for one in (sink_address(text, folder=project.root) for text in texts)}
    _check_sinks(project, settings, sinks.values())
    return Asked(
        address, sinks, options.from_start or block.from_start, options.adaptive or block.adaptive
    )


def _check_sinks(project: Project, settings: SourceSettings, sinks: Iterable[SinkAddress]) -> None:
    """Refuse a sink that is one of the logs that are read, or would be."""
    patterns = settings.logs if isinstance(settings, LogSource) else ()
    there = log_files(patterns, root=project.root, required=False)
    for sink in sinks:
        if "://" in sink.text:
            continue
        file = Path(sink.text)
        is_read = file.exists() and any(other.exists() and other.samefile(file) for other in there)
        if is_read or any(_matches(file, pattern, project.root) for pattern in patterns):
            raise ParameterError(
                f"a sink must be no log of the source, got {shown_path(file)}, which its `files` "
                "name: choose another place"
            )


def _matches(file: Path, pattern: str, root: Path) -> bool:
    """Tell whether a glob pattern names a file, which need not be there yet."""
    # The project's own folder may hold an asterisk in its name; an absolute pattern stands alone.
    whole = os.path.normpath(Path(glob.escape(str(root))) / Path(pattern).expanduser())
    return _fit(file.parts, Path(whole).parts)


def _fit(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    """Tell whether the parts of a path fit those of a pattern, as `glob` has it."""
    if not patterns:
        return not parts
    first, *rest = patterns
    if first == "**" and _fit(parts, rest):
        return True
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    if first == "**":
        return _fit(parts[1:], patterns)
    return fnmatchcase(parts[0], first) and _fit(parts[1:], rest)
