"""What is kept in MLflow of a drift check, and the name of its run."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from oddwire.operations.drift.new_traffic.past_checks import PastCheck
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import DriftCheck
from oddwire.operations.tracking.items import Item, Metrics, Table, Tags, Text, as_json


def drift_items(check: DriftCheck, subject: Subject) -> Iterator[Item]:
    """Yield the verdict of a drift check, its figures at the time that its period ends."""
    yield Tags({
        "drifted": "yes" if check.drifted else "no",
        "verdict": check.verdict,
        "alerts": subject.alerts,
        "period_start": "" if subject.start is None else subject.start.isoformat(),
        "period_end": "" if subject.end is None else subject.end.isoformat(),
    })  # fmt: skip
    figures = {
        "share_of_drifted_columns": check.share,
        "drifted_columns": check.drifted_columns,
        "score_distance": check.score_distance,
        "alert_rate": subject.alert_rate,
        "alert_p_value": subject.alert_p_value,
        "period_rows": subject.rows,
        "current_rows": check.current_rows,
        "reference_rows": check.reference_rows,
    }
    yield Metrics(figures, at=subject.end)
    yield Text("verdict.json", as_json(check.to_dict()))
    yield Table("columns.json", check.to_frame())


def run_name(check: DriftCheck, subject: Subject, taken: Collection[str]) -> str:
    """Return the name of a check's run, which begins with its result and is no other's.

    Parameters
    ----------
    taken
        Names of the source's other checks.
    """
    word = "DRIFT" if check.drifted else "no drift"
    parts = [f"{word} {check.drifted_columns}/{len(check.columns)}"]
    parts.append(subject.title.removeprefix("scenario "))
    if subject.end is not None and subject.kind != "day":
        parts.append(f"{subject.end:%Y-%m-%d}")
    name = plain = " · ".join(parts)
    number = 1
    while name in taken:
        number += 1
        name = f"{plain} ({number})"
    return name


def past_subject(past: PastCheck, source: str, detector: str) -> Subject:
    """Return what a past check was about, from what was kept of it."""
    return Subject(
        source=source, current=past.current, kind=past.kind, version=past.version,
        detector=detector, file=past.file, start=past.start, end=past.end,
        rows=int(past.figures.get("period_rows", 0)),
        alert_rate=past.figures.get("alert_rate", 0.0),
        alert_p_value=past.figures.get("alert_p_value", 0.0),
        alerts=past.alerts,
    )  # fmt: skip
