"""What is kept of a training, a study, a trial and a drift check, as plain items.

Nothing here knows MLflow: every function yields items that a tracker keeps, so that what a run
shows can be read, and tested, without a server.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from oddwire.evaluation.clustering import CLUSTERING_INDICES
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
from oddwire.operations.comparison.trainings import Comparison, fingerprint_rows
from oddwire.operations.data.lineage import Lineage
from oddwire.operations.drift.verdict import DriftCheck
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.search.objective import in_words
from oddwire.operations.search.plans import StudyResult, TrialRecord
from oddwire.operations.tracking.items import (
    COMPARISON_FILE,
    LEADERBOARD_COLUMNS,
    LEADERBOARD_FILE,
    ROWS_FILE,
    SCORES_FILE,
    Figure,
    File,
    Item,
    Metrics,
    Parameters,
    Table,
    Tags,
    Text,
)
from oddwire.operations.training.baseline_comparison import (
    BaselineComparison,
    baselines_table,
    what_labels_add,
)
from oddwire.operations.training.fitting import DetectorReport, TestScores
from oddwire.operations.training.results import Validation
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
    relevant = {key: blocks[key] for key in ("seed", "split", "search", "alerts", "promotion")}
    relevant["source"] = blocks["sources"][source]
    yield Parameters({**_flat(relevant), **chosen})


def trial_items(trial: TrialRecord, criterion: str) -> Iterator[Item]:
    """Yield one trial."""
    yield Parameters(dict(trial.parameters))
    figures = {"average_precision": trial.average_precision, criterion: trial.value}
    yield Metrics({**figures, "seconds": trial.seconds})
    yield Tags({"trial_state": trial.state})
    if trial.error:
        yield Tags({"error": trial.error})


def study_items(study: StudyResult) -> Iterator[Item]:
    """Yield what a study found and how it got there."""
    yield Parameters(dict(study.parameters))
    states = [trial.state for trial in study.trials]
    yield Tags({"detector": study.detector, "criterion": study.criterion, "study": study.name})
    yield Tags({"choice": study.choice})
    yield Metrics({f"validation_{study.criterion}": study.value})
    yield Metrics({
        "trials_complete": states.count("complete"),
        "trials_pruned": states.count("pruned"),
        "trials_failed": states.count("failed"),
        "trials_resumed": study.resumed_trials,
        "search_seconds": sum(trial.seconds for trial in study.trials),
    })  # fmt: skip
    if study.trials:
        values = [trial.value for trial in study.trials]
        yield Figure(
            "plots/optimisation_history.png",
            curves.optimisation_history_figure(
                values,
                chosen=study.value,
                objective=f"{in_words(study.criterion)} on validation",
                title=study.detector,
            ),
        )


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
    name, rows = report.detector, TestScores.load(report.scores_file)
    labels, scores = rows.labels, rows.scores
    one = {name: (labels, scores)}
    yield Figure("plots/roc.png", curves.roc_curve_figure(one))
    yield Figure("plots/precision_recall.png", curves.precision_recall_figure(one))
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
        curves.score_histogram_figure(labels, scores, threshold=report.test.threshold, title=name),
    )
    if rows.p_values is not None:
        yield Figure(
            "plots/calibration.png",
            calibration_figure(
                {name: (labels, rows.p_values)},
                calibration_rows=report.calibration_rows,
                target_fpr=report.threshold_rule.get("target_fpr"),
            ),
        )


def training_items(reports: Sequence[DetectorReport], best: DetectorReport) -> Iterator[Item]:
    """Yield what the whole training came to: the best detector's figures and all side by side."""
    yield Tags({"best_detector": best.detector})
    yield Metrics(_figures(best))
    yield Metrics(best.intervals.figures())
    yield Metrics({f"{r.detector}_{m}": getattr(r.test, m) for r in reports for m in METRICS[:2]})
    rows = {report.detector: TestScores.load(report.scores_file) for report in reports}
    scored = {name: (test.labels, test.scores) for name, test in rows.items()}
    yield Figure("plots/roc.png", curves.roc_curve_figure(scored))
    yield Figure("plots/precision_recall.png", curves.precision_recall_figure(scored))
    families = {report.detector: report.families for report in reports}
    yield Figure("plots/families.png", family_heat_map_figure(families))
    told = "\n".join(strengths(reports).values())
    yield Text("reports/strengths.txt", f"{told}\n")


def strengths(reports: Sequence[DetectorReport]) -> dict[str, str]:
    """Return a sentence per detector on the families that it finds and misses."""
    return describe_strengths({report.detector: report.families for report in reports})


def baseline_items(compared: Sequence[BaselineComparison]) -> Iterator[Item]:
    """Yield what supervised baselines came to; they take no part in the leaderboard or a promotion."""
    told = "\n".join(what_labels_add(one) for one in compared)
    yield Tags({"supervised": "yes"})
    yield Table("baselines.json", pd.DataFrame(baselines_table(compared)))
    yield Text("reports/what_labels_add.txt", f"{told}\n")
    for one in (each.baseline for each in compared):
        yield Metrics({f"{one.baseline}_{name}": x for name, x in one.test.figures.items()})
        yield Text(
            f"reports/{one.baseline}.txt",
            evaluation_report(
                f"{one.baseline} (supervised) on the test rows",
                one.test,
                one.intervals,
                target_fpr=one.test.alert_p_value,
            ),  # fmt: skip
        )
        if len(one.families):
            yield Table(f"reports/{one.baseline}_families.json", one.families.to_frame())


def promotion_items(decision: PromotionDecision, version: str) -> Iterator[Item]:
    """Yield what was decided on a version, and why."""
    yield Tags(
        {"promotion": decision.outcome, "promotion_reason": decision.reason, "version": version}
    )
    yield Text("promotion.json", as_json(decision.to_dict()))


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


def rows_items(test: pd.DataFrame) -> Iterator[Item]:
    """Yield by which rows the detectors were evaluated, so that a later training can be paired."""
    yield Text(ROWS_FILE, as_json(fingerprint_rows(test)))


def comparison_items(comparison: Comparison) -> Iterator[Item]:
    """Yield how a training compares with an earlier one."""
    yield Tags({"compared_with": comparison.earlier})
    if comparison.detectors:
        yield Table(COMPARISON_FILE, comparison.to_frame())
    if comparison.unpaired:
        yield Tags({"not_paired": comparison.unpaired})


def drift_items(check: DriftCheck) -> Iterator[Item]:
    """Yield the verdict of a drift check."""
    yield Tags({"drifted": "yes" if check.drifted else "no", "verdict": check.verdict})
    yield Metrics({
        "share_of_drifted_columns": check.share,
        "drifted_columns": sum(column.drifted for column in check.columns),
        "reference_rows": check.reference_rows,
        "current_rows": check.current_rows,
    })  # fmt: skip
    yield Text("verdict.json", as_json(check.to_dict()))
    yield Table("columns.json", check.to_frame())


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


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def as_json(content: Any) -> str:
    """Return content as JSON for people: indented, keys in order."""
    return json.dumps(content, indent=2, sort_keys=True, default=str)
