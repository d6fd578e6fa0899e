"""The dead man's switch: people hear of a watcher that is silent for minutes, and of its return.

A run of the flow `watch` emits an event a minute for as long as the loop has heartbeats. Prefect's
server misses the next one (a proactive trigger), whatever became of the run's process.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from prefect.automations import EventTrigger, Posture
from prefect.client.orchestration import get_client
from prefect.events import Event, emit_event
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.events.worker import EventsWorker

from flows.notifications import Notice
from oddwire.live.vitals.heartbeat import Heartbeat

HEARTBEAT = "oddwire.watch.heartbeat"
STOPPED = "oddwire.watch.stopped"
BACK = "oddwire.watch.back"
SILENT_AFTER = dt.timedelta(minutes=3)
_RESOURCE = "oddwire.watch"
_SECONDS_TO_SEND = 3.0


def silence_notice(within: dt.timedelta = SILENT_AFTER) -> Notice:
    """Return what a webhook is sent when a watcher is silent for so long: once, until it is back.

    A watcher that was stopped is not missed.
    """
    return Notice(
        name="oddwire: tell of a silent watcher",
        description="Tells that a watched source has had no heartbeat for minutes.",
        trigger=EventTrigger(
            posture=Posture.Proactive, after={HEARTBEAT}, expect={HEARTBEAT, STOPPED},
            match={"prefect.resource.id": f"{_RESOURCE}.*"}, for_each={"prefect.resource.id"},
            threshold=1, within=within,
        ),
        payload='{"told": "oddwire.watch.silent", "source": {{ event.payload.source | tojson }}, '
        '"text": {{ (event.payload.source ~ " is not watched any more: the last heartbeat came at "'
        " ~ event.payload.at) | tojson }}, "
        '"last_heartbeat": {{ event.payload | tojson }} }',
        without_webhook=True,
    )  # fmt: skip


def return_notice() -> Notice:
    """Return what a webhook is sent when a silent watcher is heard again."""
    return Notice(
        name="oddwire: tell of a watcher that is back",
        description="Tells that a watched source that was silent has heartbeats again.",
        trigger=EventTrigger(
            expect={BACK}, match={"prefect.resource.id": f"{_RESOURCE}.*"}, threshold=1, within=0
        ),
        payload='{"told": "oddwire.watch.back", "source": {{ event.payload.source | tojson }}, '
        '"text": {{ (event.payload.source ~ " is watched again") | tojson }}, '
        '"heartbeat": {{ event.payload | tojson }} }',
    )


class DeadMan:
    """Emits the events of one watched source.

    Parameters
    ----------
    source
        Its name.
    silent_after
        After how long somebody hears that it is silent.
    """

    def __init__(self, source: str, silent_after: dt.timedelta = SILENT_AFTER) -> None:
        self._source, self._silent_after = source, silent_after
        self._event: Event | None = None
        self._last: dt.datetime | None = None
        self._is_known = False  # when an earlier run was last heard

    def beat(self, beat: Heartbeat) -> None:
        """Tell that it lives, and that it is back if it was missed."""
        now = dt.datetime.now(dt.UTC)
        if not self._is_known:
            self._last, self._is_known = self._last_heartbeat(), True
        if self._last is not None and now - self._last > self._silent_after:
            self._emit(BACK, beat)
        self._last = now
        self._event = self._emit(HEARTBEAT, beat)

    def stopped(self, beat: Heartbeat) -> None:
        """Tell that it ends as it should: nobody need miss it."""
        self._last, self._is_known = None, True
        # Of two events that come close together, the server may take the later one first.
        self._emit(STOPPED, beat, follows=self._event)
        EventsWorker.drain_all(timeout=_SECONDS_TO_SEND, at_exit=False)  # the process may be killed

    def _emit(self, event: str, beat: Heartbeat, follows: Event | None = None) -> Event | None:
        return emit_event(
            event=event,
            follows=follows,
            resource={
                "prefect.resource.id": f"{_RESOURCE}.{self._source}",
                "prefect.resource.name": self._source,
            },
            payload=payload_of(beat),
        )

    def _last_heartbeat(self) -> dt.datetime | None:
        """Return when an earlier run was last heard; None if it ended as it should."""
        wanted = EventFilter(
            event=EventNameFilter(name=[HEARTBEAT, STOPPED]),
            resource=EventResourceFilter(id=[f"{_RESOURCE}.{self._source}"]),
        )
        with get_client(sync_client=True) as client:
            events = client.read_events(wanted, limit=1).events
        if not events or events[0].event != HEARTBEAT:
            return None
        return dt.datetime.fromtimestamp(events[0].occurred.timestamp(), dt.UTC)


def payload_of(beat: Heartbeat) -> dict[str, Any]:
    """Return what is told of a heartbeat: figures alone, no text from the wire."""
    content = beat.to_dict()
    wanted = (
        "source", "at", "state", "model", "rows", "rows_per_second", "lag_seconds", "refused",
        "late", "dropped", "alerts", "suppressed", "incidents",
    )  # fmt: skip
    return {name: content[name] for name in wanted}
