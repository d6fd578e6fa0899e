"""What is kept in MLflow of a training and its detectors, as plain items.

Nothing here knows MLflow: every function yields items that a tracker keeps, so that what a run
shows can be read, and tested, without a server.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from oddwire.evaluation.metrics import METRICS
from oddwire.evaluation.plots import curves
from oddwire.evaluation.plots.calibration import calibration_figure
from oddwire.evaluation.plots.families import family_heat_map_figure
from oddwire.evaluation.reports import (
    evaluation_report,
    parts_report,
    target_verdict,
    threshold_line,
)
from oddwire.evaluation.strengths import describe_strengths
from oddwire.evaluation.without_labels.clustering import CLUSTERING_INDICES
from oddwire.operations.comparison.training_history import (
    LEADERBOARD_COLUMNS,
    LEADERBOARD_FILE,
    SCORES_FILE,
)
from oddwire.operations.data.lineage import Lineage
from oddwire.operations.tracking.items import (
    Figure,
    File,
    Item,
    Metrics,
    Parameters,
    Table,
    Tags,
    Text,
    as_json,
)
from oddwire.operations.training.results import DetectorReport, Validation
from oddwire.params import Params


def lineage_items(lineage: Lineage, params: Params) -> Iterator[Item]:
    """Yield where a training comes from."""
    resolved = params.model_dump(mode="json")
    yield Tags(lineage.tags())
    yield Text("lineage/params.json", as_json(resolved))
    yield Text("lineage/dvc.lock.json", as_json(lineage.dvc_lock))
    yield Text("lineage/versions.json", as_json(lineage.versions))
    if lineage.git_diff:
        yield Text("lineage/git.diff", lineage.git_diff)


def settings_items(params: Params, source: str, **chosen: Any) -> Iterator[Item]:
    """Yield the settings that a training resolved, flat, so that two runs can be compared."""
    blocks = params.model_dump(mode="json")
    relevant = {
        key: blocks[key] for key in ("seed", "split", "training", "search", "alerts", "promotion")
    }
    relevant["source"] = blocks["sources"][source]
    (flat,) = pd.json_normalize(relevant).to_dict("records")
    yield Parameters({**{str(key): value for key, value in flat.items()}, **chosen})


def validation_items(validation: Validation) -> Iterator[Item]:
    """Yield what a detector is worth on the validation rows, by which the best is chosen."""
    yield Metrics({f"validation_{validation.criterion}": validation.value})


def detector_items(report: DetectorReport) -> Iterator[Item]:
    """Yield how good one detector is: figures, pictures and reports."""
    name, test = report.detector, report.test
    yield Metrics({**_figures(report), **report.intervals.figures()})
    yield Text("intervals.json", as_json(report.intervals.to_dict()))
    if test.undefined:
        yield Text("undefined_metrics.json", as_json(dict(test.undefined)))
    yield from detector_figures(report)
    rule = report.threshold_rule
    target_fpr = rule.get("target_fpr")
    on_test = evaluation_report(
        f"{name} on the test rows", test, report.intervals,
        target_fpr=target_fpr, calibration_rows=report.calibration_rows or None,
    )  # fmt: skip
    yield Text("reports/test.txt", on_test + threshold_line(rule))
    if rule:
        yield Tags({"threshold_rule": str(rule["rule"])})
        yield Text("threshold.json", as_json(dict(rule)))
    before = evaluation_report(f"{name} before the test", report.before_test, target_fpr=target_fpr)
    parts = parts_report(report.before_parts, report.dropped)
    yield Text("reports/train.txt", f"{before}\n{parts}")
    families = report.families.to_frame()
    if len(families):
        yield Table("reports/families.json", families)
    if report.clustering is not None:
        indices = report.clustering.to_dict()
        yield Metrics({name: indices[name] for name in CLUSTERING_INDICES})
        yield Text("clustering.json", as_json(indices))
    yield File(SCORES_FILE, report.scores_file)


def detector_figures(report: DetectorReport) -> Iterator[Item]:
    """Yield the pictures of one detector."""
    name, rows = report.detector, report.scored
    labels, scores = rows.labels, rows.scores
    one, thresholds = {name: (labels, scores)}, {name: report.test.threshold}
    target_fpr = report.threshold_rule.get("target_fpr")
    yield Figure(
        "plots/roc.png",
        curves.roc_curve_figure(one, thresholds=thresholds, target_fpr=target_fpr),
    )
    yield Figure(
        "plots/precision_recall.png", curves.precision_recall_figure(one, thresholds=thresholds)
    )
    yield Figure(
        "plots/confusion_test.png",
        curves.confusion_figure(report.test.confusion, title=f"{name}: test rows"),
    )
    yield Figure(
        "plots/confusion_train.png",
        curves.confusion_figure(
            report.before_test.confusion, title=f"{name}: rows before the test"
        ),
    )
    yield Figure(
        "plots/scores.png",
        curves.score_histogram_figure(
            labels,
            scores,
            threshold=report.test.threshold,
            title=f"{name}: anomaly scores, test rows",
        ),
    )
    if rows.p_values is not None:
        yield Figure(
            "plots/calibration.png",
            calibration_figure(
                {name: (labels, rows.p_values)},
                calibration_rows=report.calibration_rows,
                target_fpr=target_fpr,
            ),
        )


def training_items(reports: Sequence[DetectorReport], best: DetectorReport) -> Iterator[Item]:
    """Yield what the whole training came to: the best detector's figures and all side by side."""
    yield Tags({"best_detector": best.detector})
    yield Metrics(_figures(best))
    yield Metrics(best.intervals.figures())
    yield Metrics({f"{r.detector}_{m}": getattr(r.test, m) for r in reports for m in METRICS[:2]})
    scored = {each.detector: (each.scored.labels, each.scored.scores) for each in reports}
    thresholds = {each.detector: each.test.threshold for each in reports}
    target_fpr = best.threshold_rule.get("target_fpr")
    yield Figure(
        "plots/roc.png",
        curves.roc_curve_figure(scored, thresholds=thresholds, target_fpr=target_fpr),
    )
    yield Figure(
        "plots/precision_recall.png", curves.precision_recall_figure(scored, thresholds=thresholds)
    )
    families = {report.detector: report.families for report in reports}
    yield Figure("plots/families.png", family_heat_map_figure(families))
    sentences = "\n".join(strengths(reports).values())
    yield Text("reports/strengths.txt", f"{sentences}\n")


def strengths(reports: Sequence[DetectorReport]) -> dict[str, str]:
    """Return a sentence per detector on the families that it finds and misses."""
    return describe_strengths({report.detector: report.families for report in reports})


def leaderboard_row(report: DetectorReport, run: str, version: str) -> dict[str, Any]:
    """Return one detector's row of the leaderboard."""
    figures = {**_figures(report), "detector": report.detector, "run_id": run}
    row = {name: figures.get(name) for name in LEADERBOARD_COLUMNS}
    row |= {"model_version": version, "fit_seconds": report.fit_seconds}
    target_fpr = report.threshold_rule.get("target_fpr")
    row["target_fpr"] = target_fpr
    row["alert_p_value"] = report.test.alert_p_value
    row["target_verdict"] = target_verdict(report.test, target_fpr, report.calibration_rows or None)
    row["intervals"] = report.intervals.to_dict()["bounds"]
    undefined = {name: why for name, why in report.test.undefined.items() if name in row}
    if row["threshold"] is None:
        undefined["threshold"] = (
            "so few different calibration scores cannot show a false-positive rate of "
            f"{report.test.alert_p_value:.3g}: no score raises an alert"
        )
    return row | dict(report.test.recalls_at_fpr) | {"undefined": undefined}


def leaderboard_items(rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """Yield the leaderboard, for machines and for the MLflow page."""
    yield Text(LEADERBOARD_FILE, as_json(list(rows)))
    shown = [{key: row[key] for key in LEADERBOARD_COLUMNS} for row in rows]
    yield Table("leaderboard_table.json", pd.DataFrame(shown).astype(object))


def _figures(report: DetectorReport) -> dict[str, float | None]:
    threshold = report.test.threshold
    return report.test.figures | {
        "threshold": threshold if math.isfinite(threshold) else None,
        "target_fpr": report.threshold_rule.get("target_fpr"),
        "alert_p_value": report.test.alert_p_value,
        "rows_per_second": report.rows_per_second,
        "fit_seconds": report.fit_seconds,
        "model_megabytes": report.megabytes,
    }
