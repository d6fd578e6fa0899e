"""A study as plain values: what to search, what became of each trial, what was found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

from oddwire import __version__
from oddwire.detection.detectors import search_space
from oddwire.detection.search_space import HyperParameters


@dataclass(frozen=True)
class TrialRecord:
    """What became of one trial."""

    number: int
    state: str  # complete, pruned or failed
    value: float | None
    parameters: HyperParameters
    seconds: float
    average_precision: float | None = None
    error: str | None = None


@dataclass(frozen=True)
class StudyResult:
    """What a study found."""

    name: str
    detector: str
    criterion: str
    value: float | None
    parameters: HyperParameters
    trials: tuple[TrialRecord, ...]
    resumed_trials: int


@dataclass(frozen=True)
class StudyPlan:
    """What to search, and how long.

    Parameters
    ----------
    source, detector
        What is searched.
    trials
        Finished trials to reach, those of a resumed study counted in; 0 takes the defaults.
    timeout
        Seconds after which no new trial begins.
    seed
        Seeds the sampler and every fit.
    data
        Digest of the rows, part of the fingerprint.
    """

    source: str
    detector: str
    trials: int
    timeout: float
    seed: int
    data: str

    @property
    def fingerprint(self) -> str:
        """Digest of all that the values of the study depend on, but for its length."""
        space = {name: repr(dim) for name, dim in search_space(self.detector).items()}
        content = {k: v for k, v in asdict(self).items() if k not in {"trials", "timeout"}}
        text = json.dumps([__version__, content, space], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


OnTrial = Callable[[TrialRecord], None]
