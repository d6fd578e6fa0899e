"""The days after a simulated source's own, and which of their campaigns incidents find."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.live.alerts.alert import Alert, MadeBy
from oddwire.live.alerts.incident import Incident
from oddwire.live.alerts.incidents import OpenIncidents
from oddwire.live.alerts.raising import raise_alerts
from oddwire.params import SimulatedSource
from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
from oddwire.traffic.features.long_memory import LongMemory
from oddwire.traffic.schema import ATTACK, CAMPAIGN, END, LABEL
from oddwire.traffic.sources.simulated import campaigns as simulated
from oddwire.traffic.sources.simulated.later import later_days
from oddwire.traffic.units import units_of

EXPLAINED = 5  # alerts of a source in ten minutes, the first
MINUTE = 60_000_000  # microseconds


@dataclass(frozen=True)
class Traffic:
    """The days after the training.

    Parameters
    ----------
    rows
        Connections in the order in which they are known.
    before
        Those of the archive's last three days.
    quiet
        The campaigns that hide, by the names that rows have.
    """

    rows: pd.DataFrame
    before: pd.DataFrame
    quiet: frozenset[str]


@dataclass(frozen=True)
class Found:
    """What alerts and incidents were made of the rows.

    Parameters
    ----------
    alerts
        By their ids: which row raised each.
    joined
        Their incidents.
    incidents
        By their ids, as they ended.
    """

    alerts: dict[str, tuple[Alert, int]]
    joined: dict[str, str]
    incidents: dict[str, Incident]


def days_after(source: SimulatedSource, days: int) -> Traffic:
    """Simulate the days after a source's own, and what came just before them."""
    begin, end = source.ends, source.ends + dt.timedelta(days=days)
    with _quiet_ones() as quiet:
        rows = later_days(source, begin, end, reach=LOOK_BACK)
    is_new = rows[END] >= begin
    new, before = rows[is_new], rows[~is_new]
    names = frozenset().union(*quiet)
    return Traffic(new.reset_index(drop=True), before.reset_index(drop=True), names)


@contextmanager
def _quiet_ones() -> Iterator[list[set[str]]]:
    """Note the names of the campaigns that hide, while traffic is simulated.

    The source's own days are simulated first, then week after week.
    """
    made: list[set[str]] = []
    seen: set[str] = set()

    def noting(name: str, family: Any) -> Any:
        def campaign_of(campaign: simulated.Campaign) -> Any:
            first = f"{name} {campaign.number}"
            if first in seen or not made:
                seen.clear()
                made.append(set())
            seen.add(first)
            week = "" if len(made) == 1 else f" (week {len(made) - 1})"
            if campaign.quiet:
                made[-1].add(f"{first}{week}")
            return family(campaign)

        return campaign_of

    kept = dict(simulated.FAMILIES)
    simulated.FAMILIES.update(
        {n: (share, noting(n, made_by)) for n, (share, made_by) in kept.items()}
    )
    try:
        yield made
    finally:
        simulated.FAMILIES.update(kept)


def features_of(traffic: Traffic) -> pd.DataFrame:
    """Return the feature frame of the rows, with the memory of those before."""
    memory, clock = LongMemory(), Clock()
    memory.update(traffic.before, clock.of(traffic.before))
    return FeaturesInBatches("connections", CONNECTION_FEATURES, memory=memory).of(traffic.rows)


def found_in(features: pd.DataFrame, scores: pd.DataFrame, model: Model, made_by: MadeBy) -> Found:
    """Raise alerts of scored rows, and group them."""
    assert model.unit_calibration is not None  # noqa: S101
    clock = Clock().of(features)
    units = units_of(features)
    alert = scores["alert"].to_numpy()
    explained = _first_of_units(units.codes, alert)
    alerts = raise_alerts(
        features, scores,
        unit_p_values=model.unit_calibration.p_values(scores["anomaly_score"].to_numpy())[0],
        clock=clock, places=[f"log:{row}" for row in range(len(features))], made_by=made_by,
        explained=model.explain(features.iloc[explained]) if len(explained) else None,
    )  # fmt: skip
    rows = np.flatnonzero(alert).tolist()
    grouped = OpenIncidents().update(alerts, now=int(clock[-1]) + 20 * MINUTE)
    return Found(
        {each.id: (each, row) for each, row in zip(alerts, rows, strict=True)},
        dict(grouped.joined),
        {change.incident.id: change.incident for change in grouped.changes},
    )


def _first_of_units(codes: np.ndarray, alert: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero(alert)
    rank = pd.Series(codes[rows]).groupby(codes[rows]).cumcount().to_numpy()
    return rows[rank < EXPLAINED]


def campaigns_in(traffic: Traffic, found: Found) -> pd.DataFrame:
    """Return a row for each campaign: its family, whether it hides, and when it is found."""
    attacks = traffic.rows[traffic.rows[LABEL] == 1]
    clock = pd.Series(Clock().of(traffic.rows))
    alerts = pd.Series({row: alert.clock for alert, row in found.alerts.values()}, dtype=object)
    table = pd.DataFrame({
        "campaign": attacks[CAMPAIGN], "family": attacks[ATTACK],
        "clock": clock[attacks.index], "alert": alerts.reindex(attacks.index).astype("float64"),
    })  # fmt: skip
    each = table.groupby(["family", "campaign"]).agg(
        rows=("clock", "size"), begun=("clock", "min"), first=("alert", "min"),
        alerts=("alert", "count"),
    ).reset_index()  # fmt: skip
    return each.assign(
        quiet=each["campaign"].isin(traffic.quiet), found=each["alerts"] > 0,
        minutes=(each["first"] - each["begun"]) / MINUTE,
    )  # fmt: skip


def incidents_in(traffic: Traffic, found: Found) -> pd.DataFrame:
    """Return a row for each incident: whether it is true, of which family, and what it says."""
    attack = traffic.rows[ATTACK].to_numpy(dtype=object)
    label = traffic.rows[LABEL].to_numpy(dtype=np.int64)
    families: dict[str, list[str]] = {}
    for id_, incident in found.joined.items():
        row = found.alerts[id_][1]
        families.setdefault(incident, []).extend([str(attack[row])] if label[row] else [])
    return pd.DataFrame([
        _of_incident(found.incidents[id_], names) for id_, names in families.items()
    ])  # fmt: skip


def _of_incident(incident: Incident, families: list[str]) -> dict[str, Any]:
    """Return what a table tells of an incident, given the families of its attack rows."""
    return {
        "id": incident.id,
        "family": max(families, key=families.count) if families else None,
        "true": bool(families),
        "kind": incident.kind.value,
        "severity": incident.severity.word,
        "level": int(incident.severity),
        "count": incident.count,
        "unit_p_value": incident.unit_p_value,
        "opened": incident.opened,
    }
