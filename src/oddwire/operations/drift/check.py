"""Whether the traffic has changed since the champion was trained."""

from __future__ import annotations

import datetime as dt
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import ParameterError
from oddwire.operations.data import pipeline
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.data.reading import read_features
from oddwire.operations.drift.records import drift_items
from oddwire.operations.drift.report import check_drift, save_report
from oddwire.operations.drift.verdict import DriftCheck
from oddwire.operations.locks import source_lock
from oddwire.operations.progress import step
from oddwire.operations.registry import reference
from oddwire.operations.registry.versions import Registry, Version
from oddwire.operations.scoring.rows import score_rows
from oddwire.operations.tracking.store import Tracking
from oddwire.params import DRIFT_SCENARIOS, Params, Source
from oddwire.project import Project
from oddwire.traffic.features.connection_features import to_features
from oddwire.traffic.schema import TIME
from oddwire.traffic.sources import read_scenario


@dataclass(frozen=True)
class DriftResult:
    """What a drift check came to, and where its report lies."""

    source: str
    current: str
    version: str
    run_id: str
    check: DriftCheck
    report: Path

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        names = ("source", "current", "version", "run_id")
        plain = {name: getattr(self, name) for name in names}
        return {**plain, "report": str(self.report), **self.check.to_dict()}


def refresh(project: Project, source: str, settings: Source) -> None:
    """Bring the newest rows in: whoever appends to the source's files has them checked."""
    with source_lock(project, source):
        pipeline.reproduce(project, source, settings, stages=("prepare",))


def check_source(
    project: Project, source: str, params: Params, *, current: str = "", scenario: str = ""
) -> DriftResult:
    """Compare current traffic with what the champion was trained on, and keep the report.

    Parameters
    ----------
    source, params
        A source with a champion, and the settings.
    current
        File of current rows in the source's format. By default the newest rows that the project
        holds: the test part.
    scenario
        For a simulated source, days after the training's own: ``none`` for unchanged traffic, or
        a drift scenario.

    Raises
    ------
    NoModelError
        If the source has no champion.
    DataError, ParameterError
        If the file or the scenario is not what it must be.
    """
    check_scenario(scenario)
    params.source(source)
    tracking = Tracking.connect(project)
    version, model = Registry.of(tracking, project).load_champion(source)
    named, rows = _current(project, params, source, model, current=current, scenario=scenario)
    name = f"drift {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}"
    with tracking.run(
        source, name, kind="drift", current=named, model_version=version.number
    ) as run:
        with step("compare with the reference"):
            check = _compare(tracking, version, model, rows, params)
        with step("write the report"):
            # One folder for what was looked at: its newest report, and no other's, is replaced.
            folder = project.reports / source / re.sub(r"[^A-Za-z0-9.]+", "-", named)[:80]
            report = _keep(folder, tracking, run, check)
    return DriftResult(source, named, version.number, run, check, report)


def _current(
    project: Project, params: Params, source: str, model: Model, *, current: str, scenario: str
) -> tuple[str, pd.DataFrame]:
    if current and scenario:
        raise ParameterError("give a file of current rows or a scenario, not both")
    if current:
        _, features = read_features(params.source(source), Path(current), model.schema)
        return Path(current).name, features
    if scenario:
        block = params.source(source)
        connections, since = read_scenario(block, scenario, name=source)
        features = to_features(block.row_kind, connections, model.schema)
        later = features[features[TIME] >= since].reset_index(drop=True)
        return f"scenario {scenario}", later
    return "newest rows", Prepared(project.prepared(source)).part("test")


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


def _compare(
    tracking: Tracking, version: Version, model: Model, rows: pd.DataFrame, params: Params
) -> DriftCheck:
    before = reference.load(tracking, version)
    return check_drift(
        before,
        rows,
        model.schema,
        settings=params.drift,
        seed=params.seed,
        reference_scores=before[reference.SCORE].to_numpy(),
        current_scores=score_rows(model, rows).scores["anomaly_score"].to_numpy(),
    )


def _keep(folder: Path, tracking: Tracking, run: str, check: DriftCheck) -> Path:
    """Keep the report with the run, and as the newest of its kind in a folder.

    It is written elsewhere first: another check may be at it, or a kill come in between.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".") as draft:
        paths = save_report(check, Path(draft))
        tracking.log(run, drift_items(check))
        tracking.log_folder(run, Path(draft), under="report")
        for path in paths.values():
            path.replace(folder / path.name)
    return folder / paths["html"].name
