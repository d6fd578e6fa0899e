"""Deliveries: a thread per sink, which empties its outbox and waits for nobody.

A sink that is slow or dead holds up its own messages alone. What else it may hold up, and for how
long, is its policy's to say: see `Deliveries.wait_for_room`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import Event, Thread
from types import TracebackType
from typing import TYPE_CHECKING, Self

from oddwire.errors import OddwireError
from oddwire.live.sinks.contract import Refused, Sink, Undelivered, Unreachable
from oddwire.masking import without_secrets
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from oddwire.live.state import Store

_LOOK_EVERY = 1.0  # second: what another process puts back, say
_MOST_TRIES = 10
_LONGEST_REASON = 300
_ROOM_EVERY = 0.05
_LAST_TRY = 3.0  # seconds: what is not taken by then is sent by the next watch
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0


class Delivery:
    """Delivers one sink's messages, in order, until it is told to stop.

    Parameters
    ----------
    store
        Holds the outbox.
    name
        The sink's name in the store.
    sink
        Where the messages go.
    most_tries
        After how many answers that it cannot take them messages become dead letters. No answer at
        all counts for nothing: a sink that is down for a week gets everything when it is back.
    longest_pause
        Seconds, at most, between two tries.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        sink: Sink,
        *,
        most_tries: int = _MOST_TRIES,
        longest_pause: float = _LONGEST_PAUSE,
    ) -> None:
        self.name = name
        self._store, self._sink, self._most_tries = store, sink, most_tries
        self._longest_pause = longest_pause
        self._woken, self._stopped = Event(), Event()
        self.taken = 0  # how often the sink took something
        self._thread = Thread(target=self._run, name=f"sink {name}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to deliver."""
        self._woken.set()

    def stop(self) -> None:
        """Say that the try that is being made is the last one."""
        self._stopped.set()
        self._woken.set()

    def join(self, seconds: float) -> bool:
        """Wait for the last try; return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def deliver_once(self) -> bool:
        """Deliver what comes next; return whether there was anything.

        Raises
        ------
        Undelivered
            If the sink did not take it, and may take it later; it is noted.
        """
        taken = self._store.take(self.name, self._sink.most)
        if not taken.entries:
            return False
        try:
            place = self._sink.deliver(taken.messages, taken.place)
        except Refused as error:
            self._store.buried(self.name, taken, _shown(error))
        except Unreachable as error:
            self._store.failed(self.name, taken, _shown(error), counted=False)
            raise
        except Exception as error:  # a defect too ends with dead letters, not with the thread
            if taken.tries + 1 < self._most_tries:
                self._store.failed(self.name, taken, _shown(error), counted=True)
                raise
            self._store.buried(self.name, taken, _shown(error))
        else:
            self._store.delivered(self.name, taken, place)
        self.taken += 1
        return True

    def _run(self) -> None:
        from tenacity import RetryError

        try:
            while not self._stopped.is_set():
                if not self._delivered():
                    self._woken.wait(_LOOK_EVERY)
                    self._woken.clear()
        except RetryError:  # told to stop between two tries
            pass
        finally:
            self._sink.close()

    def _delivered(self) -> bool:
        """Return whether there was anything to deliver, however many tries that took."""
        from tenacity import (
            Retrying,
            retry_if_exception_type,
            sleep_using_event,
            stop_when_event_set,
            wait_random_exponential,
        )

        backoff = wait_random_exponential(multiplier=_FIRST_PAUSE, max=self._longest_pause)

        def pause(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return max(backoff(state), error.wait if isinstance(error, Undelivered) else 0.0)

        retrying = Retrying(
            retry=retry_if_exception_type(Exception),
            wait=pause,
            sleep=sleep_using_event(self._stopped),
            stop=stop_when_event_set(self._stopped),
        )
        return retrying(self.deliver_once)


class Deliveries:
    """The deliveries of all sinks of a source.

    Parameters
    ----------
    store
        Its policies name the sinks.
    sinks
        By the same names.
    """

    def __init__(
        self, store: Store, sinks: Mapping[str, Sink], *, longest_pause: float = _LONGEST_PAUSE
    ) -> None:
        self._store = store
        self._each = {
            name: Delivery(store, name, sink, longest_pause=longest_pause)
            for name, sink in sinks.items()
        }
        self._waited = dict.fromkeys(sinks, (0, 0.0))  # since it took so many

    def __enter__(self) -> Self:
        for each in self._each.values():
            each.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def wake(self) -> None:
        """Say that something was committed."""
        for each in self._each.values():
            each.wake()

    def wait_for_room(
        self, stopped: Event | None = None, *, meanwhile: Callable[[], object] = lambda: None
    ) -> frozenset[str]:
        """Wait until every sink whose policy is ``wait`` has room.

        Parameters
        ----------
        stopped
            Ends the waiting.
        meanwhile
            Is called many times a second while it waits.

        Returns
        -------
        Those that were waited for as long as their policy allows, and have no room: `Store.commit`
        drops what they cannot hold.
        """
        return frozenset(
            name
            for name in self._each
            if self._store.policies[name].when_full == "wait"
            and not self._has_room(name, stopped or Event(), meanwhile)
        )

    def drain(self, seconds: float, stopped: Event | None = None) -> bool:
        """Wait until nothing waits any more, or told to stop; return whether nothing waits."""
        until, stopped = time.monotonic() + seconds, stopped or Event()
        while any(self._store.waiting(name) for name in self._each):
            if time.monotonic() > until or stopped.wait(_ROOM_EVERY):
                return False
        return True

    def stop(self, seconds: float = _LAST_TRY) -> bool:
        """End every delivery; return whether all have ended within so many seconds."""
        for each in self._each.values():
            each.stop()
        until = time.monotonic() + seconds
        ended = [each.join(max(0.0, until - time.monotonic())) for each in self._each.values()]
        return all(ended)

    def _has_room(self, name: str, stopped: Event, meanwhile: Callable[[], object]) -> bool:
        policy, delivery = self._store.policies[name], self._each[name]
        while self._store.waiting(name) >= policy.most_waiting:
            taken, waited = self._waited[name]
            if taken != delivery.taken:
                taken, waited = delivery.taken, 0.0
            began = time.monotonic()
            meanwhile()
            if waited >= policy.longest_wait or stopped.wait(_ROOM_EVERY):
                self._waited[name] = taken, waited
                return stopped.is_set()
            self._waited[name] = taken, waited + time.monotonic() - began
        return True


def _shown(error: Exception) -> str:
    """Return what a sink said, as one printable line without secrets."""
    text = str(error) if isinstance(error, Undelivered | OddwireError) else repr(error)
    return printable(without_secrets(text), _LONGEST_REASON)
