"""False alarms as observed, beside the target: by incidents, by units and by rows.

The unit of the target comes first. Each figure has an interval by clusters of rows
(`oddwire.evaluation.uncertainty.clustered`), and the verdict reckons with the noise of both
samples: of the rows tested, and of the calibration rows that set the threshold.
``docs/decisions/0029-uncertainty-by-clusters.md`` says how often it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from oddwire.evaluation.uncertainty.clustered import CONFIDENCE, ClusteredCount, Interval, Moments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from oddwire.evaluation.metrics import Bools, Floats, Ints
    from oddwire.evaluation.scored_rows import ScoredRows
    from oddwire.evaluation.uncertainty.intervals import Intervals

Verdict = Literal["kept", "above", "below"]

INCIDENTS, UNITS, ROWS = "false_incidents_per_day", "share_of_units", "share_of_rows"
NAMES = (INCIDENTS, UNITS, ROWS)
_DAY = 86_400_000_000  # microseconds
_ERROR = (1 - CONFIDENCE) / 2  # of a verdict on one side: that of an interval's end


@dataclass(frozen=True, kw_only=True, eq=False)
class FalseAlarms:
    """The false alarms of benign rows at a threshold, each kind by clusters.

    Parameters
    ----------
    incidents, units
        None where rows have no source (of these an incident is an alert), or for incidents no time.
    rows
        Share of the rows.
    days
        Days of benign traffic; None without times.
    """

    incidents: ClusteredCount | None
    units: ClusteredCount | None
    rows: ClusteredCount
    days: float | None

    def counts(self, name: str) -> ClusteredCount | None:
        """Return those of a kind of target."""
        return {INCIDENTS: self.incidents, UNITS: self.units, ROWS: self.rows}[name]

    def per(self, name: str) -> float:
        """Return what a count is divided by to be compared with a target."""
        return self.days or 1.0 if name == INCIDENTS else 1.0


@dataclass(frozen=True, kw_only=True)
class ObservedRate:
    """One figure of false alarms with its 95 % interval; ``name`` is that of a target."""

    name: str
    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        """Return plain values, for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, kw_only=True)
class Observed:
    """False alarms as observed, against the target.

    Parameters
    ----------
    rates
        The unit of the target first, then incidents, units and rows, as far as they are known.
    target
        What was promised, by its name; empty for nothing.
    verdict
        "above" or "below" the target where chance hardly explains it, otherwise "kept"; None
        without a target, or where its unit is not known of the rows.
    days
        Days of traffic; None without times.
    """

    rates: tuple[ObservedRate, ...]
    target: Mapping[str, float]
    verdict: Verdict | None
    days: float | None

    @property
    def own(self) -> ObservedRate | None:
        """The figure in the unit of the target."""
        return self.rates[0] if self.rates and self.rates[0].name in self.target else None

    def of(self, name: str) -> ObservedRate | None:
        """Return the figure of a name, None where it is not known."""
        return next((rate for rate in self.rates if rate.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "target": dict(self.target), "verdict": self.verdict, "days": self.days,
            **{rate.name: rate.to_dict() for rate in self.rates},
        }  # fmt: skip


def count_false_alarms(
    scored: ScoredRows, threshold: float, *, days: float | None = None, share_kept: float = 1.0
) -> FalseAlarms | None:
    """Count the false alarms of the rows that are labelled as benign.

    Parameters
    ----------
    scored
        n rows in known-at order.
    threshold
        The lowest score that is an alert.
    days
        That the rows stand for, where they are no whole period of time; None counts them from the
        rows' times, gaps of more than a day as one. Of traffic that nobody labelled no false alarms
        are known, and so its share of the time does not count.
    share_kept
        Share of the period's rows that these are, where stretches of time were left out: so much
        of the time counts.

    Returns
    -------
    FalseAlarms or None
        None where there is no such row.
    """
    labels = np.asarray(scored.labels, dtype=np.float64)
    benign = labels == 0
    if not benign.any():
        return None
    scores = np.asarray(scored.scores, dtype=np.float64)[benign]
    alert = scores >= threshold
    clusters = None if scored.clusters is None else scored.clusters[benign]
    ones = np.ones(len(alert))
    days = days or _days(scored, benign, share_kept)
    if scored.units is None or scored.units.kind == "row":
        alerts = ClusteredCount.of(alert * 1.0, None, clusters) if days else None
        rows = ClusteredCount.of(alert * 1.0, ones, clusters)
        return FalseAlarms(incidents=alerts, units=None, rows=rows, days=days)
    units = scored.units.take(benign)
    begins = alert & (units.before(scores) < threshold)
    firsts, alarmed = _of_units(units.codes, alert)
    burst = len(alert) / float(firsts.sum())  # rows of a unit
    return FalseAlarms(
        incidents=None if not days else ClusteredCount.of(begins * 1.0, None, clusters),
        units=ClusteredCount.of(alarmed, firsts, clusters),
        rows=ClusteredCount.of(alert * 1.0, ones, clusters, burst=burst),
        days=days,
    )


def worst_of_benign_units(scored: ScoredRows) -> tuple[Floats, Ints | None] | None:
    """Return the highest score of each benign unit's rows, and the unit's cluster.

    None where rows have no source, or none is labelled as benign.
    """
    benign = np.asarray(scored.labels, dtype=np.float64) == 0
    if scored.units is None or scored.units.kind == "row" or not benign.any():
        return None
    codes = scored.units.take(benign).codes
    worst = np.full(int(codes.max()) + 1, -np.inf)
    np.maximum.at(worst, codes, np.asarray(scored.scores, dtype=np.float64)[benign])
    firsts = np.unique(codes, return_index=True)[1]
    return worst, None if scored.clusters is None else scored.clusters[benign][firsts]


def observe(
    found: FalseAlarms, target: Mapping[str, float], calibration: FalseAlarms | None = None
) -> Observed:
    """Compare false alarms with what was promised.

    Parameters
    ----------
    found
        Of the rows tested.
    target
        What was promised, by its name; empty for nothing.
    calibration
        Of the rows that set the threshold; None takes them as unlimited.
    """
    names = sorted(NAMES, key=lambda name: name not in target)
    rates = []
    for name in names:
        counts = found.counts(name)
        if counts is not None:
            low, high = (end / found.per(name) for end in counts.interval())
            value = counts.value / found.per(name)
            rates.append(ObservedRate(name=name, value=value, low=low, high=high))
    return Observed(
        rates=tuple(rates), target=dict(target), days=found.days,
        verdict=_verdict(found, target, calibration),
    )  # fmt: skip


def with_observed(intervals: Intervals, observed: Observed | None) -> Intervals:
    """Add the intervals of false alarms; that of their share of the rows stands once."""
    if observed is None:
        return intervals
    names = {ROWS: "false_positive_rate"}
    bounds = {
        names.get(rate.name, rate.name): Interval(rate.low, rate.high) for rate in observed.rates
    }
    return replace(intervals, bounds={**intervals.bounds, **bounds})


def target_of(rule: Mapping[str, Any]) -> dict[str, float]:
    """Return the target in the rule that a model keeps; empty where it has none."""
    return dict(rule.get("target") or {})


def _verdict(
    found: FalseAlarms, target: Mapping[str, float], calibration: FalseAlarms | None
) -> Verdict | None:
    if not target:
        return None
    ((name, wanted),) = target.items()
    tested = found.counts(name)
    if tested is None:
        return None
    least, most = _promised(calibration, name, wanted)
    if tested.hits.any() and _no_more(tested.counted, found.per(name), most) < _ERROR:
        return "above"
    return "below" if 1 - _no_more(tested.feared, found.per(name), least) < _ERROR else "kept"


def _promised(calibration: FalseAlarms | None, name: str, wanted: float) -> tuple[Moments, Moments]:
    """Return what rate the threshold may stand for: at least, and at most.

    The calibration rows have as many false alarms as the target allows. Where they have none, as
    where they are too few for the target, one more could have been there.
    """
    counts = None if calibration is None else calibration.counts(name)
    exact = Moments(wanted, 0.0)
    if calibration is None or counts is None:
        return exact, exact
    if not counts.hits.any():
        mean = max(wanted, counts.feared.mean / calibration.per(name))
        return exact, Moments(mean, mean**2)
    scale = wanted / counts.value
    low, high = (
        Moments(scale * mean, scale**2 * variance)
        for mean, variance in (counts.counted, counts.feared)
    )
    return low, high


def _no_more(tested: Moments, per: float, promised: Moments) -> float:
    """Return how likely the rate of what was counted is no more than what was promised.

    Both are gamma distributed, so their ratio has Snedecor's F distribution.
    """
    from scipy.stats import f, gamma  # slow to import

    ratio = promised.mean * per / tested.mean
    if not promised.variance:
        return float(gamma.cdf(ratio * tested.shape, tested.shape))
    return float(f.cdf(ratio, 2 * tested.shape, 2 * promised.shape))


def _of_units(codes: Any, alert: Bools) -> tuple[Floats, Floats]:
    """Mark the first row of each unit, and of each that has an alert."""
    firsts, alarmed = np.zeros(len(codes)), np.zeros(len(codes))
    places = np.unique(codes, return_index=True)[1]
    firsts[places] = 1
    # Not the row that alerts: where clusters are blocks of time, it may be of another one.
    alarmed[places] = np.bincount(codes, alert) > 0
    return firsts, alarmed


def _days(scored: ScoredRows, benign: Bools, share_kept: float) -> float | None:
    if scored.units is None or scored.units.clock is None or not len(scored.units.clock):
        return None
    days = float(np.minimum(np.diff(scored.units.clock) / _DAY, 1.0).sum())
    attacks = np.asarray(scored.labels, dtype=np.float64) == 1
    known = np.count_nonzero(benign) / np.count_nonzero(~attacks)
    return float(days * known * share_kept) or None
