"""What is watched as `oddwire doctor` sees it: watchers, their sinks, and the allow-list."""

from __future__ import annotations

import datetime as dt
import shlex
import time
from collections.abc import Iterator

from oddwire.durations import in_time
from oddwire.errors import NoStoreError, ParameterError, ServiceError
from oddwire.live.state import AlertStore, store_address
from oddwire.live.verdicts.allow_list import read_allow_list
from oddwire.live.vitals.dead_man import MOST_SECONDS, read_beat, silent_watchers
from oddwire.live.vitals.heartbeat import Heartbeat, SinkBeat
from oddwire.operations.doctor.examining import Look
from oddwire.operations.doctor.finding import Fact, Finding
from oddwire.operations.doctor.ground import Ground

_IN_TROUBLE = 300.0  # seconds from which on a sink's trouble is told
_MICROSECONDS = 1_000_000


def looks() -> tuple[Look, ...]:
    """Return the looks at what is watched."""
    return (Look("watchers", see_watchers), Look("allow-list", see_allow_list))


def see_allow_list(ground: Ground, now: float | None = None) -> Iterator[Finding | Fact]:
    """Look whether the allow-list can be read, and each of its entries can cover anything.

    Parameters
    ----------
    now
        The wall clock, in seconds since 1970.
    """
    at = dt.datetime.fromtimestamp(time.time() if now is None else now, dt.UTC)
    try:
        listed = read_allow_list(ground.project.allow_list)
    except ParameterError as error:
        yield Finding(
            subject="allow_list.yaml",
            problem=f"{error}: a watch that begins with it suppresses nothing",
            remedy="oddwire allow  # once it is mended",
        )
        return
    for each in listed:
        if each.source is not None and ground.params is not None and (
            each.source not in ground.params.sources
        ):  # fmt: skip
            yield Finding(
                subject=f"allow_list.yaml, entry {each.number}", severity="warning",
                problem=f"it is for {each.source}, which is no source of params.yaml: it covers "
                "nothing",
                remedy=f"oddwire allow remove {each.number}  # or give it another `for`",
            )  # fmt: skip
    if listed:
        over = sum(each.entry.expires <= at for each in listed)
        yield Fact(f"entries of the allow-list: {len(listed):,}, of which {over:,} expired")


def see_watchers(ground: Ground, now: float | None = None) -> Iterator[Finding | Fact]:
    """Look at the last heartbeat of each source that is watched, or should be.

    Parameters
    ----------
    ground
        The place.
    now
        The wall clock, in seconds since 1970.
    """
    now = time.time() if now is None else now
    try:
        with AlertStore(store_address(ground.project.live)) as store:
            beats = store.heartbeats()
    except NoStoreError:
        beats = []
    except ServiceError as error:
        yield Finding(subject="the store of alerts", problem=str(error), remedy="oddwire incidents")
        return
    silent = {one.source: one for one in silent_watchers(beats, now, MOST_SECONDS)}
    for beat in beats:
        last, again = read_beat(beat), f"oddwire watch {shlex.quote(beat.source)}"
        if (dead := silent.get(beat.source)) is not None:
            yield Finding(subject=beat.source, problem=dead.problem(now), remedy=again)
        elif last.state == "stopped":
            yield Fact(f"{beat.source}: watching was ended")
        else:
            yield from _alive(last, now)
        yield from _sinks(last, now)
    yield from _never(ground, {beat.source for beat in beats})


def _never(ground: Ground, seen: set[str]) -> Iterator[Finding]:
    sources = {} if ground.params is None else ground.params.sources
    for name, settings in sources.items():
        if getattr(settings, "watch", None) and name not in seen:
            yield Finding(
                subject=name, severity="warning",
                problem="`watch` is set for it, and it has never been watched",
                remedy="oddwire up",
            )  # fmt: skip


def _alive(last: Heartbeat, now: float) -> Iterator[Finding | Fact]:
    source = shlex.quote(last.source)
    if last.state == "quiet":
        since = last.last_row_at or last.started or last.at
        yield Finding(
            subject=last.source, severity="warning",
            problem=f"no connection for {in_time(max(now - since / _MICROSECONDS, 0) / 60)}, "
            "though it is watched: its sensor may be down, or write elsewhere",
            remedy=f"ls -l  # what `files:` of {source} in params.yaml names; it should grow",
        )  # fmt: skip
    else:
        yield Fact(
            f"{last.source} is watched: {last.rows:,} connections, {last.incidents['open']:,} "
            "incidents open"
        )
    if last.calibration is not None:
        mends = (
            "oddwire allow"
            if "oddwire allow add" in last.calibration
            else (f"oddwire train {source}")
        )
        yield Finding(
            subject=last.source, severity="warning", problem=last.calibration, remedy=mends
        )


def _sinks(last: Heartbeat, now: float) -> Iterator[Finding]:
    for sink in last.sinks:
        for problem, remedy in _troubles(sink, now, source=last.source):
            yield Finding(
                subject=f"{last.source}, sink {sink.called}", severity="warning", problem=problem,
                remedy=remedy,
            )  # fmt: skip


def _troubles(sink: SinkBeat, now: float, *, source: str) -> Iterator[tuple[str, str]]:
    lasted = 0.0 if sink.since is None else now - sink.since / _MICROSECONDS
    if sink.in_trouble and lasted >= _IN_TROUBLE:
        waiting = f"{sink.waiting:,} messages wait: {sink.trouble}"
        yield (
            f"it has taken nothing for {in_time(lasted / 60)}, and {waiting}",
            "oddwire doctor --verbose  # and look at the sink itself",
        )
    if sink.dead:
        said = f": {sink.trouble}" if sink.trouble else ""
        # Only a sink of the run gets anything, and a name may leave out a part of the address.
        named = "" if sink.present else " --sink ADDRESS"
        yield (
            f"it has refused {sink.dead:,} messages for good{said}",
            f"oddwire watch {shlex.quote(source)}{named} --put-back  # once the sink takes them",
        )
