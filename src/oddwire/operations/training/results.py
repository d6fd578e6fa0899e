"""A training under way and what it comes to, as values that tasks can hand on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from oddwire.detection.calibration.threshold_rules import check_labels, target_fpr_of
from oddwire.operations.search.plans import StudyPlan, StudyResult
from oddwire.operations.tracking.store import Tracking
from oddwire.operations.training.fitting import DetectorReport, FittedModel, Prepared
from oddwire.params import Params
from oddwire.project import Project


@dataclass(frozen=True)
class Training:
    """A training under way.

    Parameters
    ----------
    root
        The project's folder.
    source
        What is trained on.
    run_id
        Id of its MLflow run.
    params
        The settings as they were when it began.
    trials
        Finished trials that each study is to reach.
    data_digest
        SHA-256 of the prepared parts.
    ranking
        Feature columns, the most telling first, where the search is to select among them.
    stopped
        Set when the training ends early: studies begin no further trial.
    """

    root: Path
    source: str
    run_id: str
    params: Params
    trials: int
    data_digest: str
    ranking: tuple[str, ...] = ()
    stopped: Event = field(default_factory=Event, compare=False, repr=False)

    @property
    def project(self) -> Project:
        """Where things lie."""
        return Project(self.root)

    @property
    def prepared(self) -> Prepared:
        """The split parts."""
        return Prepared(self.project.prepared(self.source))

    @property
    def target_fpr(self) -> float | None:
        """Share of benign connections that may raise an alert; None where the rule has no target.

        Raises
        ------
        ParameterError
            If the rule of the threshold cannot be applied to the source.
        """
        alerts, known = self.params.alerts, self.prepared.description["split"]["validation"]
        check_labels(alerts, attacks=known["attacks"], benign=known["benign"])
        return target_fpr_of(alerts, self.prepared.connections_per_day)

    @property
    def workplace(self) -> Path:
        """Folder for models that are being made."""
        return self.project.root / "data" / "work" / self.source / self.run_id

    def tracking(self) -> Tracking:
        """Connect to MLflow."""
        return Tracking.connect(self.project)

    def plan(self, detector: str) -> StudyPlan:
        """Return what the study of a detector is to do."""
        params = self.params
        return StudyPlan(
            self.source, detector, self.trials, params.search.timeout, params.seed,
            self.data_digest, self.ranking,
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
class EvaluatedDetector:
    """A fitted detector, its figures, and the run that holds them."""

    searched: Searched
    fitted: FittedModel
    report: DetectorReport
    validation: Validation

    @property
    def detector(self) -> str:
        """Its name."""
        return self.fitted.detector


@dataclass(frozen=True)
class TrainingResult:
    """What a training came to.

    ``failed`` says why of the detectors that had to be left out, ``baselines`` what labels add.
    """

    source: str
    run_id: str
    leaderboard: tuple[dict[str, Any], ...]
    version: str
    detector: str
    promoted: bool
    reason: str
    failed: dict[str, str] = field(default_factory=dict)
    baselines: tuple[str, ...] = ()
