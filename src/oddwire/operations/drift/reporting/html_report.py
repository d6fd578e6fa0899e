"""The report of one drift check: a page that needs nothing but itself.

Ours and not Evidently's, since that page is 7.6 MB, of which its scripts alone are 3.5 MB, and
takes ten seconds to make: ``docs/decisions/0018-drift-of-new-traffic.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from oddwire.operations.drift.reporting.pictures import picture, words
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import ColumnDrift, DriftCheck, measure, ranked
from oddwire.operations.progress import progress
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

MOST_PICTURES = 200  # the most drifted columns: the page grows with each
LONGEST_NAME = 120
# Nothing may be fetched and nothing run by the page, whatever a name says.
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
_ORIGINS = {
    "day": "the source, all rows of the period",
    "scenario": "the simulator, changed by the scenario",
    "test part": "the test part of the training data",
}
_HERE = Path(__file__).parent


def write_report(check: DriftCheck, subject: Subject, file: Path) -> None:
    """Write the report of a check.

    Names and categories come from the wire and from files, so an attacker may have chosen them:
    all of them are escaped.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    word = "drift" if check.drifted else "no drift"
    heading = f"Drift check of {subject.source}: {subject.title}"
    page = environment.get_template("report.html").render(
        policy=PAGE_POLICY,
        title=f"{word} {check.drifted_columns}/{len(check.columns)} · {subject.source} · "
        f"{subject.title}",
        heading=heading,
        check=check,
        note=subject.note,
        facts=list(_facts(check, subject)),
        rows=list(_rows(check)),
        undrawn=max(len(check.columns) - MOST_PICTURES, 0),
        min_share=percent(check.min_share),
    )
    file.write_text(page, encoding="utf-8")


def _facts(check: DriftCheck, subject: Subject) -> Iterator[tuple[str, str]]:
    yield "Source", subject.source
    yield "Period", subject.period or "the rows have no time"
    yield "Rows from", _ORIGINS.get(subject.kind) or printable(subject.file)
    yield "Current rows", f"{subject.rows:,}, of which {check.current_rows:,} were compared"
    yield "Reference", f"{check.reference_rows:,} of the benign rows kept with the model"
    yield "Model", f"version {subject.version}, {subject.detector}"
    if subject.alerts:
        yield "Alerts", subject.alerts
    expected = f"{percent(subject.alert_p_value)} is expected of benign traffic"
    yield "Observed alert rate", f"{percent(subject.alert_rate)} ({expected})"
    yield (
        "Drifted columns",
        f"{check.drifted_columns} of {len(check.columns)}; {percent(check.min_share)} make a drift",
    )
    yield "Thresholds", f"calibrated on {check.method} of the reference"


def _rows(check: DriftCheck) -> Iterator[dict[str, Any]]:
    for place, one in enumerate(ranked(check.columns)):
        yield {
            "name": printable(one.column, longest=LONGEST_NAME),
            "measure": measure(one),
            "distance": f"{one.statistic:.3f}",
            "threshold": f"{one.threshold:.3f}",
            "drifted": one.drifted,
            "picture": _picture(check, one) if place < MOST_PICTURES else "",
        }


def _picture(check: DriftCheck, one: ColumnDrift) -> str:
    try:
        return picture(one, check.reference[one.column], check.current[one.column])
    except Exception as error:  # noqa: BLE001 - no picture is worth losing a drift check
        reason = f"could not be drawn: {type(error).__name__}"
        progress().remark(f"the picture of {printable(one.column, LONGEST_NAME)} {reason}")
        return words(reason)
