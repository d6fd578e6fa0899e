"""A threshold that keeps the target over time, and that no burst of attacks lifts.

Benign traffic drifts, and a fixed threshold then breaks its promise. Adaptive conformal inference
(Gibbs & Candès 2021, *Adaptive conformal inference under distribution shift*) corrects the level, a
share of the benign units, after each step, here a day or more, by what was observed:

    log level ← log level + 0.2 (1 - r)

where r is what came against what the target allows. Whatever the traffic, the mean of r over many
steps is then near 1 or below, for as long as the level is within its bounds. It needs to be told
which alerts are false. Nobody says so: alerts of attacks and false ones look alike, and steered by
all of them the level falls until attacks are found no more (measured in decision 0032).

So r is the least of three numbers:

* the alerting units, against those the target allows: false alarms are no more than all alarms;
* the units just below the threshold, up to eight times the level, against those of the calibration
  units, times the level as it is now: what the alerts would be, had all scores risen as these did.
  Attacks that are found are not among them, and benign units are: when benign scores drift upward,
  more of them come near;
* 3, so that a step lifts the threshold by a bounded amount, however much comes.

What raises an alert therefore never lifts the threshold further than the units near it do, in
whatever number: a flood is no evidence. Where more sources come in ten minutes than can be told
apart (131,072), hosts that were counted are forgotten and counted again; such a step lifts nothing
at all. What remains possible: who sends both alerts and many
sources just below the threshold lifts it by a factor of 1.5 in the level each day, and by 20 in
all. A jump of benign traffic far beyond the threshold looks like attacks, and the alerts then do
not end: that is for the drift check, and a person, to settle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from oddwire.detection.calibration.conformal import SMALLEST_P, numbers
from oddwire.detection.calibration.tail import FloatArray
from oddwire.errors import ModelError, ParameterError
from oddwire.percent import percent
from oddwire.traffic.features.clock import MICROSECONDS
from oddwire.traffic.units import minutes_in_microseconds
from oddwire.traffic.units.so_far import PLACES, UNTIMED, WorstSoFar

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.calibration.units import UnitCalibration

LEARNING_RATE = 0.2
MOST_COUNTED = 3.0  # times what is allowed
NEAR = 8  # times the level: units up to there are near the threshold
LOWEST, HIGHEST = 1 / 20, 2.0  # times the level that the model has
LARGEST_SHARE = 0.2
MOST_UNITS = PLACES // 2  # at one time: of more, `UnitsSoFar` soon forgets some
_ALERTS_PER_STEP = 10  # to expect: of fewer, a step would learn chance alone
_DAY = 86_400 * MICROSECONDS
_HOUR = _DAY // 24
_LARGEST_NEAR = 0.5
_LATEST = np.iinfo(np.int64).max
_ROWS = 2**14  # looked at together


class AdaptiveThreshold:
    """A threshold over anomaly scores that come in time order.

    It begins at the model's own threshold. The outcome does not depend on how the stream is cut
    into batches.

    Parameters
    ----------
    units
        The benign units of the model that gives the scores.
    threshold
        Of the model: the smallest score that is an alert.
    per_day
        Whether the target is a number a day, and not a share of the units. Time counts as long as
        rows come: of a gap, an hour.

    Raises
    ------
    ParameterError
        If more than a fifth of the benign units reach the threshold, or nothing does.

    Examples
    --------
    Benign scores creep upward by one standard deviation. A fixed threshold would then alert on
    a twelfth of them; this one follows.

    >>> import numpy as np, pandas as pd
    >>> from oddwire.detection.calibration.benign_alarms import BenignAlarms
    >>> from oddwire.detection.calibration.units import UnitCalibration
    >>> from oddwire.traffic.units import units_of
    >>> from oddwire.traffic.units.so_far import UnitsSoFar
    >>> random = np.random.default_rng(0)
    >>> rows = pd.DataFrame({"bytes": np.zeros(100_000)})
    >>> benign = BenignAlarms.of(random.normal(size=4000), units_of(rows[:4000]))
    >>> units = UnitCalibration.fit(benign)
    >>> adaptive = AdaptiveThreshold(units, units.worst.threshold(0.01), per_day=False)
    >>> stream = random.normal(size=100_000) + np.linspace(0, 1, 100_000)
    >>> alerts, _ = adaptive.update(UnitsSoFar().update(rows, stream), stream)
    >>> bool(alerts[-20_000:].mean() < 0.04)
    True
    """

    def __init__(self, units: UnitCalibration, threshold: float, *, per_day: bool) -> None:
        share = float(units.p_values([threshold])[0][0])
        if not (math.isfinite(threshold) and SMALLEST_P < share <= LARGEST_SHARE):
            raise ParameterError(
                "an adaptive threshold needs a threshold that some benign units reach, and at most "
                f"{percent(LARGEST_SHARE)} of them, got {threshold:g}: {percent(share)} reach it"
            )
        self._units, self._first, self._share = units, threshold, share
        self._length = minutes_in_microseconds(units.minutes)
        self._per_day = len(units.worst.scores) / units.days if per_day and units.days else None
        enough = _ALERTS_PER_STEP / share  # units
        self._least_units = math.ceil(enough) if self._per_day is None else 0
        self._least_time = _DAY
        if self._per_day is not None:
            self._least_time = max(_DAY, math.ceil(enough / self._per_day * _DAY))
        self._level, self._clock = 1.0, UNTIMED
        self._time, self._at_once = UNTIMED, 0  # the current ten minutes, and the units in them
        self._begin_step()

    def _begin_step(self) -> None:
        self._alerts = self._reached = self._seen = self._elapsed = self._flooded = 0
        self._threshold = self._first if self._level == 1 else self._score_at(self._level)
        self._near = self._score_at(NEAR * self._level)

    def _score_at(self, times: float) -> float:
        """Return the threshold for a level, as a multiple of the model's."""
        worst = self._units.worst
        least = SMALLEST_P if worst.tail is not None else 1 / (worst.scores.size + 1)
        return worst.threshold(min(max(times * self._share, least), _LARGEST_NEAR))

    @property
    def threshold(self) -> float:
        """The smallest score that is an alert now."""
        return self._threshold

    def update(self, so_far: WorstSoFar, scores: ArrayLike) -> tuple[NDArray[np.bool_], FloatArray]:
        """Compare the next scores of the stream with the threshold, and let it follow them.

        Parameters
        ----------
        so_far
            What the units of the rows have come to, n of each.
        scores
            Their anomaly scores in time order, shape (n,).

        Returns
        -------
        alerts : bool, shape (n,)
            True where a score reached the threshold of its time.
        thresholds : float64, shape (n,)
            That threshold.

        Raises
        ------
        ModelError
            If a score is NaN; the batch then changes nothing.
        """
        values = numbers(scores)
        thresholds = np.empty(values.size)
        for begin in range(0, values.size, _ROWS):
            rows = slice(begin, begin + _ROWS)
            before, worst, clock = so_far
            thresholds[rows] = self._follow(WorstSoFar(before[rows], worst[rows], clock[rows]))
        return values >= thresholds, thresholds

    def _follow(self, so_far: WorstSoFar) -> FloatArray:
        """Return the thresholds of some rows, and move it wherever a step is over before a row."""
        clock = so_far.clock
        before = np.concatenate([[self._clock], clock[:-1]])
        passed = np.where(before == UNTIMED, 0, np.minimum(clock - before, _HOUR))
        # A step ends where no unit is under way.
        between = (clock == UNTIMED) | (clock // self._length != before // self._length)
        fresh = np.isneginf(so_far.before)
        flooded = self._too_many(clock, fresh)
        thresholds = np.empty(clock.size)
        begin = 0
        while begin < clock.size:
            elapsed = self._elapsed + np.cumsum(passed[begin:])
            seen = self._seen + np.cumsum(fresh[begin:]) - fresh[begin:]
            timed = clock[begin:] != UNTIMED
            over = between[begin:] & (seen >= self._least_units)
            over &= (elapsed >= self._least_time) | (~timed & (self._per_day is None))
            rows = int(np.argmax(over)) if over.any() else over.size
            part = slice(begin, begin + rows)
            self._count(so_far.before[part], so_far.worst[part])
            thresholds[part] = self._threshold
            self._seen += int(np.count_nonzero(fresh[part]))
            self._flooded |= int(flooded[part].any())
            self._elapsed += int(passed[part].sum())
            begin += rows
            if begin < clock.size:
                self._elapsed += int(passed[begin])
                passed[begin] = 0
                self._move()
        self._clock = int(clock[-1])
        return thresholds

    def _too_many(self, clock: NDArray[np.int64], fresh: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mark rows before which more units came in their ten minutes than are kept."""
        if self._units.kind != "source and time":
            return np.zeros(clock.size, dtype=bool)
        times = clock // self._length
        so_far: NDArray[np.int64] = np.cumsum(fresh, dtype=np.int64)
        begins = np.flatnonzero(np.diff(times, prepend=times[0] - 1))
        earlier: NDArray[np.int64] = np.repeat(
            so_far[begins] - fresh[begins], np.diff(begins, append=clock.size)
        )
        counts = so_far - earlier
        if times[0] == self._time:
            counts[times == self._time] += self._at_once
        self._time, self._at_once = int(times[-1]), int(counts[-1])
        return np.asarray(counts > MOST_UNITS)

    def _count(self, before: FloatArray, worst: FloatArray) -> None:
        """Count the units that come to the threshold with one of these rows, or near it."""
        self._alerts += int(
            np.count_nonzero((before < self._threshold) & (worst >= self._threshold))
        )
        self._reached += int(np.count_nonzero((before < self._near) & (worst >= self._near)))

    def _move(self) -> None:
        """Correct the level by a step, and begin the next one."""
        at, near = self._units.p_values([self._threshold, self._near])[0]
        expected: float = self._seen
        if self._per_day is not None:
            expected = self._per_day * self._elapsed / _DAY
        if near > at and expected:  # not where all benign units near it have one score
            alerts = self._alerts / (expected * self._share)
            close = (self._reached - self._alerts) / (expected * (near - at)) * self._level
            # Of rows without times, units that came near in an earlier step may be alerts in this.
            observed = min(alerts, max(float(close), 0.0), MOST_COUNTED)
            observed = min(observed, 1.0) if self._flooded else observed
            moved = self._level * math.exp(LEARNING_RATE * (1 - observed))
            self._level = min(max(moved, LOWEST), HIGHEST)
        self._begin_step()

    def to_dict(self) -> dict[str, Any]:
        """Return its state, which JSON can hold, for `go_on`."""
        return {
            "level": self._level, "clock": self._clock, "elapsed": self._elapsed,
            "alerts": self._alerts, "reached": self._reached, "seen": self._seen,
            "flooded": self._flooded, "time": self._time, "at_once": self._at_once,
        }  # fmt: skip

    def go_on(self, state: Mapping[str, Any]) -> None:
        """Go on from what `to_dict` returned of one for the same model.

        Raises
        ------
        ModelError
            If it is no such state.
        """
        try:
            level = float(state["level"])
            names = ("clock", "elapsed", "alerts", "reached", "seen")
            clock, *counts = (int(state[name]) for name in names)
            # States of before these were kept have none.
            now = int(state.get("time", UNTIMED))
            counts += [int(state.get(name, 0)) for name in ("flooded", "at_once")]
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ModelError("the state of an adaptive threshold is damaged") from None
        if not (
            UNTIMED <= min(clock, now) <= max(clock, now) <= _LATEST
            and 0 <= min(counts) <= max(counts) <= _LATEST
        ):
            raise ModelError(f"an adaptive threshold cannot have counted {counts!s:.80}")
        if not LOWEST <= level <= HIGHEST:
            raise ModelError(f"the level of an adaptive threshold is out of bounds: {level!r}")
        self._level, self._clock = level, clock
        self._begin_step()
        self._elapsed, self._alerts, self._reached, self._seen, self._flooded, at_once = counts
        self._time, self._at_once = now, at_once
