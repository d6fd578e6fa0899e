"""Block split: rows → training, calibration and validation.

Rows with a time are split in about a hundred blocks of neighbours: they are cut into runs, and in
each run every part gets its exact share as one block, in random order and from a random place on.
Single rows at random would put near copies of a calibration row (one page load, one backup, one
overlapping time window) into training, and calibration would look too good; three long stretches
would give each part other hours and weekdays, and p-values would follow the clock. Blocks still
touch: rows within one time window of a border know a little of each other.

The first quarter of timed rows trains alone. There the long memory of destinations and pairs is
still filling, so that more rows look new than later on; calibrated on them too, a one-class SVM
raised a fifth fewer false alarms than it was allowed (docs/decisions/0028).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from oddwire.params import SplitSettings

Positions = NDArray[np.int64]

TRAIN, CALIBRATION, VALIDATION, DROPPED = range(4)
STRETCHES = 300  # of a part that is thinned

EARLY = 0.25  # of timed rows train alone, and at most half of the training rows do
RUNS = 33  # of three blocks each: in ten days, a run is five hours
ROWS_OF_A_RUN = 30  # at least, so that neighbours stay together in small sources too


def split_blocks(
    rows: int, settings: SplitSettings, random: np.random.Generator, *, timed: bool
) -> Positions:
    """Give each row of the pool the number of its part.

    Parameters
    ----------
    rows
        How many rows there are, in time order if they are timed.
    settings
        The shares of calibration and validation, which add up to less than 1; the rest trains.
    random
        Decides on order and places.
    timed
        Whether to split in blocks of neighbours, or row by row.

    Returns
    -------
    int64 of shape (rows,): `TRAIN`, `CALIBRATION` or `VALIDATION`. Over all rows, each share is
    exact to the row.
    """
    remainder = 1 - settings.calibration - settings.validation
    early = math.floor(rows * min(EARLY, remainder / 2)) if timed else 0
    later = rows - early
    # In a run too short for two training rows, rounding could ask for less than none.
    shortest = max(ROWS_OF_A_RUN, math.ceil(6 / remainder))
    runs = min(RUNS, max(1, later // shortest)) if timed else 1
    ends = np.linspace(0, later, runs + 1).round().astype(np.int64)
    # Shares are rounded as running totals, so that they hold for the whole as well as for a run.
    of_all = ends * (rows / max(later, 1))
    calibration = np.diff(np.round(settings.calibration * of_all)).astype(np.int64)
    validation = np.diff(np.round(settings.validation * of_all)).astype(np.int64)
    train = np.diff(ends) - calibration - validation
    blocks = [np.full(early, TRAIN, dtype=np.int64)]
    for sizes in zip(train, calibration, validation, strict=True):
        parts = random.permutation(3)
        run = np.repeat(parts, np.array(sizes)[parts])
        blocks.append(np.roll(run, random.integers(len(run) + 1)))
    numbers: Positions = np.concatenate(blocks)
    return numbers if timed else random.permutation(numbers)


def thinned(rows: int, share: float, random: np.random.Generator) -> NDArray[np.bool_]:
    """Choose rows of a part that has too many: whole stretches, evenly over all of it.

    The rows are cut into `STRETCHES` runs of neighbours, and in each run one block at a random
    place is kept. Single rows would lose what neighbours tell, such as how long a burst was.

    Returns
    -------
    bool of shape (rows,): the share that is kept, exact to the row.
    """
    ends = np.linspace(0, rows, STRETCHES + 1).round().astype(np.int64)
    wanted = np.diff(np.round(share * ends)).astype(np.int64)
    kept = np.zeros(rows, dtype=bool)
    for first, length, count in zip(ends[:-1], np.diff(ends), wanted, strict=True):
        begin = first + random.integers(length - count + 1)
        kept[begin : begin + count] = True
    return kept
