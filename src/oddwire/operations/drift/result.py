"""What a drift check came to: the verdict, and what it is a verdict on."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from oddwire.operations.drift.verdict import DriftCheck
from oddwire.traffic.wire_text import printable

_LONGEST_NAME = 60
_MOST_REFUSED = 10  # named beside a verdict


@dataclass(frozen=True)
class Subject:
    """What a drift check was about.

    Parameters
    ----------
    current
        What people call the current rows: a day, a file's name, a scenario, ``newest rows``.
    kind
        Kind of the period (see `oddwire.operations.drift.new_traffic.periods.Period`).
    version, detector
        The model whose training's traffic the current rows were compared with.
    file
        Path of the file of current rows, empty where they come from no file.
    start, end
        The period that the rows span, in UTC; None where they have no time.
    rows, alert_rate
        How many rows the period has, and the share of them that raise an alert.
    alert_p_value
        The share of benign rows that should.
    alerts
        The same in the unit of the target, in words; empty where that is not known.
    """

    source: str
    current: str
    kind: str
    version: str
    detector: str
    file: str
    start: dt.datetime | None
    end: dt.datetime | None
    rows: int
    alert_rate: float
    alert_p_value: float
    alerts: str = ""

    @property
    def title(self) -> str:
        """The current rows in one line of ordinary length, free of control characters."""
        return printable(self.current, longest=_LONGEST_NAME)

    @property
    def period(self) -> str:
        """The period in words, empty where the rows have no time."""
        if self.start is None or self.end is None:
            return ""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"

    @property
    def note(self) -> str:
        """What must be said of the current rows for nobody to take them for something else."""
        if self.kind != "test part":
            return ""
        return (
            "These rows are the test part of the training data: no newer traffic is known. "
            f"Say where it comes by `drift.current` of {self.source} in params.yaml."
        )


@dataclass(frozen=True)
class DriftResult:
    """What a drift check came to, and where its report lies.

    Parameters
    ----------
    report
        A path, or the address of a store that is not on this machine.
    link
        Where MLflow's page shows the check's run.
    already_checked
        Whether an earlier check had looked at the same rows with the same model and settings:
        then this is its verdict, run and report.
    earlier
        Results of older periods that the same check caught up on, oldest first.
    refused
        Why periods could not be checked, a sentence each.
    waiting
        How many periods are left for the next check.
    not_kept
        Why MLflow does not have it, empty where it has: then there is no report either, and the
        next check looks at the rows again.
    """

    subject: Subject
    run_id: str
    check: DriftCheck
    report: str
    link: str = ""
    already_checked: bool = False
    earlier: tuple[DriftResult, ...] = ()
    refused: tuple[str, ...] = ()
    waiting: int = 0
    not_kept: str = ""

    @property
    def source(self) -> str:
        """The source that was checked."""
        return self.subject.source

    @property
    def current(self) -> str:
        """What people call the current rows."""
        return self.subject.current

    @property
    def version(self) -> str:
        """The model version that they were compared with the training of."""
        return self.subject.version

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be said beside the verdict, a sentence or two each."""
        more = len(self.refused) - _MOST_REFUSED
        again = "These rows were checked before with this model: this is that check's verdict."
        return tuple(
            remark
            for remark in (
                self.subject.note,
                again if self.already_checked else "",
                f"Older periods caught up on: {len(self.earlier)}." if self.earlier else "",
                *(f"Not checked: {reason}" for reason in self.refused[:_MOST_REFUSED]),
                f"Not checked either: {more} more." if more > 0 else "",
                f"Periods left for the next check: {self.waiting}." if self.waiting else "",
                f"Not kept, so the next check looks at these rows again: {self.not_kept}"
                if self.not_kept
                else "",
            )
            if remark
        )

    @property
    def drifted(self) -> bool:
        """Whether any of the periods that were looked at drifted."""
        return any(one.check.drifted for one in (*self.earlier, self))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON: the newest period's, the others under ``earlier``."""
        subject = self.subject
        return {
            "source": subject.source, "current": subject.current, "file": subject.file or None,
            "period_start": None if subject.start is None else subject.start.isoformat(),
            "period_end": None if subject.end is None else subject.end.isoformat(),
            "version": subject.version, "rows": subject.rows, "alert_rate": subject.alert_rate,
            "alerts": subject.alerts,
            "run_id": self.run_id, "report": self.report, **self.check.to_dict(),
            "already_checked": self.already_checked,
            "earlier": [one.to_dict() for one in self.earlier],
            "refused": list(self.refused), "waiting": self.waiting, "not_kept": self.not_kept,
        }  # fmt: skip
