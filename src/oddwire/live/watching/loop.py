"""A micro-batch at a time: read, score, raise, group, and one commit of everything that came of it.

In the commit is also where reading goes on. A kill at any moment leaves the state of the last
commit, and from there the same comes again, under the same ids.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from typing import NamedTuple

import pandas as pd

from oddwire.disk.changing import ChangingFile
from oddwire.errors import DataError, OddwireError
from oddwire.evaluation.observed import target_of
from oddwire.live.reading.micro_batch import MicroBatch
from oddwire.live.reading.reading import Reading
from oddwire.live.scoring.champion import Champion, NextChampion
from oddwire.live.scoring.kept_rows import (
    PastRows,
)
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline, Taken
from oddwire.live.sinks import Deliveries
from oddwire.live.state import Commit, Following, Store
from oddwire.live.verdicts.allow_list import AllowList
from oddwire.live.vitals.calibration_off import calibration_off
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.live.vitals.metrics import Metrics
from oddwire.live.vitals.observed_rate import RatesSoFar
from oddwire.live.vitals.quiet import due
from oddwire.live.vitals.vitals import Vitals
from oddwire.live.watching.checkpoints import Checkpoints, count_rates
from oddwire.live.watching.look_back import connections_before
from oddwire.live.watching.messages import Messages
from oddwire.live.watching.stored import (
    kept_rows,
    stored_alerts,
    stored_incidents,
    stored_together,
)
from oddwire.live.watching.view import WatchView
from oddwire.operations.scoring.ahead import ahead
from oddwire.params import WatchSettings
from oddwire.project import Project
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.features.connection_features import LONGEST_WINDOW
from oddwire.traffic.verdicts.table import judged_ids

_BEAT_SECONDS, _PRUNE_SECONDS, _COUNT_SECONDS = 5.0, 60.0, 60.0
_COUNTS = "counts"
_DAY_SECONDS = 86_400
_CHAMPION, _ALLOW_LIST = "champion", "allow-list"
_MENDED = {  # what is said when trouble with it is over
    _CHAMPION: "MLflow answers and has a champion again",
    _ALLOW_LIST: "the allow-list can be read again",
}
_MOST_REFUSALS, _REFUSALS_SECONDS = 5, 60.0
# How long sinks may take what waits for them: at the end of what there is, and when told to stop.
_AT_END, _WHEN_STOPPED = 60.0, 3.0


class Parts(NamedTuple):
    """What a loop works with; whoever opened them closes them.

    Parameters
    ----------
    metrics
        None where nobody asked for them.
    """

    store: Store
    reading: Reading
    deliveries: Deliveries
    champions: NextChampion
    messages: Messages
    metrics: Metrics | None
    view: WatchView


class Loop:
    """Takes the micro-batches of a source, one after the other.

    Parameters
    ----------
    champion
        What scores the first of them.
    parts
        What it works with.
    settings
        When a source counts as quiet, and for how long alerts are kept.
    adaptive
        Whether the threshold follows drift.
    rows_at_once
        So many rows of the archive are looked back on at once.
    """

    def __init__(
        self,
        project: Project,
        source: str,
        champion: Champion,
        parts: Parts,
        settings: WatchSettings,
        *,
        adaptive: bool,
        rows_at_once: int,
    ) -> None:
        self._project, self._source, self._parts = project, source, parts
        self._store, self._rows_at_once = parts.store, rows_at_once
        self._keep_days = settings.keep_days
        scoring = LiveScoring(champion.model, champion.version, adaptive=adaptive)
        self._pipeline = Pipeline(scoring, champion.made_by, minutes=champion.minutes)
        self._vitals = Vitals(
            source, _named(champion), _target(champion), quiet_minutes=settings.quiet_minutes
        )
        self._rates, self._is_adaptive = RatesSoFar(champion.model), adaptive
        self._allowed = AllowList(project, source)
        self._labelled = ChangingFile(project.labels(source), judged_ids)
        self._following = Following()
        self._is_begun = False
        self._looked_back: PastRows | None = None
        self._refusals_at, self._refusals_left = -math.inf, 0
        self._checkpoints = Checkpoints(self._pipeline, self._rates)
        self._beat_at = self._pruned_at = self._counted_at = -math.inf
        self._troubles = dict.fromkeys(_MENDED, "")

    def go_on(self, following: Following) -> None:
        """Take up what is kept of earlier runs.

        Raises
        ------
        DataError
            If it is damaged, or of another release of oddwire.
        """
        self._following = following
        if counts := following.carried.get(_COUNTS):
            self._vitals.go_on(json.loads(counts))
        self._is_begun = self._checkpoints.go_on(self._store)
        self._vitals.batch(now_open=len(self._pipeline.alerting.incidents))

    def run(self, stopped: threading.Event, *, until_end: bool) -> Heartbeat:
        """Take micro-batches until told to stop, or until there are no more.

        Returns
        -------
        How it stands then.
        """
        # The next lines are read while the rows of these are scored: both have a core.
        read = ahead(self._parts.reading.batches(until_end=until_end, stopped=stopped))
        with closing(read) as batches:
            for batch in batches:
                self._take_up_next()
                if batch is not None:
                    self._take(batch, stopped)
                self._tell_quiet()
                self._beat()
        self._drain(stopped)
        self._vitals.stopped()
        self._counted_at = -math.inf
        return self._show()

    def _drain(self, stopped: threading.Event) -> None:
        """Let sinks take what waits for them, for a while."""
        if stopped.is_set():
            drained = self._parts.deliveries.drain(_WHEN_STOPPED)
        else:
            drained = self._parts.deliveries.drain(_AT_END, stopped)
        if not drained:
            self._notice("sinks have not taken all messages yet: the next watch sends the rest")

    def _take(self, batch: MicroBatch, stopped: threading.Event) -> None:
        taken = None
        if len(batch.rows):
            if not self._is_begun:
                self._look_back(batch)
            taken = self._pipeline.take(batch.rows, batch.places, self._allowed.entries())
        self._count(batch, taken)
        given_up = self._parts.deliveries.wait_for_room(stopped, meanwhile=self._beat)
        self._commit(self._commit_of(batch, taken), given_up)
        self._parts.reading.confirm(batch.position)
        for text in batch.notices:
            self._notice(text)
        self._tell_refusals(batch.refusals)
        for change in taken.raised.grouped.changes if taken else ():
            self._parts.view.incident(change)

    def _commit(self, made: Commit, given_up: Collection[str] = ()) -> None:
        committed = self._store.commit(made, after=self._following, given_up=given_up)
        self._following = committed.following
        if committed.dropped:
            self._notice(f"{committed.dropped:,} messages were dropped: a sink takes too few")
        self._parts.deliveries.wake()

    def _look_back(self, batch: MicroBatch) -> None:
        before = connections_before(
            self._project, self._source, batch.rows, rows=self._rows_at_once
        )
        self._looked_back = self._pipeline.scoring.remember(self._beating(before))
        self._is_begun = True

    def _beating(self, batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        """Hand on batches, with a heartbeat now and then: nobody shall take this for dead."""
        for rows in batches:
            yield rows
            self._beat()

    def _tell_refusals(self, refusals: Sequence[str]) -> None:
        """Tell a few a minute: all are counted, and a bad log must not bury what else is told."""
        if time.monotonic() - self._refusals_at >= _REFUSALS_SECONDS:
            self._refusals_at, self._refusals_left = time.monotonic(), _MOST_REFUSALS
        for text in refusals[: self._refusals_left]:
            self._refusals_left -= 1
            self._notice(text)

    def _take_up_next(self) -> None:
        if (champion := self._parts.champions.take()) is None:
            return
        try:
            self._pipeline.take_up(
                champion.model, champion.version, champion.made_by, minutes=champion.minutes
            )
        except OddwireError as error:
            self._notice(f"version {champion.version} cannot score these rows: {error}")
            return
        # What is scored from here on must not be gone on with by the former model.
        self._checkpoints.is_due()
        self._vitals.model, self._vitals.target = _named(champion), _target(champion)
        self._rates.changed_to(champion.model)
        self._notice(f"version {champion.version} is the champion now, and scores from here on")

    def _commit_of(self, batch: MicroBatch, taken: Taken | None) -> Commit:
        carried = {_COUNTS: json.dumps(self._vitals.to_dict()).encode()}
        if taken is None:
            return Commit(batch.position, carried)
        return Commit(
            batch.position, carried,
            alerts=stored_alerts(taken.raised),
            more_alerts=stored_together(taken.raised),
            incidents=stored_incidents(taken.raised),
            messages=self._parts.messages.of(taken.raised) if self._store.policies else (),
            rows=kept_rows(self._with_what_was_before(taken.past)),
            checkpoint=self._checkpoints.after(len(batch.rows)),
            window=LONGEST_WINDOW * MICROSECONDS,
        )  # fmt: skip

    def _with_what_was_before(self, past: PastRows) -> PastRows:
        """Keep what was looked back on with the first rows: time windows hold it still."""
        if self._looked_back is None:
            return past
        past, self._looked_back = PastRows.joined([self._looked_back, past]), None
        return past

    def _count(self, batch: MicroBatch, taken: Taken | None) -> None:
        if taken is None:
            self._vitals.batch(refused=batch.refused)
            return
        scored, grouped = taken.scored, taken.raised.grouped
        count_rates(self._rates, scored.features, scored.so_far, scored.scores, grouped)
        self._vitals.batch(
            rows=len(batch.rows),
            refused=batch.refused,
            late=scored.late,
            dropped=self._pipeline.scoring.dropped - self._vitals.counts["dropped"],
            newest=self._pipeline.scoring.newest,
            alerts=len(taken.raised.alerts),
            opened=sum(change.what == "opened" for change in grouped.changes),
            now_open=len(self._pipeline.alerting.incidents),
        )

    def _tell_quiet(self) -> None:
        if (quiet := due(self._vitals)) is None:
            return
        self._vitals.told(quiet)
        counts = json.dumps(self._vitals.to_dict()).encode()
        message = self._parts.messages.of_quiet(quiet)
        self._commit(Commit(self._following.position, {_COUNTS: counts}, messages=(message,)))
        self._notice(quiet.message)

    def _notice(self, text: str) -> None:
        self._vitals.notice(text)
        self._parts.view.notice(text)

    def _beat(self) -> None:
        if time.monotonic() - self._beat_at < _BEAT_SECONDS:
            return
        self._allowed.entries()  # mended or broken where no row comes, too
        troubles = {_CHAMPION: self._parts.champions.trouble, _ALLOW_LIST: self._allowed.trouble}
        for what, trouble in troubles.items():
            if trouble and not self._troubles[what]:
                self._parts.view.notice(trouble)  # heartbeats have it for as long as it lasts
            elif self._troubles[what] and not trouble:
                self._notice(_MENDED[what])
        self._troubles = troubles
        self._vitals.lasting(filter(None, troubles.values()))
        self._prune()
        self._show()

    def _show(self) -> Heartbeat:
        self._beat_at = time.monotonic()
        self._vitals.sinks(self._store.states(), present=self._store.policies)
        if time.monotonic() - self._counted_at >= _COUNT_SECONDS:  # it takes 30 ms of 300,000
            self._counted_at = time.monotonic()
            self._vitals.suppressed = self._store.suppressed()
        self._vitals.observed = self._rates.lately()
        self._vitals.calibration = calibration_off(
            self._rates, self._source, adaptive=self._is_adaptive
        )
        heartbeat = self._vitals.heartbeat()
        self._store.beat(heartbeat.to_json())
        if self._parts.metrics is not None:
            self._parts.metrics.show(heartbeat)
        self._parts.view.show(heartbeat, self._pipeline.alerting.incidents.incidents)
        return heartbeat

    def _prune(self) -> None:
        """Delete a portion of what is old; the next one soon, while there is more."""
        newest = self._pipeline.scoring.newest
        is_time = time.monotonic() - self._pruned_at >= _PRUNE_SECONDS
        # Rows with a wrong date must not make everything old; nor does reading old logs.
        is_now = abs(time.time() - newest / MICROSECONDS) < _DAY_SECONDS
        if self._keep_days is None or not is_time or not is_now:
            return
        try:
            kept = self._labelled.content()
        except DataError as error:  # nothing is deleted that may have a verdict
            self._pruned_at = time.monotonic()
            self._notice(f"old alerts stay: {error}")
            return
        gone = self._store.prune(keep_days=self._keep_days, now=newest / MICROSECONDS, keep=kept)
        self._pruned_at = time.monotonic() if not gone else -math.inf


def _named(champion: Champion) -> dict[str, str]:
    return {"name": champion.made_by.model, "version": champion.version}


def _target(champion: Champion) -> dict[str, float]:
    return target_of(champion.model.threshold_rule)
