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
from oddwire.live.alerts.alert import Alert, MadeBy, alert_id
from oddwire.live.alerts.incident import Incident
from oddwire.live.scoring.live_scoring import LiveScoring
from oddwire.live.scoring.pipeline import Pipeline
from oddwire.params import SimulatedSource
from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.in_batches import LOOK_BACK
from oddwire.traffic.schema import ATTACK, CAMPAIGN, END, LABEL
from oddwire.traffic.sources.simulated import campaigns as simulated
from oddwire.traffic.sources.simulated.later import later_days
from oddwire.traffic.units import MINUTES

AT_ONCE = 1000  # rows of a micro-batch
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


def found_in(traffic: Traffic, model: Model, made_by: MadeBy) -> Found:
    """Score the rows and group their alerts, as a watch does."""
    scoring = LiveScoring(model, made_by.model_version, adaptive=False)
    scoring.remember([traffic.before])
    pipeline = Pipeline(scoring, made_by, minutes=MINUTES)
    places = [f"log:{row}" for row in range(len(traffic.rows))]
    rows = {alert_id(made_by.source, place): row for row, place in enumerate(places)}
    found, changes = Found({}, {}, {}), []
    for begin in range(0, len(places), AT_ONCE):
        batch = traffic.rows.iloc[begin : begin + AT_ONCE].reset_index(drop=True)
        raised = pipeline.take(batch, places[begin : begin + AT_ONCE]).raised
        found.alerts.update({each.id: (each, rows[each.id]) for each in raised.alerts})
        found.joined.update(raised.grouped.joined)
        changes += raised.grouped.changes
    found.incidents.update({change.incident.id: change.incident for change in changes})
    open_ones = pipeline.alerting.incidents.incidents
    found.incidents.update({incident.id: incident for incident in open_ones})
    return found


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
