"""``oddwire watch``: what a source writes, scored and told as it is written.

A micro-batch at a time: read, score, raise, group, and then one commit of everything that came of
it and of where reading goes on. A kill at any moment leaves the state of the last commit, and from
there the same comes again, under the same ids.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import takewhile
from typing import NamedTuple

from oddwire.evaluation.observed import target_of
from oddwire.live.alerts.allow_list import AllowEntry
from oddwire.live.reading import MicroBatch, Reading, open_reading
from oddwire.live.scoring.champion import Champion, NextChampion, load_champion
from oddwire.live.scoring.kept_rows import PastRows
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline, Taken
from oddwire.live.sinks import Deliveries, open_sink, sink_address
from oddwire.live.state import Commit, Following, KeptRows, Policy, Store, store_address
from oddwire.live.watching.heartbeat import Heartbeat
from oddwire.live.watching.look_back import connections_before
from oddwire.live.watching.messages import Messages
from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.stored import kept_rows, stored_alerts, stored_incidents
from oddwire.live.watching.view import WatchView
from oddwire.live.watching.vitals import Vitals
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.features.connection_features import LONGEST_WINDOW
from oddwire.traffic.unit_column import counted_by

_CHECKPOINT_SECONDS, _CHECKPOINT_ROWS = 60.0, 2_000_000
_BEAT_SECONDS = 5.0
_COUNTS = "counts"
# How long sinks may take what waits for them: at the end of what there is, and when told to stop.
_AT_END, _WHEN_STOPPED = 60.0, 5.0


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
        Ends it, behind the micro-batch that it is at.
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
        If the store of alerts fails for longer than a minute, or another process watches the
        source.
    """
    params = load_params(project.params_file)
    settings = params.source(source)
    registry = Registry.of(Tracking.connect(project), project)
    unit = counted_by(settings.unit_columns, settings.row_kind)
    addresses = [sink_address(text, folder=project.root) for text in options.sinks]
    project.live.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        policies = dict.fromkeys((each.name for each in addresses), Policy())
        store = stack.enter_context(
            Store(store_address(project.live), source=source, sinks=policies)
        )
        champion = load_champion(registry, source, unit)
        following = store.following()
        reading = stack.enter_context(closing(open_reading(
            settings, name=source, project=project, input=options.input,
            position=following.position, from_start=options.from_start,
        )))  # fmt: skip
        sinks = {each.name: open_sink(each) for each in addresses}
        deliveries = stack.enter_context(Deliveries(store, sinks))
        champions = stack.enter_context(NextChampion(registry, source, unit, champion.version))
        loop = Loop(
            project, source, options, champion, Parts(store, reading, deliveries, champions), view,
            rows_at_once=params.rows_at_once,
        )  # fmt: skip
        loop.go_on(following)
        return loop.run(stopped)


class Parts(NamedTuple):
    """What a loop works with; whoever opened them closes them."""

    store: Store
    reading: Reading
    deliveries: Deliveries
    champions: NextChampion


class Loop:
    """Takes micro-batches one after the other."""

    def __init__(
        self,
        project: Project,
        source: str,
        options: WatchOptions,
        champion: Champion,
        parts: Parts,
        view: WatchView,
        *,
        rows_at_once: int,
    ) -> None:
        self._project, self._source, self._options = project, source, options
        self._store, self._reading, self._deliveries, self._champions = parts
        self._view, self._rows_at_once = view, rows_at_once
        scoring = LiveScoring(champion.model, champion.version, adaptive=options.adaptive)
        self._pipeline = Pipeline(scoring, champion.made_by, minutes=champion.minutes)
        self._messages = Messages(options.alert_format, send_alerts=options.send_alerts)
        self._vitals = Vitals(source, _named(champion), _target(champion))
        self._following = Following()
        self._is_begun = False
        self._checkpoint_due, self._rows_since = True, 0
        self._checkpoint_at = self._beat_at = -_CHECKPOINT_SECONDS

    def go_on(self, following: Following) -> None:
        """Take up what is kept of earlier runs."""
        self._following = following
        if counts := following.carried.get(_COUNTS):
            self._vitals.go_on(json.loads(counts))
        if (kept := self._store.checkpoint()) is None:
            return
        number, checkpoint = kept
        before = takewhile(lambda kept: kept[0] <= number, self._store.kept_rows())
        since = self._store.kept_rows(after=number)
        self._pipeline.go_on(checkpoint, _unpacked(before), _unpacked(since))
        self._is_begun, self._checkpoint_due = True, False

    def run(self, stopped: threading.Event) -> Heartbeat:
        """Take micro-batches until told to stop, or until there are no more."""
        for batch in self._reading.batches(until_end=self._options.until_end, stopped=stopped):
            if batch is None:
                self._beat()
                continue
            self._take(batch, stopped)
        self._deliveries.drain(_WHEN_STOPPED if stopped.is_set() else _AT_END)
        self._vitals.stopped()
        return self._show()

    def _take(self, batch: MicroBatch, stopped: threading.Event) -> None:
        self._take_up_next()
        allowed = self._allowed()
        taken = None
        if len(batch.rows):
            if not self._is_begun:
                self._look_back(batch)
            taken = self._pipeline.take(batch.rows, batch.places, allowed)
        self._count(batch, taken)
        given_up = self._deliveries.wait_for_room(stopped)
        made = self._commit_of(batch, taken)
        committed = self._store.commit(made, after=self._following, given_up=given_up)
        self._following = committed.following
        self._reading.confirm(batch.position)
        self._deliveries.wake()
        self._tell(batch, taken)

    def _look_back(self, batch: MicroBatch) -> None:
        before = connections_before(
            self._project, self._source, batch.rows, rows=self._rows_at_once
        )
        self._pipeline.scoring.remember(before)
        self._is_begun = True

    def _take_up_next(self) -> None:
        if (champion := self._champions.take()) is None:
            return
        self._pipeline.take_up(
            champion.model, champion.version, champion.made_by, minutes=champion.minutes
        )
        # What is scored from here on must not be gone on with by the former model.
        self._checkpoint_due = True
        self._vitals.model, self._vitals.target = _named(champion), _target(champion)
        self._notice(f"version {champion.version} is champion now, and scores from here on")

    def _allowed(self) -> Sequence[AllowEntry]:
        return ()

    def _commit_of(self, batch: MicroBatch, taken: Taken | None) -> Commit:
        carried = {_COUNTS: json.dumps(self._vitals.to_dict()).encode()}
        if taken is None:
            return Commit(batch.position, carried)
        self._rows_since += len(batch.rows)
        return Commit(
            batch.position, carried,
            alerts=stored_alerts(taken.raised),
            incidents=stored_incidents(taken.raised),
            messages=self._messages.of(taken.raised),
            rows=kept_rows(taken.past),
            checkpoint=self._checkpoint(),
            window=LONGEST_WINDOW * MICROSECONDS,
        )  # fmt: skip

    def _checkpoint(self) -> bytes | None:
        """Return the heavy state where it is time to keep it."""
        now = time.monotonic()
        is_long_ago = now - self._checkpoint_at >= _CHECKPOINT_SECONDS
        if not (self._checkpoint_due or is_long_ago or self._rows_since >= _CHECKPOINT_ROWS):
            return None
        self._checkpoint_due, self._checkpoint_at, self._rows_since = False, now, 0
        return self._pipeline.checkpoint()

    def _count(self, batch: MicroBatch, taken: Taken | None) -> None:
        if taken is None:
            self._vitals.batch(refused=batch.refused)
            return
        changes = taken.raised.grouped.changes
        self._vitals.batch(
            rows=len(batch.rows),
            refused=batch.refused,
            late=taken.scored.late,
            dropped=self._pipeline.scoring.dropped - self._vitals.counts["dropped"],
            newest=self._pipeline.scoring.newest,
            alerts=len(taken.raised.alerts),
            suppressed=sum(one.suppressed_by is not None for one in taken.raised.alerts),
            opened=sum(change.what == "opened" for change in changes),
            now_open=len(self._pipeline.alerting.incidents),
        )

    def _tell(self, batch: MicroBatch, taken: Taken | None) -> None:
        for text in (*batch.notices, *batch.refusals):
            self._notice(text)
        if taken is not None:
            for change in taken.raised.grouped.changes:
                self._view.incident(change)
        self._beat()

    def _notice(self, text: str) -> None:
        self._vitals.notice(text)
        self._view.notice(text)

    def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= _BEAT_SECONDS:
            self._show()

    def _show(self) -> Heartbeat:
        self._beat_at = time.monotonic()
        self._vitals.sinks(self._store.states())
        heartbeat = self._vitals.heartbeat()
        self._store.beat(heartbeat.to_json())
        self._view.show(heartbeat, self._pipeline.alerting.incidents.incidents)
        return heartbeat


def _unpacked(kept: Iterable[tuple[int, KeptRows]]) -> Iterator[PastRows]:
    return (PastRows.unpacked(each.content) for _, each in kept)


def _named(champion: Champion) -> dict[str, str]:
    return {"name": champion.made_by.model, "version": champion.version}


def _target(champion: Champion) -> dict[str, float]:
    return dict(target_of(champion.model.threshold_rule))
