"""What labels add: supervised baselines evaluated on the same test rows as the detectors.

A baseline learns from all labelled rows before the test, attacks included. How it is balanced is
chosen, and its threshold set, on scores of rows that the scoring copy had not seen (stratified
cross-validation); the test rows are touched once, as for the detectors. Its figures stand in a
table of their own and take no part in promotion.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.supervised_baselines import (
    BALANCES,
    SUPERVISED_BASELINES,
    attack_scores,
    build_baseline,
)
from oddwire.errors import DataError
from oddwire.evaluation.families import FamilyEvaluation, attack_families, evaluate_families
from oddwire.evaluation.metrics import Evaluation, evaluate
from oddwire.evaluation.observed import (
    ROWS,
    Observed,
    count_false_alarms,
    observe,
    with_observed,
)
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.intervals import Intervals, bootstrap_intervals
from oddwire.evaluation.uncertainty.resampling import affordable_resamples
from oddwire.operations.data.prepared import BEFORE_TEST, Prepared
from oddwire.operations.progress import progress, step
from oddwire.traffic.labels import attacks_of, labels_of
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.units import MINUTES

_FOLDS = 3
_MOST_ROWS = 100_000  # of each class; more rows teach a baseline nothing and take minutes


@dataclass(frozen=True, eq=False)
class BaselineReport:
    """How good a supervised baseline is.

    Parameters
    ----------
    baseline, balance
        What was fitted, and how the classes were made to count alike.
    validation_average_precision
        Of the cross-validated scores, by which the balance was chosen.
    test, intervals, families
        Figures on the test rows, and how sure they are.
    observed
        False alarms against the share of rows that the threshold was set for; None where no test
        row is known to be benign.
    fit_seconds
        Of the last fit.
    """

    baseline: str
    balance: str
    validation_average_precision: float
    test: Evaluation
    intervals: Intervals
    families: FamilyEvaluation
    observed: Observed | None
    scores: ScoredRows
    fit_seconds: float


def evaluate_baselines(
    prepared: Prepared,
    *,
    seed: int,
    share_of_rows: float,
    minutes: float = MINUTES,
    names: Sequence[str] = SUPERVISED_BASELINES,
) -> list[BaselineReport]:
    """Fit and evaluate supervised baselines.

    Parameters
    ----------
    share_of_rows
        How many benign rows may raise an alert.
    minutes
        How long a unit is.
    names
        Which, of `SUPERVISED_BASELINES`.

    Raises
    ------
    DataError
        If the rows before the test hold fewer than `_FOLDS` attacks or benign rows.
    """
    before = _labelled(
        pd.concat([prepared.part(name) for name in BEFORE_TEST], ignore_index=True), seed
    )
    labels = labels_of(before).astype(int)
    counts = np.bincount(labels, minlength=2)
    if counts.min() < _FOLDS:
        raise DataError(
            f"supervised baselines need at least {_FOLDS} attacks and {_FOLDS} benign rows before "
            f"the test, got {counts[1]} and {counts[0]}"
        )
    seen, reports = attack_families(labels, attacks_of(before)), []
    with step("evaluate supervised baselines", len(names)):
        for name in names:
            fitted = _fit(name, prepared.schema, before, labels, seed)
            benign = ConformalCalibration.fit(fitted.unseen[labels == 0])
            reports.append(_evaluate(
                name, fitted, prepared, threshold=benign.threshold(share_of_rows),
                share_of_rows=share_of_rows, minutes=minutes, seen=seen,
            ))  # fmt: skip
            progress().advance("evaluate supervised baselines", name)
    return reports


def _labelled(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return rows with a label, at most `_MOST_ROWS` of each."""
    labels = labels_of(rows)
    random = np.random.default_rng(seed)
    kept = []
    for label in (0, 1):
        members = np.flatnonzero(labels == label)
        if len(members) > _MOST_ROWS:
            members = random.choice(members, _MOST_ROWS, replace=False)
        kept.append(members)
    return rows.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A baseline, how it was balanced, and the scores of rows before the test by other copies."""

    baseline: Pipeline
    balance: str
    average_precision: float
    unseen: np.ndarray
    seconds: float


def _fit(
    name: str, schema: FeatureSchema, before: pd.DataFrame, labels: np.ndarray, seed: int
) -> _Fitted:
    tried = {
        balance: _unseen_scores(name, schema, balance, before, labels, seed) for balance in BALANCES
    }
    figures = {b: float(average_precision_score(labels, scores)) for b, scores in tried.items()}
    balance = max(figures, key=figures.__getitem__)
    begun = time.perf_counter()
    baseline = build_baseline(name, schema, balance=balance, seed=seed).fit(before, labels)
    seconds = time.perf_counter() - begun
    return _Fitted(baseline, balance, figures[balance], tried[balance], seconds)


def _evaluate(
    name: str, fitted: _Fitted, prepared: Prepared, *, threshold: float, share_of_rows: float,
    minutes: float, seen: frozenset[str],
) -> BaselineReport:  # fmt: skip
    test = prepared.part("test")
    scored = ScoredRows.of(test, attack_scores(fitted.baseline, test), minutes=minutes)
    evaluated = evaluate(
        scored.labels, scored.scores, threshold=threshold, alert_p_value=share_of_rows
    )
    found = count_false_alarms(scored, threshold, share_kept=prepared.share_kept)
    observed = None if found is None else observe(found, {ROWS: share_of_rows})
    intervals = bootstrap_intervals(
        scored.labels, scored.scores, evaluated, clusters=scored.clusters,
        families=scored.attack, resamples=affordable_resamples(len(scored.scores)),
    )  # fmt: skip
    families = evaluate_families(
        scored.labels, scored.scores, scored.attack,
        threshold=threshold, clusters=scored.clusters, seen=seen,
    )  # fmt: skip
    return BaselineReport(
        name, fitted.balance, fitted.average_precision, evaluated,
        with_observed(intervals, observed), families, observed, scored, fitted.seconds,
    )  # fmt: skip


def _unseen_scores(
    name: str,
    schema: FeatureSchema,
    balance: str,
    rows: pd.DataFrame,
    labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """Score each row by a copy that was fitted to the other folds."""
    scores = np.empty(len(rows))
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    for learnt, held_out in folds.split(rows, labels):
        baseline = build_baseline(name, schema, balance=balance, seed=seed)
        baseline.fit(rows.iloc[learnt], labels[learnt])
        scores[held_out] = attack_scores(baseline, rows.iloc[held_out])
    return scores
