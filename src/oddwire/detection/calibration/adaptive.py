"""A threshold that follows slow drift of benign traffic, and that no burst of attacks lifts.

Benign scores drift as traffic changes, and a fixed threshold then misses its rate. Like DSPOT this
one keeps the tail learnt from the calibration rows, and moves it with the ordinary scores of a
sliding window (Siffer, Fouque, Termier & Largouet 2017, *Anomaly detection in streams with
extreme value theory*, section 4.2):

    z = m + (z₀ - m₀) s / s₀

with the median m of the window and its median absolute deviation s, and z₀, m₀ and s₀ of the
calibration scores. Where those two change and the shape of the distribution does not, the rate is
kept. DSPOT takes the mean, which a single score can carry off; to do so with median and deviation,
half of the window would have to be replaced (Hampel 1974, *The influence curve and its role in
robust estimation*).

Four things keep attacks out. Scores from the threshold on enter the window only as a mark that
says "above", and of such marks it holds at most the share that benign scores give and a twentieth
of the window; further ones are dropped. A mark counts as above the median whatever the score, so
its size has no effect. What is left moves the threshold by a bounded step. And scores enter only
after they were compared with the threshold. What remains possible: scores just below the threshold,
sent for long, move it upward at the speed of that bound.

A jump of benign traffic beyond the threshold looks like a burst, and the threshold stays where it
is: the alerts then do not end, which is for the drift check, and a person, to settle.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from oddwire.detection.calibration.conformal import numbers
from oddwire.detection.calibration.tail import FloatArray
from oddwire.errors import ParameterError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from oddwire.detection.calibration.conformal import ConformalCalibration

WINDOW = 5000
_LEAST_WINDOW = 100
_STEPS_PER_WINDOW = 20  # the threshold moves this often while a window passes
# The share of marks beyond the alert rate that the window may hold: with less, the threshold cannot
# catch up with a light tail once it has fallen behind; with more, a burst counts for more.
_MORE_MARKS = 0.05
_LARGEST_RATE = 0.1
_LARGEST = float(np.finfo(np.float64).max) / 4


class AdaptiveThreshold:
    """A threshold over anomaly scores that come in time order.

    It begins at the model's own threshold. The outcome does not depend on how the stream is cut
    into batches.

    Parameters
    ----------
    calibration
        Of the model that gives the scores.
    alert_p_value
        Of the model: P-value at or below which a connection is an alert, up to .1.
    window
        Scores to look back on, at least 100. A short one follows faster, a long one scatters
        less: with 5,000 the rate varies by about a tenth of itself.
    max_move
        How far the threshold may move while a window passes, above 0, in units of its distance
        from the median of the calibration scores.

    Raises
    ------
    ParameterError
        If a number is out of range, or the calibration scores are too few for such a threshold.

    Examples
    --------
    Benign scores creep upward by one standard deviation. A fixed threshold would then alert on
    about a tenth of them; this one follows.

    >>> import numpy as np
    >>> from oddwire.detection.calibration.conformal import ConformalCalibration
    >>> random = np.random.default_rng(0)
    >>> calibration = ConformalCalibration.fit(random.normal(size=4000))
    >>> stream = random.normal(size=100_000) + np.linspace(0, 1, 100_000)
    >>> adaptive = AdaptiveThreshold(calibration, 0.01)
    >>> alerts, thresholds = adaptive.update(stream)
    >>> bool(thresholds[-1] > calibration.threshold(0.01) + 0.5)
    True
    >>> bool(alerts[-20_000:].mean() < 0.02)
    True
    """

    def __init__(
        self,
        calibration: ConformalCalibration,
        alert_p_value: float,
        *,
        window: int = WINDOW,
        max_move: float = 0.5,
    ) -> None:
        if not 0 < alert_p_value <= _LARGEST_RATE:
            raise ParameterError(
                f"an adaptive threshold needs an alert_p_value above 0 and up to {_LARGEST_RATE}, "
                f"got {alert_p_value!r}"
            )
        if window < _LEAST_WINDOW:
            raise ParameterError(f"window must be at least {_LEAST_WINDOW} scores, got {window!r}")
        if not (math.isfinite(max_move) and max_move > 0):
            raise ParameterError(f"max_move must be a finite number above 0, got {max_move!r}")
        scores = calibration.scores
        self._threshold = calibration.threshold(alert_p_value)
        if not math.isfinite(self._threshold):
            raise ParameterError(
                f"{scores.size} calibration scores show no threshold for an alert_p_value of "
                f"{alert_p_value:g}"
            )
        marked = np.where(scores >= self._threshold, np.inf, scores)
        centre, self._first_spread = _centre_and_spread(marked)
        self._reach = self._threshold - centre
        self._window, self._step = window, max(1, window // _STEPS_PER_WINDOW)
        self._largest_move = max_move * self._reach * (self._step / window)
        self._share_of_marks = alert_p_value + _MORE_MARKS
        self._kept = _shuffled(marked, window)
        self._waiting: FloatArray = np.empty(0)

    @property
    def threshold(self) -> float:
        """The smallest score that is an alert now."""
        return self._threshold

    def update(self, scores: ArrayLike) -> tuple[NDArray[np.bool_], FloatArray]:
        """Compare the next scores of the stream with the threshold, and let it follow them.

        Parameters
        ----------
        scores
            Anomaly scores in time order, shape (m,).

        Returns
        -------
        alerts : bool, shape (m,)
            True where a score reached the threshold of its time.
        thresholds : float64, shape (m,)
            That threshold.

        Raises
        ------
        ModelError
            If a score is NaN; the batch then changes nothing.
        """
        # Infinite scores would leave differences without a value.
        values = np.clip(numbers(scores), -_LARGEST, _LARGEST)
        thresholds = np.empty(values.size)
        begin = 0
        while begin < values.size:
            end = min(begin + self._step - self._waiting.size, values.size)
            thresholds[begin:end] = self._threshold
            self._waiting = np.concatenate([self._waiting, values[begin:end]])
            if self._waiting.size == self._step:
                self._move()
            begin = end
        return values >= thresholds, thresholds

    def _move(self) -> None:
        """Take the waiting scores into the window, and move the threshold."""
        waiting, self._waiting = self._waiting, np.empty(0)
        self._admit(waiting, waiting >= self._threshold)
        centre, spread = _centre_and_spread(self._kept)
        grown = spread / self._first_spread if self._first_spread > 0 else 1.0
        # Where traffic has become monotonous its deviation is 0, and the median no threshold.
        least = np.quantile(self._kept[np.isfinite(self._kept)], 1 - _LARGEST_RATE, method="higher")
        wanted = max(centre + self._reach * grown, math.nextafter(least, math.inf))
        low, high = self._threshold - self._largest_move, self._threshold + self._largest_move
        self._threshold = float(np.clip(wanted, low, high))

    def _admit(self, scores: FloatArray, above: NDArray[np.bool_]) -> None:
        """Let scores below the threshold enter, and marks for those above as far as their share."""
        marks = np.count_nonzero(np.isposinf(self._kept))
        ordinary = self._kept.size - marks + np.count_nonzero(~above)
        share = self._share_of_marks
        free = int(share / (1 - share) * ordinary) - marks
        entering = ~above | (np.cumsum(above) <= free)
        marked = np.where(above, np.inf, scores)
        self._kept = np.concatenate([self._kept, marked[entering]])[-self._window :]


def _centre_and_spread(scores: FloatArray) -> tuple[float, float]:
    """Return the median and the median absolute deviation; infinite ones are a minority."""
    centre = float(np.median(scores))
    return centre, float(np.median(np.abs(scores - centre)))


def _shuffled(ascending: FloatArray, window: int) -> FloatArray:
    """Return at most a window of scores, spread over all of them, in no order."""
    places = np.linspace(0, ascending.size - 1, min(ascending.size, window)).round()
    # Always the same order; in the order given, the smallest would leave the window first.
    shuffled = np.random.default_rng(0).permutation(places.astype(np.int64))
    taken: FloatArray = ascending[shuffled]
    return taken
