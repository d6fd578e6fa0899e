"""The drift checks of a project over time, in a workspace of Evidently's.

The only file that imports Evidently. Evidently's page shows it: a project per source, with a
dashboard and a short report of each check.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import tempfile
import uuid
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.disk.damaged import set_aside
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import DriftCheck, harmless, measure, ranked
from oddwire.operations.locks import lock
from oddwire.operations.progress import step
from oddwire.percent import percent
from oddwire.project import Project

# What the dashboard draws, and where each figure comes from.
SHARE, SCORE = "share of drifted columns", "score drift (distance)"
ALERTS, EXPECTED, ROWS = "observed alert rate", "expected of benign traffic", "rows"
_PANELS = {SHARE: (SHARE,), SCORE: (SCORE,), ALERTS: (ALERTS, EXPECTED), ROWS: (ROWS,)}
_NAMES = uuid.UUID("8d3c39b5-5d5b-4d8e-9a43-6d2b8f1f7a10")  # the name space of our ids
_ABOUT = "metadata.json"  # of a project, in Evidently's workspace
_MOST_COLUMNS = 100  # in a check's table


def add_to_history(
    project: Project, check: DriftCheck, subject: Subject, *, key: str, name: str
) -> None:
    """Add a check to its source's history, at the time that its period ends.

    Parameters
    ----------
    key
        What the check is known by: what is added again takes the place of what was there.
    name
        What the history calls it.
    """
    evidently = import_evidently()
    from evidently.ui.workspace import Workspace

    project.mlruns.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=project.mlruns, prefix=".evidently-") as scratch:
        # Written elsewhere and moved: a page that watches the workspace reads whole files alone,
        # and a killed check leaves none that would keep it from starting.
        draft = Workspace.create(scratch)
        made = dashboard_id(subject.source)
        _write_project(draft, made, subject.source)
        file = uuid.uuid5(_NAMES, key)
        draft.state.write_snapshot(made, file, _snapshot(evidently, check, subject, name))
        with lock(project.locks / "evidently.lock", "another drift check"):
            _move(Path(scratch) / str(made), project.evidently / str(made), f"{file}.json")


def server_app(workspace: str) -> Any:
    """Return Evidently's page as an ASGI application that nobody can write to.

    Parameters
    ----------
    workspace
        Folder of the history.
    """
    import_evidently()
    from evidently.ui.service.app import create_app, get_config

    secret = secrets.token_urlsafe()  # told to nobody
    return create_app(get_config(workspace=workspace, secret=secret))


def dashboard_id(source: str) -> uuid.UUID:
    """Return the id of a source's project, which is the last part of its page's address."""
    return uuid.uuid5(_NAMES, source)


def set_damaged_aside(project: Project) -> list[Path]:
    """Move what is damaged of the history out of the way, or its page would not start.

    Returns
    -------
    Where each file is now.
    """
    with lock(project.locks / "evidently.lock", "another drift check"):
        kept = sorted(project.evidently.iterdir()) if project.evidently.is_dir() else []
        return [aside for one in kept for aside in _damaged_of(one)]


def _move(drafted: Path, target: Path, snapshot: str) -> None:
    for aside in _damaged_of(target):
        with step(f"the drift history is damaged: set aside as {aside}"):
            pass
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        drafted.rename(target)
        return
    (target / "snapshots").mkdir(exist_ok=True)
    if not (target / _ABOUT).exists():  # what people changed on it stays
        (drafted / _ABOUT).replace(target / _ABOUT)
    (drafted / "snapshots" / snapshot).replace(target / "snapshots" / snapshot)


def _damaged_of(target: Path) -> list[Path]:
    """Set aside what is no JSON of a source's history, and return where it is now."""
    if target.exists() and not target.is_dir():
        return []  # not ours
    files = (target / _ABOUT, *sorted((target / "snapshots").glob("*.json")))
    return [set_aside(file) for file in files if file.exists() and not _is_json(file)]


def _is_json(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_bytes()), dict)
    except (ValueError, RecursionError):
        return False


def _write_project(draft: Any, made: uuid.UUID, source: str) -> None:
    from evidently.sdk.models import PanelMetric, ProjectModel
    from evidently.sdk.panels import line_plot_panel

    description = "Each point is a check of one period against the champion's training."
    shown = draft.add_project(ProjectModel(id=made, name=source, description=description))
    for title, figures in _PANELS.items():
        values = [
            PanelMetric(metric="MeanValue", metric_labels={"column": figure}, legend=figure)
            for figure in figures
        ]
        shown.dashboard.add_panel(line_plot_panel(title=title, values=values, size="half"))


def _snapshot(evidently: Any, check: DriftCheck, subject: Subject, name: str) -> Any:
    """Return a check's figures as a table of one row, each column's mean a point on a panel."""
    from evidently.metrics import MeanValue

    figures = _figures(check, subject)
    row = evidently.Dataset.from_pandas(
        pd.DataFrame([figures]),
        data_definition=evidently.DataDefinition(numerical_columns=list(figures)),
    )
    title = harmless([name])[0]
    report = evidently.Report(
        [MeanValue(column=figure) for figure in figures],
        tags=["drift" if check.drifted else "no drift"],
        metadata={"model version": subject.version, "current": harmless([subject.title])[0]},
    )
    end = dt.datetime.now(dt.UTC) if subject.end is None else subject.end
    # Evidently compares times with its own, which have no zone.
    run = report.run(row, None, timestamp=end.astimezone(dt.UTC).replace(tzinfo=None), name=title)
    model = run.to_snapshot_model()
    for result in model.metric_results.values():
        result.widget = []  # 14 kB of a histogram of one value, each
    return model.copy(update={"widgets": _widgets(check, subject)})


def _figures(check: DriftCheck, subject: Subject) -> dict[str, float]:
    figures = {
        SHARE: check.share,
        SCORE: check.score_distance,
        ALERTS: subject.alert_rate,
        EXPECTED: subject.alert_p_value,
        ROWS: float(subject.rows),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _widgets(check: DriftCheck, subject: Subject) -> list[Any]:
    """Return what the check's own page shows: the verdict, and each column's distance."""
    from evidently.legacy.renderers.html_widgets import CounterData, counter, table_data

    shown = ranked(check.columns)[:_MOST_COLUMNS]
    names = harmless([one.column for one in shown])
    rows = [
        [name, measure(one), f"{one.statistic:.3f}", f"{one.threshold:.3f}",
         "drifted" if one.drifted else ""]
        for name, one in zip(names, shown, strict=True)
    ]  # fmt: skip
    facts = {
        "verdict": "drift" if check.drifted else "no drift",
        "drifted columns": f"{check.drifted_columns} of {len(check.columns)}",
        "observed alert rate": percent(subject.alert_rate),
        "rows": f"{subject.rows:,}",
        "model version": subject.version,
    }
    return [
        counter(title=check.verdict, counters=[CounterData(*fact) for fact in facts.items()]),
        table_data(
            title="Columns, farthest beyond the threshold first",
            column_names=["column", "distance measured", "distance", "threshold", ""],
            data=rows,
        ),
    ]


def import_evidently() -> Any:
    """Import Evidently quietly: it takes seconds, and warns of its own use of old NumPy names."""
    os.environ.setdefault("DO_NOT_TRACK", "1")  # it looks for this when it is imported
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import evidently
    return evidently
