"""A training under way and what it comes to, as values that tasks can hand on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import Any

import pandas as pd

from oddwire.detection.calibration.thresholds.rules import check_labels
from oddwire.detection.calibration.thresholds.targets import Target, target_of
from oddwire.evaluation import yardstick
from oddwire.evaluation.campaigns.result import CampaignEvaluation
from oddwire.evaluation.families import FamilyEvaluation
from oddwire.evaluation.metrics import Evaluation
from oddwire.evaluation.observed import Observed, with_observed
from oddwire.evaluation.plots.calibration import Levels
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.intervals import Intervals, bootstrap_intervals
from oddwire.evaluation.uncertainty.resampling import affordable_resamples
from oddwire.evaluation.without_labels.clustering import ClusteringIndices
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.search.plans import StudyPlan, StudyResult
from oddwire.operations.tracking.items import DatasetInput
from oddwire.operations.tracking.store import Tracking
from oddwire.params import Params
from oddwire.project import Project
from oddwire.traffic.units import units_of


@dataclass(frozen=True)
class Training:
    """A training under way.

    Parameters
    ----------
    params
        The settings as they were when it began.
    trials
        Finished trials that each study is to reach.
    data_digest
        SHA-256 of the prepared parts.
    train
        Feature frame that the detectors are fitted to.
    left_out
        Rows of the training part that are not in it: see `oddwire.detection.contamination`.
    ranking
        Feature columns, the most telling first, where the search is to select among them.
    stopped
        Set when the training ends early: studies begin no further trial.
    inputs
        What it and its studies read, for MLflow.
    store
        MLflow, which it can do without until its end: see `raise_if_lost`.
    """

    root: Path
    source: str
    run_id: str
    params: Params
    trials: int
    data_digest: str
    prepared: Prepared = field(repr=False, compare=False)
    train: pd.DataFrame = field(repr=False, compare=False)
    left_out: int = 0
    ranking: tuple[str, ...] = ()
    stopped: Event = field(default_factory=Event, compare=False, repr=False)
    inputs: tuple[DatasetInput, ...] = field(default=(), repr=False)
    store: Tracking | None = field(default=None, compare=False, repr=False)

    @property
    def project(self) -> Project:
        """Where things lie."""
        return Project(self.root)

    @property
    def target(self) -> Target | None:
        """What is promised of false alarms; None where the rule of the threshold has no target.

        Raises
        ------
        ParameterError
            If the rule of the threshold cannot be applied to the source.
        """
        alerts, known = self.params.alerts, self.prepared.description["split"]["validation"]
        check_labels(alerts, attacks=known["attacks"], benign=known["benign"])
        units = units_of(self.prepared.part("calibration"), minutes=alerts.unit_minutes)
        return target_of(
            alerts, kind=units.kind, timed=self.prepared.days("calibration") is not None
        )

    @property
    def workplace(self) -> Path:
        """Folder for models that are being made."""
        return self.project.root / "data" / "work" / self.source / self.run_id

    def tracking(self) -> Tracking:
        """Return MLflow: what is written to it is left out once it was lost."""
        return self.store or Tracking.connect(self.project)

    def raise_if_lost(self) -> None:
        """Raise why MLflow was lost, for what must be told to it.

        Raises
        ------
        ServiceError
            If it was lost since the training began.
        """
        if self.store is not None and self.store.outage is not None:
            self.store.outage.raise_if_lost()

    def plan(self, detector: str) -> StudyPlan:
        """Return what the study of a detector is to do."""
        params = self.params
        return StudyPlan(
            self.source, detector, self.trials, params.search.timeout, params.seed,
            f"{self.data_digest} without {self.left_out}", self.ranking,
        )  # fmt: skip


@dataclass(frozen=True)
class Searched:
    """A study and the run that shows it."""

    study: StudyResult
    run_id: str


@dataclass(frozen=True)
class Validation:
    """What a fitted detector is worth on the validation rows, and by which criterion."""

    criterion: str
    value: float


@dataclass(frozen=True)
class DetectorReport:
    """How good a fitted detector is.

    Parameters
    ----------
    test, before_test
        Figures on the test rows, and on all rows before them.
    families
        Figures per attack family on the test rows.
    campaigns
        Figures per campaign on the test rows; of none where campaigns are not known.
    scored
        The test rows' scores, for pictures and comparisons.
    scores_file
        Where they lie as well, to be kept with the run.
    rows_per_second
        Rows scored per second, preprocessing and p-values included.
    megabytes
        Size of the saved model.
    calibration_rows
        Benign rows that the p-values and the threshold were made of.
    before_parts
        Rows of each label in each part before the test.
    dropped
        Rows that are in no part, or were left out of training.
    threshold_rule
        The rule of the threshold and what it was made of, as the model keeps them.
    observed
        False alarms on the test rows against the target; None where no row is known to be benign.
    alerts
        How many alerts the test rows raise, in words, where none of them is known to be benign.
    verdicts
        How many labels are people's, in words; empty where none is.
    unit_levels
        P-values of the benign test units; None where rows have no units.
    clustering
        How well the groups of a clustering detector are set apart; None for any other.
    """

    detector: str
    test: Evaluation
    before_test: Evaluation
    families: FamilyEvaluation
    campaigns: CampaignEvaluation
    scored: ScoredRows = field(repr=False, compare=False)
    scores_file: Path
    rows_per_second: float
    fit_seconds: float
    megabytes: float
    calibration_rows: int
    before_parts: Mapping[str, Mapping[str, int]]
    dropped: int
    threshold_rule: Mapping[str, Any] = field(default_factory=dict)
    observed: Observed | None = None
    alerts: str = ""
    verdicts: str = ""
    unit_levels: Levels | None = field(default=None, repr=False, compare=False)
    clustering: ClusteringIndices | None = None

    @cached_property
    def yardstick(self) -> float | None:
        """What it is worth on the test rows; None where they do not hold both classes."""
        return yardstick.value(self.scored)

    @cached_property
    def intervals(self) -> Intervals:
        """How sure the figures on the test rows are; of false alarms as `observed` has it."""
        rows = self.scored
        resamples = affordable_resamples(len(rows.scores))
        drawn = bootstrap_intervals(
            rows.labels, rows.scores, self.test,
            clusters=rows.clusters, families=rows.attack, resamples=resamples,
        )  # fmt: skip
        return with_observed(drawn, self.observed)


@dataclass(frozen=True)
class EvaluatedDetector:
    """A fitted detector's model on disk, its figures, and the run that holds them.

    ``digest`` is the SHA-256 of the model's manifest; ``validation`` is None where too few
    validation rows are labelled attacks to measure it.
    """

    searched: Searched
    folder: Path
    digest: str
    report: DetectorReport
    validation: Validation | None

    @property
    def detector(self) -> str:
        """Its name."""
        return self.report.detector

    @property
    def on_validation(self) -> dict[str, Any]:
        """What its row of a leaderboard says of the validation rows."""
        mine = self.validation
        return {
            "validation": None if mine is None else mine.value,
            "criterion": None if mine is None else mine.criterion,
        }


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    Parameters
    ----------
    leaderboard
        A row per detector: `records.leaderboard_row`, marked by `comparison.leaderboard.marked`.
    version, detector
        Of the best one, the challenger.
    failed
        Why detectors had to be left out.
    supervised_baselines
        What labels add.
    champion
        Number of the version that is champion after the training, None where none is.
    choice
        By what the best one was chosen, and what the test rows say of it.
    name, link
        Of the training's run in MLflow, and where the page shows it.
    compare_link
        Where the page shows its detectors side by side; empty where there is one alone.
    shared_rows
        What must be said of test rows that also occur before the test part; empty for nothing.
    cut_campaigns
        What must be said of campaigns that the split cut in two; empty for nothing.
    suspects
        Columns that look like identifiers or give the label away, as `find_suspects` names them.
    drop_line
        The line of the source's block that leaves them out; empty where there are none, or its
        columns cannot be chosen.
    """

    source: str
    run_id: str
    leaderboard: tuple[dict[str, Any], ...]
    version: str
    detector: str
    promoted: bool
    reason: str
    failed: dict[str, str] = field(default_factory=dict)
    supervised_baselines: tuple[str, ...] = ()
    champion: str | None = None
    choice: str = ""
    name: str = ""
    link: str = ""
    compare_link: str = ""
    shared_rows: str = ""
    cut_campaigns: str = ""
    suspects: tuple[dict[str, str], ...] = ()
    drop_line: str = ""
