"""Which detectors make up an ensemble: chosen on validation rows, or without labels by agreement.

The choice starts from the default membership and leaves it only for a gain that is larger than
twice its noise. Attacks of validation are of the families that somebody has labelled; what is tuned
to those families is lost on others, and equal weights are hard to beat.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from oddwire.detection.detectors import DETECTORS, detector_spec
from oddwire.detection.model import Model
from oddwire.errors import OddwireError
from oddwire.operations.search.objective import SYNTHETIC_AND_SHAPE, Objective
from oddwire.operations.search.plans import OnTrial, StudyPlan, StudyResult, TrialRecord
from oddwire.traffic.schema import FeatureSchema

ENSEMBLE = "ensemble"
MEMBERS = "detector__members"

_FEWEST_MEMBERS = 3
_MOST_STEPS = 8
# So many times its noise must a gain be: one step is the best of many, and a single member gives up
# what others know of attacks that validation does not hold.
_NOISE_OF_A_STEP, _NOISE_OF_ONE = 2, 3
_RESAMPLES = 30
_FEWEST_KINDS = 3  # below, their spread says nothing
_AGREEMENT = 0.5  # of the median member's agreement, below which one is left out

Membership = tuple[int, ...]  # per candidate its weight, 0 is no member


def run_selection(
    plan: StudyPlan,
    train: pd.DataFrame,
    objective: Objective,
    schema: FeatureSchema,
    *,
    beside: Sequence[StudyResult] = (),
    on_trial: OnTrial | None = None,
) -> StudyResult:
    """Choose the members of an ensemble: what a study is to the other detectors.

    Parameters
    ----------
    plan
        Of the ensemble. Without trials, the default membership is taken as it is.
    train
        Feature frame to fit the candidates on, each once.
    objective
        Rows and criterion to judge by. SyntheticAnomalies are no attacks: where there are no others, the
        members that disagree are left out.
    schema
        The feature columns.
    beside
        Studies of other detectors; what they found are candidates.
    on_trial
        Called with every membership tried.

    Raises
    ------
    OddwireError
        If no candidate can be fitted.
    """
    ensemble = detector_spec(ENSEMBLE).load()
    default: list[dict[str, Any]] = [dict(one) for one in ensemble.defaults[MEMBERS]]
    if plan.trials == 0:
        return StudyResult("defaults", ENSEMBLE, objective.name, None, {MEMBERS: default}, (), 0)
    bench = _Bench(objective, candidates(default, beside), on_trial)
    bench.fit_all(plan, train, schema)
    start = tuple(int(at < len(default) and at in bench.surprisal) for at in range(len(bench)))
    if not any(start):
        start = tuple(int(at in bench.surprisal) for at in range(len(bench)))
    by_agreement = objective.name == SYNTHETIC_AND_SHAPE
    chosen = agreeing(bench, start) if by_agreement else improved(bench, start)
    parameters = {MEMBERS: bench.members(chosen)}
    value = float(np.mean(objective.judge(bench.scores(chosen), ENSEMBLE, parameters, train)))
    choice = f"{_described(bench.members(chosen))}: {_why(chosen, start, by_agreement)}"
    return StudyResult(
        "members", ENSEMBLE, objective.name, value, parameters, tuple(bench.records), 0, choice
    )


def _why(chosen: Membership, start: Membership, by_agreement: bool) -> str:
    if chosen == start:
        return "the default members, as nothing was better by more than twice its noise"
    if by_agreement:
        return "the default members that agree with the others"
    return (
        "each step from the default members gained more than twice its noise on validation, "
        "or one member was far ahead of all"
    )


def _described(members: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(
        f"{one['detector']} x {one['weight']}" if "weight" in one else str(one["detector"])
        for one in members
    )


def candidates(
    default: Sequence[Mapping[str, Any]], beside: Sequence[StudyResult]
) -> list[dict[str, Any]]:
    """Return the default members, what was found for searched detectors, and the other detectors.

    Parameters
    ----------
    default
        Members that come first.
    beside
        Studies, of which those of defaults alone bring nothing new.
    """
    found = [
        {"detector": study.detector, **_members_own(study.parameters)}
        for study in beside
        if study.detector != ENSEMBLE and study.value is not None
    ]
    known = {one["detector"] for one in [*default, *found]}
    others = [{"detector": name} for name in DETECTORS if name not in known | {ENSEMBLE}]
    return [*map(dict, default), *found, *others]


def _members_own(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in parameters.items()
        if key.startswith(("preprocessing__", "detector__"))
    }


@dataclass(eq=False)
class _Bench:
    """Candidates, each fitted once, and what every membership of them is worth."""

    objective: Objective
    candidates: Sequence[Mapping[str, Any]]
    on_trial: OnTrial | None = None
    surprisal: dict[int, np.ndarray] = field(default_factory=dict)
    records: list[TrialRecord] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.candidates)

    def fit_all(self, plan: StudyPlan, train: pd.DataFrame, schema: FeatureSchema) -> None:
        """Fit every candidate, the default ones first, until the time is up."""
        begun = time.perf_counter()
        for at in range(len(self)):
            started = time.perf_counter()
            if self.surprisal and started - begun > plan.timeout:
                break
            alone = tuple(int(at == other) for other in range(len(self)))
            try:
                model = Model.build(schema, ENSEMBLE, self._parameters(alone), seed=plan.seed)
                self.surprisal[at] = model.fit(train).anomaly_score(self.objective.rows)
            except Exception as error:  # noqa: BLE001 - one bad candidate must not end the study
                self.record(alone, started, error=f"{type(error).__name__}: {error}"[:500])
            else:
                self.record(alone, started)
        if not self.surprisal:
            why = self.records[-1].error
            raise OddwireError(f"ensemble: no member could be fitted: {why}")

    def record(self, membership: Membership, started: float, *, error: str | None = None) -> None:
        """Keep a membership that was tried, and tell whoever listens."""
        scores = None if error else self.scores(membership)
        trial = TrialRecord(
            number=len(self.records),
            state="failed" if scores is None else "complete",
            value=None if scores is None else self.objective.value(scores),
            parameters=self._parameters(membership),
            seconds=time.perf_counter() - started,
            average_precision=None if scores is None else self.objective.average_precision(scores),
            error=error,
        )
        self.records.append(trial)
        if self.on_trial is not None:
            self.on_trial(trial)

    def scores(self, membership: Membership) -> np.ndarray:
        """Return what an ensemble would say of the objective's rows."""
        total = sum(weight * self.surprisal[at] for at, weight in enumerate(membership) if weight)
        return np.asarray(total) / sum(membership)

    def value(self, membership: Membership) -> float:
        """Return what a membership is worth."""
        return self.objective.value(self.scores(membership))

    def members(self, membership: Membership) -> list[dict[str, Any]]:
        """Return a membership as the ensemble takes it."""
        return [
            {**self.candidates[at], **({"weight": weight} if weight > 1 else {})}
            for at, weight in enumerate(membership)
            if weight
        ]

    def _parameters(self, membership: Membership) -> dict[str, Any]:
        return {MEMBERS: self.members(membership)}


def improved(bench: _Bench, membership: Membership) -> Membership:
    """Add, double or leave out one member at a time, while the best step is a gain.

    Caruana, Niculescu-Mizil, Crew & Ksikes 2004, *Ensemble selection from libraries of models*:
    forward selection with replacement, here from the default membership (or from one member that is
    far ahead of it) and with a rule to stop.
    """
    bench.record(membership, time.perf_counter())
    best = max((_alone(bench, at) for at in bench.surprisal), key=bench.value)
    if _is_gain(bench, membership, best, noises=_NOISE_OF_ONE):
        membership = best
    for _ in range(_MOST_STEPS):
        started = time.perf_counter()
        steps = sorted(_steps(bench, membership), key=bench.value)
        if not steps or bench.value(steps[-1]) <= bench.value(membership):
            break
        bench.record(steps[-1], started)
        if not _is_gain(bench, membership, steps[-1], noises=_NOISE_OF_A_STEP):
            break
        membership = steps[-1]
    return membership


def _steps(bench: _Bench, membership: Membership) -> Iterator[Membership]:
    size = sum(weight > 0 for weight in membership)
    for at in bench.surprisal:
        changed = list(membership)
        changed[at] += 1
        yield tuple(changed)
        if membership[at] > 1 or (membership[at] and size > _FEWEST_MEMBERS):
            changed[at] -= 2
            yield tuple(changed)


def _alone(bench: _Bench, at: int) -> Membership:
    return tuple(int(at == other) for other in range(len(bench)))


def _is_gain(bench: _Bench, before: Membership, after: Membership, *, noises: float) -> bool:
    """Say whether a gain is above so many times its noise, between kinds of attack and rows."""
    old, new = bench.scores(before), bench.scores(after)
    gains = _by_kind(bench.objective, new) - _by_kind(bench.objective, old)
    gain = float(gains.mean())
    if gain <= 0:
        return False
    between = gains.var(ddof=1) / gains.size if gains.size >= _FEWEST_KINDS else 0.0
    random = np.random.default_rng(0)
    again = [_resampled_gain(bench.objective, old, new, random) for _ in range(_RESAMPLES)]
    return gain > noises * float(np.sqrt(between + np.var(again, ddof=1)))


def _by_kind(objective: Objective, scores: np.ndarray) -> np.ndarray:
    """Return the objective of each kind of oddity alone."""
    kinds = objective.kinds
    found = []
    for kind in np.unique(kinds[kinds >= 0]):
        asked = (kinds < 0) | (kinds == kind)
        one = Objective(objective.name, objective.rows, np.where(kinds[asked] < 0, -1, 0))
        found.append(one.value(scores[asked]))
    return np.array(found)


def _resampled_gain(
    objective: Objective, old: np.ndarray, new: np.ndarray, random: np.random.Generator
) -> float:
    """Return the gain on rows drawn with replacement, as many of each kind."""
    rows = np.concatenate([
        random.choice(np.flatnonzero(objective.kinds == kind), (objective.kinds == kind).sum())
        for kind in np.unique(objective.kinds)
    ])  # fmt: skip
    drawn = Objective(objective.name, objective.rows, objective.kinds[rows])
    return drawn.value(new[rows]) - drawn.value(old[rows])


def agreeing(bench: _Bench, membership: Membership) -> Membership:
    """Leave out, one by one, the members whose ranking has little to do with that of the others.

    Agreement is Spearman's rank correlation with the mean surprisal of the other members.
    """
    started = time.perf_counter()
    bench.record(membership, started)
    while sum(membership) > _FEWEST_MEMBERS:
        agreement = {
            at: _correlation(bench.surprisal[at], bench.scores(_without(membership, at)))
            for at, weight in enumerate(membership)
            if weight
        }
        odd = min(agreement, key=lambda at: agreement[at])
        if agreement[odd] >= _AGREEMENT * float(np.median(list(agreement.values()))):
            break
        membership = _without(membership, odd)
        bench.record(membership, started)
    return membership


def _without(membership: Membership, at: int) -> Membership:
    return (*membership[:at], 0, *membership[at + 1 :])


def _correlation(left: np.ndarray, right: np.ndarray) -> float:
    """Return Spearman's rank correlation, 0 where one ranks nothing."""
    ranks = np.stack([rankdata(left), rankdata(right)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return 0.0
    return float(np.corrcoef(ranks)[0, 1])
