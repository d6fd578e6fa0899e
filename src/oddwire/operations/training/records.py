"""What is kept in MLflow of a training and its detectors, as plain items.

Nothing here knows MLflow: every function yields items that a tracker keeps, so that what a run
shows can be read, and tested, without a server.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from oddwire.detection.calibration.thresholds.targets import Target, target_in_words
from oddwire.evaluation import yardstick
from oddwire.evaluation.campaigns.report import campaign_report
from oddwire.evaluation.observed import INCIDENTS, ROWS, UNITS, target_of
from oddwire.evaluation.plots import curves
from oddwire.evaluation.plots.calibration import calibration_figure
from oddwire.evaluation.plots.campaigns import campaign_figure
from oddwire.evaluation.plots.families import family_heat_map_figure
from oddwire.evaluation.reports import (
    evaluation_report,
    parts_report,
    threshold_line,
)
from oddwire.evaluation.strengths import describe_strengths
from oddwire.evaluation.target_lines import target_sentence
from oddwire.evaluation.threshold_notes import threshold_notes
from oddwire.evaluation.without_labels.clustering import CLUSTERING_INDICES
from oddwire.operations.comparison.training_history import (
    BEST,
    LEADERBOARD_COLUMNS,
    LEADERBOARD_FILE,
    SCORES_FILE,
)
from oddwire.operations.data.lineage import Lineage
from oddwire.operations.data.prepared import BEFORE_TEST, Prepared
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.tracking.items import (
    DatasetInput,
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
from oddwire.params.stage_settings import OF_NO_STAGE

_HEADLINE = (
    "average_precision", "roc_auc", "f1", "precision", "recall", "recall_at_fpr",
    INCIDENTS, UNITS, "false_positive_rate", "rows_per_second",
)  # fmt: skip


def lineage_items(lineage: Lineage, params: Params) -> Iterator[Item]:
    """Yield where a training comes from."""
    resolved = params.model_dump(mode="json")
    yield Tags(lineage.tags())
    yield Text("lineage/params.json", as_json(resolved))
    yield Text("lineage/dvc.lock.json", as_json(lineage.dvc_lock))
    yield Text("lineage/versions.json", as_json(lineage.versions))
    if lineage.git_diff:
        yield Text("lineage/git.diff", lineage.git_diff)


def dataset_inputs(lineage: Lineage, prepared: Prepared, source: str) -> tuple[DatasetInput, ...]:
    """Return what a training and its studies read: DVC's hash tells one version from another."""
    outputs = lineage.dvc_lock.get(f"prepare@{source}", {}).get("outs", [])
    digest = next((str(each["md5"]) for each in outputs if "md5" in each), lineage.data_digest)
    rows, schema = prepared.description["split"], prepared.schema
    columns = dict.fromkeys(schema.numeric, "double") | dict.fromkeys(schema.categorical, "string")
    counts = {
        source: ("training", sum(rows[part]["rows"] for part in BEFORE_TEST)),
        f"{source} test rows": ("test", rows["test"]["rows"]),
    }
    return tuple(
        DatasetInput(name, digest, context, f"data/prepared/{source}", count, columns)
        for name, (context, count) in counts.items()
    )


def settings_items(
    params: Params,
    source: str,
    *,
    trials: int,
    detectors: Sequence[str],
    target: Target | None,
) -> Iterator[Item]:
    """Yield the settings in effect for a training, flat, so that two runs can be compared.

    Parameters
    ----------
    trials, detectors
        What this training searches, whatever ``params.yaml`` has.
    target
        What is promised of false alarms; None where the rule of the threshold has no target.
    """
    blocks = params.model_dump(mode="json")
    relevant = {
        key: blocks[key] for key in ("seed", "split", "training", "search", "alerts", "promotion")
    }
    relevant["source"] = {
        key: value for key, value in blocks["sources"][source].items() if key not in OF_NO_STAGE
    }
    relevant["search"] |= {"trials": trials, "detectors": ",".join(detectors)}
    relevant["alerts"] |= {"target": target and target.to_dict()}
    (flat,) = pd.json_normalize(relevant).to_dict("records")
    yield Parameters({str(key): value for key, value in flat.items() if value is not None})


def detector_items(report: DetectorReport, validation: Validation | None) -> Iterator[Item]:
    """Yield how good one detector is: figures, pictures and reports."""
    name, test = report.detector, report.test
    yield Metrics(headline_figures(report, validation))
    yield Text("figures.json", as_json(all_figures(report)))
    yield Text("intervals.json", as_json(report.intervals.to_dict()))
    if test.undefined:
        yield Text("undefined_metrics.json", as_json(dict(test.undefined)))
    yield from detector_figures(report)
    rule = report.threshold_rule
    on_test = evaluation_report(
        f"{name} on the test rows", test, report.intervals, observed=report.observed
    )  # fmt: skip
    alerts = f"alerts: {report.alerts}\n" if report.alerts else ""
    labels = f"labels: {report.verdicts}\n" if report.verdicts else ""
    reports = [on_test + alerts + labels + threshold_line(rule), campaign_report(report.campaigns)]
    yield Text("reports/test.txt", "\n".join(filter(None, reports)))
    yield from campaign_items(report)
    if rule:
        yield Tags({"threshold_rule": str(rule["rule"])})
        yield Text("threshold.json", as_json(dict(rule)))
    before = evaluation_report(f"{name} before the test", report.before_test)
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
    target = _marked_target(report)
    yield Figure(
        "plots/roc.png",
        lambda: curves.roc_curve_figure(one, thresholds=thresholds, target=target),
    )
    yield Figure(
        "plots/precision_recall.png",
        lambda: curves.precision_recall_figure(one, thresholds=thresholds),
    )
    yield Figure(
        "plots/confusion_test.png",
        lambda: curves.confusion_figure(report.test.confusion, title=f"{name}: test rows"),
    )
    yield Figure(
        "plots/confusion_train.png",
        lambda: curves.confusion_figure(
            report.before_test.confusion, title=f"{name}: rows before the test"
        ),
    )
    yield Figure(
        "plots/scores.png",
        lambda: curves.score_histogram_figure(
            labels,
            scores,
            threshold=report.test.threshold,
            title=f"{name}: anomaly scores, test rows",
        ),
    )
    if rows.p_values is not None:
        yield Figure(
            "plots/calibration.png",
            lambda: calibration_figure(
                {name: (labels, rows.p_values)},
                clusters=rows.clusters,
                units=report.unit_levels,
                calibration_rows=report.calibration_rows,
                target=target,
            ),
        )


def _marked_target(report: DetectorReport) -> tuple[float, str] | None:
    """Return where pictures mark the target, and its words."""
    target = target_of(report.threshold_rule)
    return (report.test.alert_p_value, target_in_words(target)) if target else None


def campaign_items(report: DetectorReport) -> Iterator[Item]:
    """Yield which campaigns one detector finds, where campaigns are known."""
    campaigns = report.campaigns
    if not len(campaigns):
        return
    figures = campaigns.figures()
    yield Metrics({name: value for name, value in figures.items() if name != "campaigns"})
    yield Table("reports/campaigns.json", campaigns.to_frame())
    title = f"{report.detector}: campaigns, test rows"
    yield Figure("plots/campaigns.png", lambda: campaign_figure(campaigns, title=title))


def training_items(
    reports: Sequence[DetectorReport], best: DetectorReport, validation: Validation | None
) -> Iterator[Item]:
    """Yield what the whole training came to: the best detector's figures and all side by side.

    Parameters
    ----------
    validation
        What the best one is worth on the validation rows.
    """
    yield Tags({BEST: best.detector})
    yield Metrics(headline_figures(best, validation))
    yield Text("intervals.json", as_json(best.intervals.to_dict()))
    scored = {each.detector: (each.scored.labels, each.scored.scores) for each in reports}
    thresholds = {each.detector: each.test.threshold for each in reports}
    target = _marked_target(best)
    yield Figure(
        "plots/roc.png",
        lambda: curves.roc_curve_figure(scored, thresholds=thresholds, target=target),
    )
    yield Figure(
        "plots/precision_recall.png",
        lambda: curves.precision_recall_figure(scored, thresholds=thresholds),
    )
    families = {report.detector: report.families for report in reports}
    yield Figure("plots/families.png", lambda: family_heat_map_figure(families))
    yield from campaign_items(best)
    sentences = "\n".join(strengths(reports).values())
    yield Text("reports/strengths.txt", f"{sentences}\n")


def strengths(reports: Sequence[DetectorReport]) -> dict[str, str]:
    """Return a sentence per detector on the families that it finds and misses."""
    return describe_strengths({report.detector: report.families for report in reports})


def leaderboard_row(report: DetectorReport, run: str, version: str) -> dict[str, Any]:
    """Return one detector's row of the leaderboard."""
    figures = {**all_figures(report), "detector": report.detector, "run_id": run}
    row: dict[str, Any] = {name: figures.get(name) for name in LEADERBOARD_COLUMNS}
    row |= {"model_version": version, "fit_seconds": report.fit_seconds}
    row["target"] = target_of(report.threshold_rule)
    seen = report.observed
    row["observed"] = seen and seen.to_dict()
    row["target_verdict"] = seen and seen.verdict
    row["target_sentence"] = target_sentence(seen) if seen else ""
    alerts = [f"on the test rows, {report.alerts}"] if report.alerts else []
    row["threshold_notes"] = [*alerts, *threshold_notes(report.threshold_rule)]
    row["alert_p_value"] = report.test.alert_p_value
    row["intervals"] = report.intervals.to_dict()["bounds"]
    missing = {**report.test.undefined, **report.campaigns.undefined()}
    undefined = {name: why for name, why in missing.items() if name in row}
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


def headline_figures(
    report: DetectorReport, validation: Validation | None
) -> dict[str, float | None]:
    """Return the few figures that trainings and studies are sorted and compared by.

    The yardstick is the first, since MLflow's page compares runs by the first metric.
    """
    every = all_figures(report)
    return {
        yardstick.NAME: every[yardstick.NAME],
        **({} if validation is None else {f"validation_{validation.criterion}": validation.value}),
        **{name: every[name] for name in _HEADLINE if name in every},
        **_target_metrics(report),
    }


def all_figures(report: DetectorReport) -> dict[str, float | None]:
    """Return every figure of a detector on the test rows, by name."""
    threshold = report.test.threshold
    return {
        yardstick.NAME: report.yardstick,
        **report.test.figures,
        **report.campaigns.figures(),
        "threshold": threshold if math.isfinite(threshold) else None,
        **_observed_figures(report),
        "alert_p_value": report.test.alert_p_value,
        "rows_per_second": report.rows_per_second,
        "fit_seconds": report.fit_seconds,
        "model_megabytes": report.megabytes,
    }


def _observed_figures(report: DetectorReport) -> dict[str, float]:
    rates = report.observed.rates if report.observed else ()
    return {rate.name: rate.value for rate in rates if rate.name != ROWS}


def _target_metrics(report: DetectorReport) -> dict[str, float]:
    return {f"target_{name}": value for name, value in target_of(report.threshold_rule).items()}


def detector_name(report: DetectorReport) -> str:
    """Return how a run's name begins once its detector is evaluated."""
    # The figure before its name: MLflow's table shows about twenty letters of a name.
    figure = report.yardstick
    return report.detector + ("" if figure is None else f" {figure:.2f} {yardstick.HEAD}")


def training_name(
    best: DetectorReport, version: str, decision: PromotionDecision, champion: str | None
) -> str:
    """Return how a training's name begins: the best detector, and what came of its version.

    Parameters
    ----------
    champion
        Number of the version that is champion now, None where none is.
    """
    if decision.promote:
        outcome = f"v{version} promoted"
    elif champion is not None and decision.checks:
        outcome = f"v{champion} kept champion"
    else:
        outcome = f"v{version} {decision.outcome}"
    return f"{detector_name(best)} · {outcome}"
