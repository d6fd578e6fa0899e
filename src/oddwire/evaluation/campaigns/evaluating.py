"""Which campaigns a detector finds, how soon, and with how many alerts.

A campaign is found where at least one of its connections raises an alert. How many would be found
by chance stands beside (`chance`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from oddwire.errors import DataError
from oddwire.evaluation.campaigns.chance import share_with_an_alert
from oddwire.evaluation.campaigns.result import CampaignEvaluation
from oddwire.evaluation.families import family_names
from oddwire.evaluation.metrics import Bools, Floats, Ints, check_scores, known_labels
from oddwire.traffic.labels import objects_of
from oddwire.traffic.units import Units, units_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

_MINUTE = 60_000_000  # microseconds


def evaluate_campaigns(
    labels: Any,
    scores: Any,
    campaign: Any,
    attack: Any,
    *,
    units: Units | None,
    threshold: float,
    before: Collection[str] | None = None,
) -> CampaignEvaluation:
    """Measure each campaign on its own.

    Parameters
    ----------
    labels
        0, 1 or missing per row, shape (n,); rows without a label are left out.
    scores
        Finite anomaly scores, higher = more anomalous, shape (n,).
    campaign
        The campaign's name per row, shape (n,), missing where unknown; read on attack rows alone.
        None where the source names none.
    attack
        The family's name per row, shape (n,), or None: as of `families.evaluate_families`.
    units
        Sources and times of the rows; None where they are not known.
    threshold
        Smallest score that counts as an alert.
    before
        Campaigns of the rows before the tested ones; None where that is not known.

    Raises
    ------
    DataError
        If a score is not finite, a label is neither 0, 1 nor missing, or the lengths differ.
    """
    scores = check_scores(scores)
    known, is_attack = known_labels(labels, len(scores))
    names = campaign_names(campaign, len(scores))
    families = family_names(attack, len(scores))
    if units is None:
        units = units_of(pd.DataFrame(index=range(len(scores))))
    if len(units) != len(scores):
        raise DataError(f"units are of {len(units)} rows, and scores of {len(scores)}")
    labelled = np.flatnonzero(known)
    attacks = labelled[is_attack]
    named = pd.notna(names[attacks])
    rows, others = attacks[named], attacks[~named]
    codes, different = pd.factorize(names[rows])
    table = _measured(
        codes.astype(np.int64),
        different,
        families[rows],
        units.take(rows),
        scores[rows] >= threshold,
    )
    table["by_chance"] = _by_chance(
        codes, units.sources[rows], len(different), units, labelled[~is_attack], scores >= threshold
    )
    table["begun_before"] = pd.array(
        [None if before is None else name in before for name in different], dtype=object
    )
    return CampaignEvaluation(
        threshold=float(threshold),
        campaigns=table,
        rows_without=len(others),
        alerts_without=int(np.count_nonzero(scores[others] >= threshold)),
    )


def attack_campaigns(labels: Any, campaign: Any) -> frozenset[str]:
    """Return the campaigns of the rows that are labelled as attacks.

    Parameters
    ----------
    labels, campaign
        As of `evaluate_campaigns`.
    """
    known, is_attack = known_labels(labels, len(labels))
    names = campaign_names(campaign, len(labels))[known][is_attack]
    return frozenset(names[pd.notna(names)])


def campaign_names(campaign: Any, rows: int) -> NDArray[np.object_]:
    """Return one name per row as text, None where missing.

    Raises
    ------
    DataError
        If there is not one entry per row.
    """
    if campaign is None:
        return np.full(rows, None, dtype=object)
    if len(campaign) != rows:
        raise DataError(f"there must be one campaign per row, got {len(campaign)} for {rows} rows")
    column = pd.Series(np.asarray(campaign, dtype=object), dtype=object)
    return objects_of(column.astype("string"))


def _measured(codes: Ints, names: Any, families: Any, units: Units, alert: Bools) -> pd.DataFrame:
    """Return the table of campaigns, for the rows of campaigns alone."""
    count = len(names)
    begun = _each(codes, units.clock, count, last=False)
    alarmed = _each(codes[alert], None if units.clock is None else units.clock[alert], count)
    alerts = np.bincount(codes[alert], minlength=count)
    return pd.DataFrame({
        "campaign": pd.array(names, dtype=object),
        "family": pd.array(_main_family(codes, families, count), dtype=object),
        "rows": np.bincount(codes, minlength=count),
        "begin": _moments(begun),
        "end": _moments(_each(codes, units.clock, count, last=True)),
        "alerts": alerts,
        "incidents": _incidents(codes, units, alert, count),
        "minutes_to_first_alert": (alarmed - begun) / _MINUTE,
        "found": alerts > 0,
    })  # fmt: skip


def _each(codes: Ints, clock: Ints | None, count: int, *, last: bool = False) -> Floats:
    """Return the first or last clock of each campaign's rows, NaN where there is none."""
    moments = np.full(count, np.nan)
    if clock is not None:  # of those written to one place, the last one stays
        way = 1 if last else -1
        moments[codes[::way]] = clock[::way]
    return moments


def _moments(microseconds: Floats) -> pd.DatetimeIndex:
    known = np.isfinite(microseconds)
    whole = np.where(known, microseconds, 0).astype(np.int64).view("datetime64[us]")
    return pd.DatetimeIndex(np.where(known, whole, np.datetime64("NaT", "us"))).tz_localize("UTC")


def _main_family(codes: Ints, families: Any, count: int) -> Any:
    """Return the family of most rows of each campaign, of equals the first by name."""
    numbers, names = pd.factorize(families, sort=True)
    pairs, rows = np.unique(codes * max(len(names), 1) + numbers, return_counts=True)
    largest = np.lexsort((-pairs, rows))  # the last one written to a place stays
    main = np.zeros(count, dtype=np.int64)
    main[pairs[largest] // max(len(names), 1)] = pairs[largest] % max(len(names), 1)
    return names[main]


def _incidents(codes: Ints, units: Units, alert: Bools, count: int) -> Ints:
    """Count the incidents that each campaign's own alerts make."""
    pairs, places = _pairs(codes, units.sources)
    own = Units(places, units.names[pairs[:, 1]], units.clock, units.minutes, units.kind)
    scores = alert.astype(np.float64)
    begins = alert & (own.before(scores) < 1)
    return np.bincount(codes[begins], minlength=count)


def _pairs(codes: Ints, sources: Ints) -> tuple[Ints, Ints]:
    """Return the campaigns and sources that occur together, and which of them each row has."""
    pairs, places = np.unique(np.column_stack([codes, sources]), axis=0, return_inverse=True)
    return pairs, places.reshape(-1)


def _by_chance(
    codes: Ints, sources: Ints, count: int, units: Units, benign: Ints, alert: Bools
) -> Floats:
    """Return with which probability each campaign would be found by chance, NaN if unknown."""
    if not len(benign):
        return np.full(count, np.nan)
    pairs, places = _pairs(codes, sources)
    lengths = np.bincount(places, minlength=len(pairs))
    by_source = benign[np.argsort(units.sources[benign], kind="stable")]
    shares = share_with_an_alert(alert[by_source], lengths)
    with np.errstate(divide="ignore"):  # a stretch that cannot escape makes the product 0
        missed = np.bincount(pairs[:, 0], np.log1p(-shares), minlength=count)
    return 1 - np.exp(missed)
