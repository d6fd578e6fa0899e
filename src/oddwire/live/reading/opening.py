"""A source, or what stands in for its files → its reading."""

from __future__ import annotations

from oddwire.live.following import Follower, Position
from oddwire.live.reading.inputs import Input, check_grows, input_at
from oddwire.live.reading.logs import Logs
from oddwire.live.reading.reading import Reading
from oddwire.live.reading.saved import Saved, from_bytes
from oddwire.params import LogSource, SourceSettings
from oddwire.project import Project
from oddwire.traffic.sources.log_formats import chunk_reader

FILES = "files"


def open_reading(
    source: SourceSettings,
    *,
    name: str,
    project: Project,
    input: str | None = None,  # noqa: A002 - what the option is called
    position: bytes = b"",
    from_start: bool = False,
) -> Reading:
    """Open what a source writes, to be read as it grows.

    Parameters
    ----------
    source, name
        The source, and what it is called.
    project
        From its folder relative paths count.
    input
        What is read in place of the source's files: ``-`` for standard input, or the address of a
        list or stream of Redis, or of a topic of Kafka.
    position
        Where to go on: what a `MicroBatch` said; nothing to begin.
    from_start
        Whether to begin with what is there already; otherwise with what comes after. A list of
        Redis is begun with what it holds in any case: nothing else takes it off.

    Raises
    ------
    DataError
        If the source is of a format that cannot be read while it grows, or the position is damaged.
    ParameterError
        If `input` is none.
    """
    check_grows(name, source)
    reader = chunk_reader(source)
    if reader is None or not isinstance(source, LogSource):
        raise RuntimeError(f"the format {source.format} has no reader of chunks")
    taken = _files(source, project) if input is None else input_at(input)
    inputs = from_bytes(position)
    saved = inputs.pop(taken.name, Saved())
    logs = Logs(
        reader, most_refused=source.max_refused_share, saved=saved.logs, messages=taken.has_messages
    )
    follower = taken.open(saved.position, from_start)
    return Reading(
        taken, follower, logs,
        unit=source.unit_columns, position=saved.position, others=inputs,
    )  # fmt: skip


def _files(source: LogSource, project: Project) -> Input:
    def opened(position: Position | None, from_start: bool) -> Follower:
        from oddwire.live.following.files import FileFollower

        return FileFollower(
            source.logs, root=project.root, position=position, from_start=from_start
        )

    return Input(FILES, "its log files", opened, is_files=True)
