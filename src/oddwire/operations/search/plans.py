"""A study as plain values: what to search, each trial, the result."""

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

DEFAULTS = "defaults"  # in place of the name of a study, where there was none
_FEWEST_KINDS = 3


@dataclass(frozen=True)
class TrialRecord:
    """A finished trial: its hyperparameters, and its value where it completed."""

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
    """The hyperparameters that a study ended with; `choice` says why in words.

    `value` is None where nothing was searched, and `criterion` where nothing could be.
    """

    name: str
    detector: str
    criterion: str | None
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
    trials
        Finished trials to reach, those of a resumed study included; 0 takes the defaults.
    timeout
        Seconds after which no new trial begins.
    seed
        Seeds the sampler and every fit.
    data
        Digest of the rows, part of the fingerprint.
    ranking
        Feature columns, the most important first, where trials may choose how many to use.
    """

    source: str
    detector: str
    trials: int
    timeout: float
    seed: int
    data: str
    ranking: tuple[str, ...] = ()

    @property
    def searches(self) -> bool:
        """Whether there are trials: some are asked for, and the detector has a search space."""
        return self.trials > 0 and bool(search_space(self.detector))

    @property
    def fingerprint(self) -> str:
        """Digest of the plan but for its length, of the search space and of the defaults."""
        space = {name: repr(dim) for name, dim in search_space(self.detector).items()}
        content = {k: v for k, v in asdict(self).items() if k not in {"trials", "timeout"}}
        defaults = default_parameters(self.detector)
        text = json.dumps([__version__, content, space, defaults], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def choose_trial(trials: Sequence[TrialRecord], start: HyperParameters) -> tuple[TrialRecord, str]:
    """Choose among finished trials: the best one whose gain over the defaults is not chance.

    A search sees a few attack families, and the next attack will be of another. So the gain over
    the defaults is averaged over families, not rows, and a gain within one standard error of that
    mean is no reason to leave them (the one-standard-error rule of Breiman, Friedman, Olshen &
    Stone 1984, *Classification and regression trees*, section 3.4.3). An error over a dozen
    families is itself uncertain, and of many trials the one whose error is small by chance would
    pass: so no trial's error is taken to be below the median trial's. With fewer than three kinds
    of anomaly there is no such error, and the best value wins.

    Parameters
    ----------
    trials
        Trials with a value, at least one.
    start
        The defaults, which one of them tried.

    Returns
    -------
    tuple
        The trial, and the reason in words.
    """
    ranked = sorted(trials, key=lambda trial: (-(trial.value or 0.0), trial.number))
    best = ranked[0]
    defaults = next((trial for trial in trials if dict(trial.parameters) == dict(start)), None)
    if defaults is None or len(defaults.by_kind) < _FEWEST_KINDS:
        return best, f"trial {best.number} has the best value"
    gains = {trial.number: _gain(trial, defaults) for trial in trials if trial is not defaults}
    median_error = median_low(error for _, error in gains.values()) if gains else 0.0
    for trial in ranked:
        if trial is defaults:
            break
        gain, error = gains[trial.number]
        if gain > max(error, median_error):
            return trial, (
                f"trial {trial.number} gains {gain:.4f} over the defaults, "
                f"standard error {error:.4f} over {len(defaults.by_kind)} kinds of anomaly"
            )
    if best is defaults:
        return defaults, "the defaults have the best value"
    gain, error = gains[best.number]
    return defaults, (
        f"the defaults: trial {best.number} gains {gain:.4f}, within its standard error of "
        f"{error:.4f} over {len(defaults.by_kind)} kinds of anomaly or the median trial's of "
        f"{median_error:.4f}"
    )


def _gain(trial: TrialRecord, defaults: TrialRecord) -> tuple[float, float]:
    gains = [mine - base for mine, base in zip(trial.by_kind, defaults.by_kind, strict=True)]
    return fmean(gains), stdev(gains) / math.sqrt(len(gains))


OnTrial = Callable[[TrialRecord], None]
