"""``oddwire watch``: what a source writes, scored and told as it is written."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing

from oddwire.live.reading.opening import open_reading
from oddwire.live.scoring.champion import NextChampion, load_to_score
from oddwire.live.sinks import Deliveries, open_sink
from oddwire.live.state import Policy, Store, own_address, store_address
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.live.vitals.metrics import Metrics
from oddwire.live.watching.asked import asked_of
from oddwire.live.watching.loop import Loop, Parts
from oddwire.live.watching.messages import Messages
from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.ownership import owner_of
from oddwire.live.watching.view import WatchView
from oddwire.operations.locks import watch_lock
from oddwire.operations.registry.versions import Registry
from oddwire.operations.scoring.carried import open_registry
from oddwire.operations.tracking.store import Tracking
from oddwire.params import WatchSettings, load_params
from oddwire.project import Project
from oddwire.traffic.unit_column import counted_by


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
    asked = asked_of(project, source, settings, options)
    unit = counted_by(settings.unit_columns, settings.row_kind)
    with ExitStack() as stack:
        stack.enter_context(watch_lock(project, source))
        champion = load_to_score(open_registry(project), source, unit)
        policies = dict.fromkeys(asked.sinks, _policy(params.watch))
        store = stack.enter_context(_store(project, source, policies))
        if options.put_back:
            _put_back(store, asked.sinks, view)
        following = store.following()
        reading = stack.enter_context(closing(open_reading(
            settings, name=source, project=project, input=asked.input,
            position=following.position, from_start=asked.from_start,
        )))  # fmt: skip
        opened = {name: open_sink(address) for name, address in asked.sinks.items()}
        parts = Parts(
            store=store,
            reading=reading,
            deliveries=stack.enter_context(Deliveries(store, opened)),
            champions=stack.enter_context(
                NextChampion(
                    lambda: Registry.of(Tracking.connect(project), project),
                    source,
                    unit,
                    champion.version,
                )
            ),
            messages=Messages(
                options.alert_format or params.watch.alert_format, send_alerts=options.send_alerts
            ),
            metrics=_metrics(stack, options.metrics_port),
            view=view,
        )
        loop = Loop(
            project, source, champion, parts, params.watch,
            adaptive=asked.adaptive, rows_at_once=params.rows_at_once,
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


def _put_back(store: Store, sinks: Iterable[str], view: WatchView) -> None:
    counts = {name: store.revived(name) for name in sinks}
    for name, count in counts.items():
        if count:
            messages = "1 message" if count == 1 else f"{count:,} messages"
            view.notice(f"sink {name} gets {messages} once more, refused for good before")
    if not any(counts.values()):
        view.notice("--put-back: no sink of this run had refused a message for good")


def _policy(settings: WatchSettings) -> Policy:
    longest = math.inf if settings.longest_wait is None else settings.longest_wait
    return Policy(settings.when_full, settings.most_waiting, longest)


def _metrics(stack: ExitStack, port: int | None) -> Metrics | None:
    return None if port is None else stack.enter_context(Metrics(port))
