"""A study as plain values: what to search, what became of each trial, what was found."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, median_low, stdev

from oddwire import __version__
from oddwire.detection.detectors import default_parameters, search_space
from oddwire.detection.search_space import HyperParameters

_FEWEST_KINDS = 3


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
    by_kind: tuple[float, ...] = ()


@dataclass(frozen=True)
class StudyResult:
    """What a study found; `choice` says in words why it is these parameters."""

    name: str
    detector: str
    criterion: str
    value: float | None
    parameters: HyperParameters
    trials: tuple[TrialRecord, ...]
    resumed_trials: int
    choice: str = "the defaults, without a search"


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
    ranking
        Feature columns, the most telling first, where trials may choose how many to use.
    """

    source: str
    detector: str
    trials: int
    timeout: float
    seed: int
    data: str
    ranking: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Digest of the plan but for its length, of the search space and of the defaults."""
        space = {name: repr(dim) for name, dim in search_space(self.detector).items()}
        content = {k: v for k, v in asdict(self).items() if k not in {"trials", "timeout"}}
        defaults = default_parameters(self.detector)
        text = json.dumps([__version__, content, space, defaults], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def choose_trial(trials: Sequence[TrialRecord], start: HyperParameters) -> tuple[TrialRecord, str]:
    """Choose among finished trials: the best one that is ahead of the defaults by more than luck.

    A search looks at a few attack families, and the next attack will be of another: so families,
    not rows, are what the gain over the defaults is averaged over, and a gain within one standard
    error of that mean is no reason to leave them (the one-standard-error rule of Breiman,
    Friedman, Olshen & Stone 1984, *Classification and regression trees*, section 3.4.3). An error
    over a dozen families is itself uncertain, and of many trials the one with the smallest error
    by luck would pass: so no trial is taken to be surer than the median trial. Where there are
    fewer than three kinds of oddity, there is no such error, and the best value wins.

    Parameters
    ----------
    trials
        Trials with a value, at least one.
    start
        The defaults, which one of them tried.

    Returns
    -------
    The trial, and why.
    """
    ranked = sorted(trials, key=lambda trial: (-(trial.value or 0.0), trial.number))
    best = ranked[0]
    defaults = next((trial for trial in trials if dict(trial.parameters) == dict(start)), None)
    if defaults is None or len(defaults.by_kind) < _FEWEST_KINDS:
        return best, f"trial {best.number} has the best value"
    gains = {trial.number: _gain(trial, defaults) for trial in trials if trial is not defaults}
    usual = median_low(error for _, error in gains.values()) if gains else 0.0
    for trial in ranked:
        if trial is defaults:
            break
        gain, error = gains[trial.number]
        if gain > max(error, usual):
            return trial, (
                f"trial {trial.number} is ahead of the defaults by {gain:.4f}, "
                f"standard error {error:.4f} over {len(defaults.by_kind)} kinds of oddity"
            )
    if best is defaults:
        return defaults, "the defaults have the best value"
    gain, error = gains[best.number]
    return defaults, (
        f"the defaults: trial {best.number} is ahead by {gain:.4f}, within its standard error "
        f"of {error:.4f} over {len(defaults.by_kind)} kinds of oddity, or the median trial's of "
        f"{usual:.4f}"
    )


def _gain(trial: TrialRecord, defaults: TrialRecord) -> tuple[float, float]:
    gains = [one - other for one, other in zip(trial.by_kind, defaults.by_kind, strict=True)]
    return fmean(gains), stdev(gains) / math.sqrt(len(gains))


OnTrial = Callable[[TrialRecord], None]
