"""``oddwire watch``: what a source writes, scored and told as it is written."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from fnmatch import fnmatch
from pathlib import Path

from oddwire.errors import ParameterError
from oddwire.live.reading import open_reading
from oddwire.live.scoring.champion import NextChampion, load_champion
from oddwire.live.sinks import Deliveries, SinkAddress, open_sink, sink_address
from oddwire.live.state import Policy, Store, own_address, store_address
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.live.vitals.metrics import Metrics
from oddwire.live.watching.loop import Loop, Parts
from oddwire.live.watching.messages import Messages
from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.ownership import owner_of
from oddwire.live.watching.view import WatchView
from oddwire.operations.locks import watch_lock
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.params import (
    LogSource,
    SourceSettings,
    WatchedSource,
    WatchSettings,
    load_params,
    watched,
)
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import log_files
from oddwire.traffic.unit_column import counted_by
from oddwire.traffic.wire_text import shown_path


def watch(
    project: Project,
    source: str,
    options: WatchOptions,
    *,
    stopped: threading.Event,
    view: WatchView,
) -> Heartbeat:
    """Follow a source until told to stop, or until the end of what there is.

    Parameters
    ----------
    stopped
        Ends it, after the micro-batch that it is working on.
    view
        Is told how it goes on.

    Returns
    -------
    How it stood at the end.

    Raises
    ------
    DataError
        If the source cannot be read, or what was kept of it is damaged.
    ModelError, NoModelError
        If there is no champion that can score its rows.
    ParameterError
        If something is asked for that does not exist.
    ServiceError
        If the store of alerts fails for longer than a minute, or another machine watches the
        source.
    WatchedError
        If another process of this machine does.
    """
    params = load_params(project.params_file)
    settings = params.source(source)
    asked = watched(settings) or WatchedSource()
    unit = counted_by(settings.unit_columns, settings.row_kind)
    addresses = {each.name: each for each in _sinks(project, asked, options)}
    _check_sinks(project, settings, addresses.values())
    with ExitStack() as stack:
        stack.enter_context(watch_lock(project, source))
        champion = load_champion(_registry(project), source, unit)
        policies = dict.fromkeys(addresses, _policy(params.watch))
        store = stack.enter_context(_store(project, source, policies))
        if options.put_back:
            _put_back(store, addresses, view)
        following = store.following()
        reading = stack.enter_context(closing(open_reading(
            settings, name=source, project=project, input=options.input or _input(asked),
            position=following.position,
            from_start=options.from_start or asked.from_start,
        )))  # fmt: skip
        opened = {name: open_sink(address) for name, address in addresses.items()}
        parts = Parts(
            store=store,
            reading=reading,
            deliveries=stack.enter_context(Deliveries(store, opened)),
            champions=stack.enter_context(
                NextChampion(lambda: _registry(project), source, unit, champion.version)
            ),
            messages=Messages(
                options.alert_format or params.watch.alert_format, send_alerts=options.send_alerts
            ),
            metrics=_metrics(stack, options.metrics_port),
            view=view,
        )
        loop = Loop(
            project, source, champion, parts, params.watch,
            adaptive=options.adaptive or asked.adaptive, rows_at_once=params.rows_at_once,
        )  # fmt: skip
        loop.go_on(following)
        return loop.run(stopped, until_end=options.until_end)


def _store(project: Project, source: str, policies: Mapping[str, Policy]) -> Store:
    address = store_address(project.live)
    # A store of the project's own goes with its folder, whatever becomes of that.
    return Store(
        address, source=source, sinks=policies, owner=owner_of(project),
        shared=address != own_address(project.live),
    )  # fmt: skip


def _registry(project: Project) -> Registry:
    return Registry.of(Tracking.connect(project), project)


def _sinks(project: Project, asked: WatchedSource, options: WatchOptions) -> Iterator[SinkAddress]:
    for text in (*(address.opened() for address in asked.sinks), *options.sinks):
        yield sink_address(text, folder=project.root)


def _put_back(store: Store, sinks: Iterable[str], view: WatchView) -> None:
    for name in sinks:
        if count := store.revived(name):
            messages = "1 message" if count == 1 else f"{count:,} messages"
            view.notice(f"sink {name} gets {messages} once more, refused for good before")


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
    return fnmatch(str(file), str(root / Path(pattern).expanduser()))


def _input(asked: WatchedSource) -> str | None:
    return None if asked.input is None else asked.input.opened()


def _policy(settings: WatchSettings) -> Policy:
    longest = math.inf if settings.longest_wait is None else settings.longest_wait
    return Policy(settings.when_full, settings.most_waiting, longest)


def _metrics(stack: ExitStack, port: int | None) -> Metrics | None:
    return None if port is None else stack.enter_context(Metrics(port))
