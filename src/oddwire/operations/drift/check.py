"""Whether the traffic has changed since the champion was trained."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import DataError, ParameterError, ServiceError
from oddwire.evaluation.observed import target_of
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.target_lines import alerts_of_all
from oddwire.faults import faults_as_errors
from oddwire.operations.data import pipeline
from oddwire.operations.drift.new_traffic.current_files import current_files
from oddwire.operations.drift.new_traffic.past_checks import PastCheck, past_checks
from oddwire.operations.drift.new_traffic.periods import CURRENT, Looking, Period, periods_to_check
from oddwire.operations.drift.records import drift_items, past_subject, run_name
from oddwire.operations.drift.report import check_drift
from oddwire.operations.drift.reporting.evidently_history import add_to_history
from oddwire.operations.drift.reporting.html_report import write_report
from oddwire.operations.drift.result import DriftResult, Subject
from oddwire.operations.drift.verdict import DriftCheck
from oddwire.operations.locks import lock, source_lock
from oddwire.operations.progress import progress, step
from oddwire.operations.registry import reference
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.scoring.carried import counts_by
from oddwire.operations.scoring.rows import score_rows
from oddwire.operations.tracking.outage import Outage
from oddwire.operations.tracking.store import Tracking
from oddwire.params import DRIFT_SCENARIOS, Params, Source
from oddwire.params.stage_settings import PeriodSettings
from oddwire.project import Project
from oddwire.traffic.schema import known_at
from oddwire.traffic.unit_column import counted_by
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PERIODS = 31  # caught up on by one check: more would keep the next one waiting
REPORT = "report/drift.html"
_NOT_OF_THE_VERDICT = {"schedule", "sources", "current"}


def refresh(project: Project, source: str, settings: Source) -> None:
    """Bring the newest rows in: whoever appends to the source's files has them checked.

    Where DVC cannot write, the rows stay as they were prepared last.
    """
    places = (project.root / each for each in (".", "data", ".dvc"))
    if any(place.exists() and not os.access(place, os.W_OK) for place in places):
        with step(f"{project.root} cannot be written: its rows stay as they were prepared last"):
            return
    with source_lock(project, source):
        pipeline.reproduce(project, source, settings, stages=("prepare",))


def check_source(
    project: Project,
    source: str,
    params: Params,
    *,
    current: str = "",
    scenario: str = "",
    asked: PeriodSettings | None = None,
    tell: Callable[[DriftResult], object] = lambda _: None,
) -> DriftResult:
    """Compare current traffic with what the champion was trained on, and keep the report.

    What no check has looked at is looked at, oldest first, `MOST_PERIODS` periods at most. Rows
    that were looked at before, with the same model and settings, keep their one record.

    Parameters
    ----------
    source, params
        A source with a champion, and the settings.
    current
        File, glob pattern or folder of current rows in the source's format. By default the
        newest traffic that the project knows: see `oddwire.operations.drift.new_traffic.periods`.
    scenario
        For a simulated source, days after the training's own: ``none`` for unchanged traffic, or
        a drift scenario.
    asked
        A period of the source's own rows, instead of those that no check has looked at.
    tell
        Called with each new verdict before it counts as checked: after a crash between the two,
        the next check tells it again. One that was come to before is not told.

    Returns
    -------
    The result of the newest period, with those of older ones that were caught up on.

    Raises
    ------
    NoModelError
        If the source has no champion.
    DataError, ParameterError
        If the only file, or the scenario, is not what it must be.
    """
    check_question(project, current=current, scenario=scenario, asked=asked)
    params.source(source)
    tracking = Tracking.connect(project)
    version, model = Registry.of(tracking, project).load_champion(source)
    guard = project.locks / f"drift-{source}.lock"
    with lock(guard, f"another drift check of {source}", needed=False):
        past = past_checks(tracking, source)
        looking = Looking(project, params, source, model.schema, past)
        periods = periods_to_check(looking, current=current, scenario=scenario, asked=asked)
        checker = _Checker(project, tracking, params, version, model, tell)
        return _check_all(checker, periods, past)


def check_scenario(scenario: str) -> None:
    """Refuse a scenario that there is not.

    Raises
    ------
    ParameterError
        If it is neither empty, nor ``none``, nor a drift scenario.
    """
    known = ("", "none", *DRIFT_SCENARIOS)
    if scenario not in known:
        raise ParameterError(
            f"unknown drift scenario {scenario!r}: there are {', '.join(known[1:])}"
        )


def check_question(
    project: Project,
    *,
    current: str = "",
    scenario: str = "",
    asked: PeriodSettings | None = None,
) -> None:
    """Refuse what cannot be looked at, before a model is loaded for it.

    Raises
    ------
    DataError
        If there is no file of current rows where one is named.
    ParameterError
        If there is no such scenario, or a file is named as well.
    """
    check_scenario(scenario)
    if current and scenario:
        raise ParameterError("give a file of current rows or a scenario, not both")
    if asked is not None and (current or scenario):
        raise ParameterError("a period is one of the source's own rows: give no file or scenario")
    if current:
        current_files(current, root=project.root, origin=CURRENT)


def _check_all(checker: _Checker, periods: list[Period], past: list[PastCheck]) -> DriftResult:
    known = {check.key: check for check in reversed(past)}
    names = {check.run_name for check in past}
    asked: dict[str, Period] = {}
    for period in periods:
        asked.setdefault(checker.key(period), period)  # of copies the first one is looked at
    results: list[DriftResult] = []
    refused: list[str] = []
    new = waiting = 0
    for key, period in asked.items():
        if key in known and (result := checker.again(known[key])) is not None:
            results.append(result)
        elif new == MOST_PERIODS:
            waiting += 1
        else:
            try:
                results.append(checker.check(period, names))
                new += 1
            except DataError as error:
                refused.append(printable(str(error)))  # the others are no worse for it
    if not results:
        raise DataError(refused[0])
    return replace(
        results[-1], earlier=tuple(results[:-1]), refused=tuple(refused), waiting=waiting
    )


@dataclass(frozen=True)
class _Checker:
    """Checks periods against one champion."""

    project: Project
    tracking: Tracking
    params: Params
    version: Version
    model: Model
    tell: Callable[[DriftResult], object]

    def key(self, period: Period) -> str:
        """Return what a check of a period is known by: the same rows, model and settings."""
        settings = self.params.drift.model_dump(mode="json", exclude=_NOT_OF_THE_VERDICT)
        content = [self.version.digest, period.kind, period.identity, settings, self.params.seed]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def again(self, past: PastCheck) -> DriftResult | None:
        """Return the result that a past check came to; None where its verdict is gone."""
        try:
            check = DriftCheck.from_dict(self.tracking.read_json(past.run_id, "verdict.json"))
        except (DataError, KeyError, TypeError, AttributeError):  # gone, cut or altered
            return None
        subject = past_subject(past, self.version.source, self.version.detector)
        report = self.tracking.place(past.run_id, REPORT)
        link = self.tracking.run_link(past.run_id)
        return DriftResult(subject, past.run_id, check, report, link, already_checked=True)

    def check(self, period: Period, names: set[str]) -> DriftResult:
        """Check a period, and keep what came of it; its run's name joins ``names``.

        Where it cannot be kept, there is a verdict all the same.
        """
        rows = period.read()
        source = self.version.source
        name = f"drift check {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"
        tags = {"current": period.name, "period_kind": period.kind, "check": self.key(period)}
        if period.file is not None:
            tags |= {"current_file": str(period.file.path), "current_stamp": period.file.stamp}
            tags |= {"current_sha256": period.identity}
        outage = Outage()
        tracking = self.tracking.lenient(outage)
        with tracking.run(
            source, name, kind="drift", model_version=self.version.number, **tags
        ) as run:
            with step(f"compare {period.name} with the reference"):
                check, subject = self._compare(period, rows)
            name = run_name(check, subject, names)
            with step("write the report"), _noted(outage):
                self._keep(tracking, run, check, subject)
                outage.raise_if_lost()
                self._remember(check, subject, key=self.key(period), name=name)
            tracking.rename(run, name)
            names.add(name)
            report = link = ""
            with _noted(outage):
                outage.raise_if_lost()
                report, link = tracking.place(run, REPORT), tracking.run_link(run)
            result = DriftResult(subject, run, check, report, link, not_kept=_why(outage))
            self.tell(result)
        return replace(result, not_kept=_why(outage))

    def _remember(self, check: DriftCheck, subject: Subject, *, key: str, name: str) -> None:
        """Add a check to the history, which the verdict and its record do not hang on."""
        try:
            with faults_as_errors():
                add_to_history(self.project, check, subject, key=key, name=name)
        except ServiceError as error:
            progress().remark(f"{name} is not in the drift history: {error}")

    def _compare(self, period: Period, rows: pd.DataFrame) -> tuple[DriftCheck, Subject]:
        before = reference.load(self.tracking, self.version)
        scored = score_rows(self.model, rows)
        check = check_drift(
            before,
            rows,
            self.model.schema,
            settings=self.params.drift,
            seed=self.params.seed,
            reference_scores=before[reference.SCORE].to_numpy(),
            current_scores=scored.scores["anomaly_score"].to_numpy(),
        )
        start, end = _span(period, rows)
        subject = Subject(
            source=self.version.source, current=period.name, kind=period.kind,
            version=self.version.number, detector=self.version.detector,
            file="" if period.file is None else printable(str(period.file.path)),
            start=start, end=end, rows=len(rows), alert_rate=scored.alerts / len(rows),
            alert_p_value=self.model.alert_p_value,
            alerts=self._alerts(rows, scored.scores["anomaly_score"].to_numpy()),
        )  # fmt: skip
        return check, subject

    def _alerts(self, rows: pd.DataFrame, scores: NDArray[np.float64]) -> str:
        """Say how many alerts all rows raise, whatever their label, in the unit of the target.

        Nothing where the source's unit is another one by now: the target is of the model's.
        """
        settings = self.params.source(self.version.source)
        unit = counted_by(settings.unit_columns, settings.row_kind)
        units = self.model.unit_calibration
        if units is None or not counts_by(self.model, unit):
            return ""
        scored = ScoredRows.of(rows, scores, minutes=units.minutes)
        return alerts_of_all(scored, self.model.threshold, target_of(self.model.threshold_rule))

    def _keep(self, tracking: Tracking, run: str, check: DriftCheck, subject: Subject) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            write_report(check, subject, Path(scratch) / Path(REPORT).name)
            tracking.log_folder(run, Path(scratch), under=str(Path(REPORT).parent))
        tracking.log(run, drift_items(check, subject))


def _why(outage: Outage) -> str:
    return "" if outage.error is None else str(outage.error)


@contextmanager
def _noted(outage: Outage) -> Iterator[None]:
    """Go on where something cannot be kept: what came of a check is shown all the same."""
    try:
        with faults_as_errors():
            yield
    except ServiceError as error:
        outage.note(error)


def _span(period: Period, rows: pd.DataFrame) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return the period that rows span, in UTC; of a file without times, when it was written."""
    time = known_at(rows)
    if period.start is not None or time is None or rows[time].isna().all():
        return period.start, period.end
    times = pd.to_datetime(rows[time], utc=True)
    return times.min().to_pydatetime(warn=False), times.max().to_pydatetime(warn=False)
