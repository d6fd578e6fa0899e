"""The drift checks of a source so far: MLflow's runs are the record, and the only one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from oddwire.operations.tracking.store import Tracking
from oddwire.traffic.wire_text import printable


@dataclass(frozen=True)
class PastCheck:
    """What is kept of a drift check that finished.

    Parameters
    ----------
    key
        What it was a check of: the same key, the same verdict.
    kind
        Kind of the period (see `oddwire.operations.drift.new_traffic.periods.Period`).
    start, end
        Of the period, in UTC; None where the rows have no time.
    figures
        Its metrics.
    alerts
        As of `oddwire.operations.drift.result.Subject`; empty of earlier releases.
    """

    run_id: str
    run_name: str
    key: str
    kind: str
    current: str
    start: dt.datetime | None
    end: dt.datetime | None
    version: str
    drifted: bool
    file: str
    stamp: str
    digest: str
    figures: dict[str, float]
    alerts: str = ""

    @property
    def title(self) -> str:
        """What the check looked at, in one line of ordinary length."""
        return printable(self.current, longest=60)


def past_checks(tracking: Tracking, source: str) -> list[PastCheck]:
    """Return the finished drift checks of a source, the newest first."""
    return [_past(run) for run in tracking.finished_runs(source, "drift")]


def _past(run: Any) -> PastCheck:
    tags = run.data.tags
    return PastCheck(
        run_id=run.info.run_id,
        run_name=run.info.run_name or "",
        key=tags.get("check", ""),
        kind=tags.get("period_kind", ""),
        current=tags.get("current", ""),
        start=_moment(tags.get("period_start")),
        end=_moment(tags.get("period_end")),
        version=tags.get("model_version", ""),
        drifted=tags.get("drifted") == "yes",
        file=tags.get("current_file", ""),
        stamp=tags.get("current_stamp", ""),
        digest=tags.get("current_sha256", ""),
        figures=dict(run.data.metrics),
        alerts=tags.get("alerts", ""),
    )


def _moment(text: str | None) -> dt.datetime | None:
    try:
        return None if not text else dt.datetime.fromisoformat(text)
    except ValueError:  # somebody changed the tag on the page
        return None
