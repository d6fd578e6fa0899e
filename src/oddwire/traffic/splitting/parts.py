"""Rows → training, calibration, validation and test.

* **test**: the official test file where there is one; else the last rows that became known; else,
  for rows without a time, a random share of each label.
* From the rows before the test, those that may be trained on (the *pool*) go to training,
  calibration and validation: benign rows where labels exist and ``train_on`` is ``benign``,
  otherwise all. Attack rows of a ``benign`` split all go to validation, since a search has more
  use for them than training has.
* **calibration** holds benign rows alone where labels exist, whatever is trained on: a p-value is
  the share of *benign* rows at least as anomalous.

``block_split.py`` has how the pool is split, and why so.

Where there are more rows than ``max_rows``, stretches of time are left out of every part alike,
whatever their labels, so that all shares stay what they are.

Rows of unknown label in a partly labelled source cannot be evaluated: under ``train_on: all`` they
may train, under ``benign`` they are dropped and counted. In the test part they stay, counted.

Where a source labels no row itself, and all labels are people's verdicts on alerts, it is split as
a source without labels, but that rows judged attacks go to validation. Those judged benign stay in
the part that they would be in: they are false alarms of one model and no sample of benign traffic,
so that nothing may be measured by them. Only in training their label is kept and counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.params import SplitSettings
from oddwire.traffic.schema import END, LABEL, TIME, known_at, time_order
from oddwire.traffic.splitting.block_split import (
    CALIBRATION,
    DROPPED,
    TRAIN,
    VALIDATION,
    Positions,
    split_blocks,
    thinned,
)
from oddwire.traffic.splitting.days import benign_per_day, days_of

Mask = NDArray[np.bool_]
Method = Literal["official", "time", "random"]

SPLIT_BY = (LABEL, TIME, END)
TEST, LEFT_OUT, LEFT_OUT_OF_TEST = 4, 5, 6
NUMBERS = {
    "train": TRAIN, "calibration": CALIBRATION, "validation": VALIDATION, "test": TEST,
    "dropped": DROPPED,
}  # fmt: skip

# The fewest rows that mean anything: a quantile or a mean of fewer training rows is noise, 20
# calibration rows give p-values down to 1/21 (so that 5 % needs no extrapolation), and
# one of ten validation or test rows already moves a rate by 10 %.
LEAST_ROWS = {"train": 20, "calibration": 20, "validation": 10, "test": 10}


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Which part each row of a source is in: no row is in two of them.

    Parameters
    ----------
    numbers
        The number of its part for each row, int8 of shape (n,); see `of`.
    order
        The places of the rows in the order in which they became known, shape (n,).
    method
        How the test part was taken.
    connections_per_day
        Rows before and in the test part that carry a time, over the days that they span; None
        where there is no time. The rows of an official test file do not count.
    benign_per_day
        Rows before the test part that are no attacks, over the days that they span, gaps of more
        than a day as one; None where there is no time.
    counts
        Rows of each label in each part, and in ``dropped``: rows that are in no part, because their
        label is unknown.
    left_out
        Rows that are in no part because there were more than ``max_rows``.
    official
        Which rows of the official test file are kept; None where there is none.
    by_people
        Whether all labels are people's.
    """

    numbers: NDArray[np.int8]
    order: Positions
    method: Method
    connections_per_day: float | None
    benign_per_day: float | None
    counts: Mapping[str, Mapping[str, int]]
    left_out: int = 0
    official: Mask | None = None
    by_people: bool = False

    def of(self, part: str) -> Positions:
        """Return the places of a part's rows, in the order in which they became known.

        Parameters
        ----------
        part
            ``train``, ``calibration``, ``validation``, ``test`` or ``dropped``. The rows of an
            official test file are not among these places.
        """
        places: Positions = self.order[self.numbers[self.order] == NUMBERS[part]]
        return places

    def summary(self) -> dict[str, Any]:
        """Return plain numbers for JSON: rows of each label in each part, and what was dropped."""
        return {
            "method": self.method,
            "connections_per_day": self.connections_per_day,
            "benign_per_day": self.benign_per_day,
            "days": days_of(
                {part: self.counts[part] for part in LEAST_ROWS}, self.benign_per_day,
                by_people=self.by_people,
            ),
            **{part: dict(self.counts[part]) for part in NUMBERS},
            "left_out": {"rows": self.left_out},
        }  # fmt: skip


def split_rows(
    rows: pd.DataFrame,
    test: pd.DataFrame | None,
    settings: SplitSettings,
    *,
    seed: int,
    source: str,
    by_people: bool = False,
) -> Split:
    """Split the rows of a source, as the module says.

    Parameters
    ----------
    rows
        A row per connection, shape (n, columns). Of its columns the label and the times are looked
        at (`SPLIT_BY`), as far as they are there. Connections come in the order in which they
        became known, a table's rows in any.
    test
        Rows of the official test file, of which the label counts, or None.
    settings
        What to train on, and the shares of the parts.
    seed
        Of everything random: the same rows, settings and seed give the same parts.
    by_people
        Whether all labels of the rows are people's verdicts.

    Raises
    ------
    DataError
        If no benign row is left to train on, or there are fewer rows than the parts need.

    Examples
    --------
    >>> import pandas as pd
    >>> from oddwire.params import SplitSettings
    >>> rows = pd.DataFrame({"src_bytes": range(1000), "label": ([0] * 9 + [1]) * 100})
    >>> split = split_rows(rows, None, SplitSettings(), seed=7, source="example")
    >>> [len(split.of(part)) for part in ("train", "calibration", "validation", "test")]
    [405, 135, 210, 250]
    >>> split.summary()["train"]
    {'rows': 405, 'benign': 405, 'attacks': 0, 'unlabelled': 0}
    """
    random = np.random.default_rng(seed)
    order = _order(rows)
    if test is None:
        method: Method = "time" if _is_timed(rows) else "random"
        before = _before_test(rows, order, settings.test, random, source)
    else:
        method, before = "official", order
        _need(source, "test", len(test), least=1)
    numbers = np.full(len(rows), TEST, dtype=np.int8)
    known = rows[[name for name in SPLIT_BY if name in rows]]
    numbers[before] = _split_pool(
        known.iloc[before], settings, random, source, by_people=by_people
    )  # fmt: skip
    official = 0 if test is None else len(test)
    kept = _thin(numbers, order, official, settings.max_rows, random)
    counts = {
        part: _count(known.iloc[numbers == number], attacks_alone=by_people and number != TRAIN)
        for part, number in NUMBERS.items()
    }
    if test is not None:
        counts["test"] = _count(test[kept])
    return Split(
        numbers=numbers,
        order=order,
        method=method,
        connections_per_day=_per_day(rows),
        benign_per_day=benign_per_day(known.iloc[before]),
        counts=counts,
        left_out=int((numbers >= LEFT_OUT).sum()) + int((~kept).sum()),
        official=None if test is None else kept,
        by_people=by_people,
    )


def _thin(
    numbers: NDArray[np.int8],
    order: Positions,
    official: int,
    most: int,
    random: np.random.Generator,
) -> Mask:
    """Leave out rows of every part where there are too many; return which official ones stay."""
    in_order = numbers[order]
    share = most / (int((in_order != DROPPED).sum()) + official)
    if share >= 1:
        return np.ones(official, dtype=bool)
    for number in (TRAIN, CALIBRATION, VALIDATION, TEST):
        places = order[in_order == number]
        left = places[~thinned(len(places), share, random)]
        numbers[left] = LEFT_OUT_OF_TEST if number == TEST else LEFT_OUT
    return thinned(official, share, random)


def _is_timed(rows: pd.DataFrame) -> bool:
    time = known_at(rows)
    return time is not None and bool(rows[time].notna().any())


def _order(rows: pd.DataFrame) -> Positions:
    # A log may have a connection later than its end says; the order of the log is what counts.
    if known_at(rows) == TIME and _is_timed(rows):
        return time_order(rows)
    return np.arange(len(rows), dtype=np.int64)


def _before_test(
    rows: pd.DataFrame,
    order: Positions,
    share: float,
    random: np.random.Generator,
    source: str,
) -> Positions:
    """Take the test part from the rows, and return the places of those before it."""
    wanted = round(share * len(rows))
    _need(source, "test", wanted, share=share)
    if _is_timed(rows):
        return order[:-wanted]
    labels, attacks = _labels(rows)
    chosen = np.zeros(len(rows), dtype=bool)
    for stratum in (labels & ~attacks, attacks, ~labels):
        members = np.flatnonzero(stratum)
        chosen[random.permutation(members)[: round(share * len(members))]] = True
    return np.flatnonzero(~chosen)


def _split_pool(
    rows: pd.DataFrame,
    settings: SplitSettings,
    random: np.random.Generator,
    source: str,
    *,
    by_people: bool,
) -> Positions:
    """Give each row before the test, in time order, the number of its part."""
    known, attack = _labels(rows)
    if by_people:  # who judge alerts, which are few: what is no attack is taken as it comes
        known = np.ones(len(rows), dtype=bool)
    benign = known & ~attack
    labelled = bool(known.any())
    if labelled and not benign.any():
        raise DataError(
            f"source {source}: at least one benign row is needed before the test part, got none in"
            f" {len(rows)} rows: the source's `benign` must list what its label column calls benign"
        )
    benign_only = labelled and settings.train_on == "benign"
    pool = np.flatnonzero(benign if benign_only else np.ones(len(rows), dtype=bool))
    part = np.full(len(rows), DROPPED)
    part[pool] = split_blocks(len(pool), settings, random, timed=_is_timed(rows))
    if benign_only:
        part[attack] = VALIDATION
    elif labelled:
        part[(part == CALIBRATION) & attack] = VALIDATION
        part[~known] = TRAIN
    sizes = np.bincount(part[~attack], minlength=DROPPED)
    kind = "benign rows" if labelled and not by_people else "rows"
    remainder = 1 - settings.calibration - settings.validation
    for name, number, share in (
        ("train", TRAIN, remainder),
        ("calibration", CALIBRATION, settings.calibration),
        ("validation", VALIDATION, settings.validation),
    ):
        _need(source, name, int(sizes[number]), share=share, kind=kind)
    return part


def _labels(rows: pd.DataFrame) -> tuple[Mask, Mask]:
    """Return which rows have a label, and which are attacks."""
    if LABEL not in rows:
        return np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    labels = rows[LABEL].to_numpy(dtype=np.float64, na_value=np.nan)
    return ~np.isnan(labels), labels == 1


def _need(
    source: str,
    part: str,
    got: int,
    *,
    least: int | None = None,
    share: float | None = None,
    kind: str = "rows",
) -> None:
    """Refuse a part that is too small."""
    needed = LEAST_ROWS[part] if least is None else least
    if got >= needed:
        return
    total = ""
    if share is not None:
        of = "rows in all" if part == "test" else f"{kind} before the test part"
        total = f" (its share is {share:.3g}: that takes about {math.ceil(needed / share)} {of})"
    raise DataError(f"source {source}: {part} needs at least {needed} {kind}{total}, got {got}")


def _per_day(rows: pd.DataFrame) -> float | None:
    times = rows[TIME].dropna() if TIME in rows else pd.Series(dtype="datetime64[us, UTC]")
    if times.empty:
        return None
    days = (times.max() - times.min()) / pd.Timedelta(days=1)
    return len(times) / days if days > 0 else None


def _count(rows: pd.DataFrame, *, attacks_alone: bool = False) -> dict[str, int]:
    known, attack = _labels(rows)
    if attacks_alone:
        known = attack
    return {
        "rows": len(rows),
        "benign": int((known & ~attack).sum()),
        "attacks": int(attack.sum()),
        "unlabelled": int((~known).sum()),
    }
