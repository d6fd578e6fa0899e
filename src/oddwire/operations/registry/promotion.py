"""Champion against challenger: a pure function of two candidates on the same frozen test rows.

The rules, in the order in which they are checked:

1. *Floors*, which every challenger keeps, the first one too: finite scores that have not collapsed,
   a limit on the observed false-positive rate, on latency and on size; and test rows that it has
   not seen: where more than ``MOST_SHARED`` of them also occur before the test part, beyond what
   repeats of honest traffic explain, no figure on them says what a promotion asks. Fewer are told
   and do no harm: they move a rate by less than its interval. A person may promote by hand.
2. *The same test rows* for both: otherwise their figures do not compare.
3. *No attack family lost*: none of at least ``MIN_FAMILY_ROWS`` rows loses more than
   ``max_family_loss`` of its recall, each model at its own threshold.
4. *Better*: the lower end of the interval of the difference by the yardstick
   (`oddwire.evaluation.yardstick`) lies above zero, by a paired bootstrap of clusters of rows; by
   the same figure the challenger was chosen among the detectors of its training. That is
   superiority, not non-inferiority. A change of model costs
   something (thresholds move, alerts change their look), so an equal one has no claim; and a chain
   of challengers that are each "not much worse" can walk downhill step by step, which trials of
   medicines know as *bio-creep* (D'Agostino, Massaro & Sullivan 2003). It also means that of two
   models never both beat the other.

One exception to 4: a champion that itself breaks a floor on these rows, as after a change of
traffic, gives way to a challenger that keeps all floors and is not shown to be worse. Its latency
and size are not held against it: they were measured on another day. Without labels nothing can be
shown to be better, so a champion that keeps its floors stays.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from oddwire.evaluation import yardstick
from oddwire.evaluation.families import evaluate_families
from oddwire.evaluation.metrics import Floats, known_labels
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.evaluation.uncertainty.comparing import Difference
from oddwire.params import PromotionSettings
from oddwire.percent import percent
from oddwire.traffic.splitting.shared_rows import SharedRows
from oddwire.traffic.units import Units

MIN_FAMILY_ROWS = 20  # below, one row more or less is a jump in recall of over 5 %
MOST_SHARED = 0.1  # of the test rows
MIN_SPREAD = 1e-6  # float32 networks that have collapsed still differ by about 1e-7
_MIDDLE = (0.0005, 0.9995)  # a few far-off rows do not hide a collapse of all others


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """One model as measured on the frozen test rows.

    Parameters
    ----------
    name
        What people call it, such as ``version 3``.
    labels
        0, 1 or missing per row, shape (n,); None where the source has none.
    scores
        Anomaly scores, higher = more anomalous, shape (n,).
    threshold
        Smallest score that counts as an alert.
    families
        Attack family per row, shape (n,); None where the source names none.
    units, campaign
        As of `ScoredRows`.
    """

    name: str
    labels: Any
    scores: Any
    threshold: float
    families: Any = None
    units: Units | None = None
    campaign: Any = None
    milliseconds_per_row: float = 0.0
    megabytes: float = 0.0

    @property
    def rows(self) -> ScoredRows:
        """The rows as the yardstick takes them."""
        return ScoredRows(
            self.labels, self.scores, self.families, units=self.units, campaign=self.campaign
        )


@dataclass(frozen=True, kw_only=True)
class Check:
    """One rule: whether it was kept, the figure that decided, its limit, and a few words."""

    name: str
    passed: bool
    figure: float | None
    limit: float | None
    note: str


@dataclass(frozen=True, kw_only=True)
class PromotionDecision:
    """Whether the challenger becomes champion, and why."""

    promote: bool
    reason: str
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> str:
        """``promoted``, ``refused``, or ``not asked`` where nothing was checked."""
        return "promoted" if self.promote else "refused" if self.checks else "not asked"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        checks = [asdict(check) for check in self.checks]
        return {"promote": self.promote, "reason": self.reason, "checks": checks}


def decide(
    challenger: Candidate,
    champion: Candidate | None,
    settings: PromotionSettings,
    *,
    seed: int,
    no_champion: str = "is the first model",
    shared: SharedRows | None = None,
) -> PromotionDecision:
    """Decide whether the challenger becomes champion.

    Parameters
    ----------
    champion
        The present one on the same rows, scored anew; None where there is none yet.
    seed
        Of the bootstrap: the same input gives the same decision.
    no_champion
        Why there is no champion to compare with, for the reason.
    shared
        Test rows that also occur before the test part; None where nobody counted them.

    Raises
    ------
    DataError
        If a candidate's own labels, families and scores do not fit one another.
    """
    checks = (*_score_floors(challenger, settings), *_cost_floors(challenger, settings))
    if shared is not None and shared.rows:
        checks = (*checks, _unseen(shared))
    broken = _broken(checks)
    if broken:
        return _verdict(False, f"{challenger.name} breaks a limit: {broken}", checks)
    if champion is None:
        notes = "; ".join(check.note for check in checks)
        why = f"{challenger.name} {no_champion} and is within all limits: {notes}"
        return _verdict(True, why, checks)
    same = _same_rows(challenger, champion)
    checks = (*checks, same)
    if not same.passed:
        return _verdict(False, same.note, checks)
    return _against(challenger, champion, settings, checks, seed)


def _verdict(promote: bool, why: str, checks: tuple[Check, ...]) -> PromotionDecision:
    word = "Promoted" if promote else "Not promoted"
    return PromotionDecision(promote=promote, reason=f"{word}: {why}.", checks=checks)


def _broken(checks: tuple[Check, ...]) -> str:
    return "; ".join(check.note for check in checks if not check.passed)


def _against(
    challenger: Candidate,
    champion: Candidate,
    settings: PromotionSettings,
    checks: tuple[Check, ...],
    seed: int,
) -> PromotionDecision:
    failing = _broken(_score_floors(champion, settings))
    gives_way = f"{champion.name} itself breaks a limit on these rows ({failing})"
    if not np.isfinite(_numbers(champion.scores)).all():
        return _verdict(True, gives_way, checks)
    families = _family_floor(challenger, champion, settings.max_family_loss)
    difference = _difference(challenger, champion, settings, seed)
    better = _better(difference, challenger, champion)
    checks = (*checks, families, better)
    if not families.passed:
        return _verdict(False, f"{families.note}; {better.note}", checks)
    if better.passed:
        return _verdict(True, better.note, checks)
    not_worse = difference is None or difference.high >= 0
    if failing and not_worse:
        return _verdict(True, f"{gives_way}; {better.note}", checks)
    return _verdict(False, better.note, checks)


def _score_floors(candidate: Candidate, settings: PromotionSettings) -> tuple[Check, ...]:
    return (
        _finite(candidate),
        _spread(candidate),
        _false_positives(candidate, settings.max_false_positive_rate),
    )


def _unseen(shared: SharedRows) -> Check:
    passed = not (shared.remarkable and shared.excess > MOST_SHARED)
    note = f"{percent(shared.share)} of the test rows also occur before the test part"
    if not passed:
        note += f" (limit {percent(MOST_SHARED)} beyond repeats in the traffic)"
    return Check(
        name="unseen_test_rows", passed=passed, figure=shared.excess, limit=MOST_SHARED, note=note
    )


def _numbers(scores: Any) -> Floats:
    return np.asarray(scores, dtype=np.float64)


def _finite(candidate: Candidate) -> Check:
    scores = _numbers(candidate.scores)
    bad = int(np.count_nonzero(~np.isfinite(scores)))
    note = f"{bad} of {len(scores)} scores are not finite" if bad else "all scores are finite"
    if np.isnan(candidate.threshold):
        bad, note = bad + 1, f"{note}, and the threshold is not a number"
    return Check(name="finite_scores", passed=bad == 0, figure=float(bad), limit=0.0, note=note)


def _spread(candidate: Candidate) -> Check:
    scores = _numbers(candidate.scores)
    scores = scores[np.isfinite(scores)]
    low, high = np.quantile(scores, _MIDDLE) if len(scores) else (0.0, 0.0)
    spread = float((high - low) / max(abs(low), abs(high), np.finfo(np.float64).tiny))
    passed = spread > MIN_SPREAD
    note = "the scores differ from row to row" if passed else "the scores have collapsed to one"
    return Check(name="spread_scores", passed=passed, figure=spread, limit=MIN_SPREAD, note=note)


def _false_positives(candidate: Candidate, limit: float) -> Check:
    scores = _numbers(candidate.scores)
    known, attack = known_labels(candidate.labels, len(scores))
    benign = scores[known][~attack]
    if not len(benign):
        note = "false positives could not be counted without benign labels"
        return Check(name="false_positive_rate", passed=True, figure=None, limit=limit, note=note)
    rate = float(np.mean(benign >= candidate.threshold))
    note = f"false-positive rate {percent(rate)} (limit {percent(limit)})"
    return Check(
        name="false_positive_rate", passed=rate <= limit, figure=rate, limit=limit, note=note
    )


def _cost_floors(candidate: Candidate, settings: PromotionSettings) -> tuple[Check, ...]:
    costs = (
        ("milliseconds_per_row", candidate.milliseconds_per_row, settings.max_milliseconds_per_row),
        ("megabytes", candidate.megabytes, settings.max_megabytes),
    )
    return tuple(
        Check(
            name=name,
            passed=figure <= limit,
            figure=float(figure),
            limit=float(limit),
            note=f"{figure:.3g} {name.replace('_', ' ')} (limit {limit:g})",
        )
        for name, figure, limit in costs
    )


def _same_rows(challenger: Candidate, champion: Candidate) -> Check:
    rows, others = len(challenger.scores), len(champion.scores)
    if rows != others:
        passed, why = False, f"{rows} test rows against {others}"
    else:
        known, attack = known_labels(challenger.labels, rows)
        other_known, other_attack = known_labels(champion.labels, rows)
        passed = np.array_equal(known, other_known) and np.array_equal(attack, other_attack)
        why = "labels that differ"
    pair = f"{challenger.name} and {champion.name}"
    note = (
        f"{pair} were measured on the same {rows} test rows"
        if passed
        else f"{pair} do not compare: they were measured on different rows ({why})"
    )
    return Check(name="same_test_rows", passed=passed, figure=None, limit=None, note=note)


def _families(challenger: Candidate, champion: Candidate) -> Any:
    return challenger.families if challenger.families is not None else champion.families


def _family_floor(challenger: Candidate, champion: Candidate, limit: float) -> Check:
    families = _families(challenger, champion)
    ahead, behind = (
        evaluate_families(each.labels, each.scores, families, threshold=each.threshold)
        for each in (challenger, champion)
    )
    losses = [
        (before.recall - after.recall, after.family, before.recall, after.recall)
        for after, before in zip(ahead, behind, strict=True)
        if after.rows >= MIN_FAMILY_ROWS
    ]
    if not losses:
        note = f"no attack family has {MIN_FAMILY_ROWS} rows to compare"
        return Check(name="family_recall", passed=True, figure=None, limit=limit, note=note)
    loss, family, before, after = max(losses)
    # A family's name comes from the wire, and may be of any length.
    note = f"largest loss of recall in a family: {family!r:.80} from {before:.3f} to {after:.3f}"
    # The tolerance is for recalls such as 0.9 - 0.8, which differ by more than 0.1 in floats.
    passed = loss <= limit + 1e-12
    return Check(name="family_recall", passed=passed, figure=loss, limit=limit, note=note)


def _difference(
    challenger: Candidate, champion: Candidate, settings: PromotionSettings, seed: int
) -> Difference | None:
    _, attack = known_labels(challenger.labels, len(challenger.scores))
    if attack.all() or not attack.any():
        return None
    return yardstick.paired_difference(
        replace(challenger, families=_families(challenger, champion)).rows,
        champion.rows,
        resamples=settings.resamples,
        confidence=settings.confidence,
        seed=seed,
    )


def _better(difference: Difference | None, challenger: Candidate, champion: Candidate) -> Check:
    pair = f"{challenger.name} is better than {champion.name}"
    if difference is None:
        note = f"without labels of both classes nothing shows that {pair}"
        return Check(name="better", passed=False, figure=None, limit=0.0, note=note)
    passed = difference.estimate > 0 and difference.low > 0
    note = (
        f"{pair if passed else f'not shown that {pair}'}: {yardstick.HEAD} "
        f"{difference.challenger:.4f} against {difference.champion:.4f}, difference "
        f"{difference.estimate:+.4f} ({percent(difference.confidence)} interval "
        f"{difference.low:+.4f} to {difference.high:+.4f})"
    )
    return Check(name="better", passed=passed, figure=difference.low, limit=0.0, note=note)
