"""A watched source on the Prefect page: the run's log and state, and a page of how it stands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from prefect import get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.exceptions import PrefectException

from flows.artifact_keys import artifact_key
from flows.dead_man import DeadMan
from flows.progress import set_state
from oddwire.live.alerts.formats.wording import why_incident
from oddwire.live.supervising.opened import OpenedIncidents
from oddwire.live.supervising.page import heartbeat_line, watching_markdown
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.masking import without_secrets

EVERY = 60.0  # seconds between lines of the log, events and the page's news
_MOST = 20  # incidents in the log at once, and on the page


class WatchPage:
    """Shows how the loop goes; a Prefect server that is gone for a while is no reason to end.

    Parameters
    ----------
    source
        The source's name.
    incidents
        Reads them.
    every
        Seconds between lines of the log.
    """

    def __init__(self, source: str, incidents: OpenedIncidents, every: float = EVERY) -> None:
        self._source, self._incidents, self._every = source, incidents, every
        self._log = get_run_logger()
        self._dead_man = DeadMan(source)
        self.newest: Heartbeat | None = None
        self._told_at: float | None = None
        self._opened = -1
        self._incidents.new(_MOST)  # those of before are known
        self._artifact: UUID | None = None
        self._state = ""
        self._is_reachable = True

    def beat(self, beat: Heartbeat) -> None:
        """Take a heartbeat: opened incidents are shown at once, the rest once a minute."""
        self.newest = beat
        self._show_state("Watching", "")
        self._show_opened(beat.incidents.get("opened", 0))
        now = time.monotonic()
        if self._told_at is None or now - self._told_at >= self._every:
            self._told_at = now
            self._log.info("%s", heartbeat_line(beat))
            self._try(lambda: self._dead_man.beat(beat))
            self._show_page(beat)

    def waiting(self, reason: str) -> None:
        """Show what the loop waits for."""
        if self._show_state("Waiting", reason):
            self._log.warning("waiting: %s", reason)

    def ended(self, reason: str, last_words: list[str], wait: float | None) -> None:
        """Show why the loop ended, and when it starts again."""
        again = "" if wait is None else f"; it starts again in {wait:g} s"
        self._log.error("the loop ended: %s%s", reason, again)
        if len(last_words) > 1:
            self._log.error("it wrote last:\n%s", without_secrets("\n".join(last_words)))
        if wait is not None:
            self._show_state("Restarting", reason)

    @contextmanager
    def told_as_it_ends(self) -> Iterator[None]:
        """Show how it stood last, and tell that it ended as it should, if it did."""
        try:
            yield
        finally:
            beat = self.newest
            if beat is not None:
                self._log.info("%s", heartbeat_line(beat))
                self._show_page(beat)
                if beat.state == "stopped":
                    self._try(lambda: self._dead_man.stopped(beat))

    def _show_state(self, name: str, reason: str) -> bool:
        """Name the run's state, once; return whether that is news."""
        told = f"{name} {reason}"
        if told == self._state:
            return False
        self._state = told
        self._try(lambda: set_state(name, reason))
        return True

    def _show_opened(self, opened: int) -> None:
        """Log the incidents that were opened since the last heartbeat."""
        if opened == self._opened:
            return
        new = self._incidents.new(_MOST)
        for one in new:
            self._log.warning(
                "incident %s, %s: %s", one.id[:8], one.severity.word, why_incident(one)
            )
        more = opened - self._opened - len(new)
        if len(new) == _MOST and self._opened >= 0 and more > 0:
            self._log.warning("%d more incidents were opened", more)
        self._opened = opened

    def _show_page(self, beat: Heartbeat) -> None:
        """Bring the page up to date: one artifact a run, not one a minute."""
        page = watching_markdown(beat, self._incidents.open(_MOST))

        def show() -> None:
            if self._artifact is None:
                made: Any = create_markdown_artifact(
                    key=artifact_key("watch", self._source), markdown=page,
                    description=f"How {self._source} is watched",
                )  # fmt: skip
                self._artifact = cast("UUID", made)
                return
            with get_client(sync_client=True) as client:
                client.update_artifact(self._artifact, ArtifactUpdate(data=page))

        self._try(show)

    def _try(self, tell: Callable[[], None]) -> None:
        """Tell Prefect's server; of an outage, say so once."""
        try:
            tell()
        except (httpx.HTTPError, PrefectException) as error:
            if self._is_reachable:
                self._log.warning(
                    "the Prefect server does not answer: %s", without_secrets(str(error))
                )
            self._is_reachable = False
        else:
            self._is_reachable = True
