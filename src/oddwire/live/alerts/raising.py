"""Scored rows and their explanations → alerts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.live.alerts.alert import Alert, Endpoint, MadeBy, alert_id
from oddwire.live.alerts.kinds import Ends, kind_of
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import severity_of
from oddwire.live.alerts.wire_names import wire_name
from oddwire.traffic.features.connection_features import FAILED_STATES
from oddwire.traffic.schema import END, TIME
from oddwire.traffic.units import source_column
from oddwire.traffic.units.so_far import UNTIMED

_OF_AN_END = ("ip", "port", "bytes", "packets", "side")
_HIGHEST_PORT = 65_535
# What an alert carries of its row.
_FIELDS = (
    TIME, END, "uid", "proto", "service",
    *(f"{side}_{name}" for side in ("src", "dst") for name in _OF_AN_END),
)  # fmt: skip
# What its source did in ten minutes, by what `Ends` calls it.
_DONE = {
    "src_peers": "src_peers_600s", "pair_ports": "pair_ports_600s",
    "src_failure_share": "src_failure_share_600s",
}  # fmt: skip
_OWN_THRESHOLD = "adaptive_threshold"
_MOST_BYTES = 2**63 - 1  # what ECS and OCSF can hold


def raise_alerts(
    rows: pd.DataFrame,
    scores: pd.DataFrame,
    *,
    unit_p_values: NDArray[np.float64],
    clock: NDArray[np.int64],
    places: Sequence[str],
    made_by: MadeBy,
    explained: pd.DataFrame | None = None,
) -> list[Alert]:
    """Return an alert for each row that raises one, in the order of the rows.

    Parameters
    ----------
    rows
        A feature frame of n rows, or their connections.
    scores
        What `Model.score` returned of them; where the threshold follows drift, with its column
        ``adaptive_threshold``, which each alert then names for the model's.
    unit_p_values
        ``model.unit_calibration.p_values(score)`` of each row's own score, shape (n,).
    clock
        When each could be known, in microseconds since 1970, shape (n,).
    places
        Where each lies among the source's rows (`alert_id`), n of them.
    made_by
        Which model scored them.
    explained
        What `explaining.explain` returned of the rows that raise an alert, or of some of them, by
        their labels in the index of ``rows``, which are then unique; None where none is explained.
    """
    chosen = np.flatnonzero(scores["alert"].to_numpy(dtype=bool)).tolist()
    reasons = {} if explained is None else _reasons(explained)
    column = source_column(rows)
    fields = dict.fromkeys((*_FIELDS, *_DONE.values(), "conn_state", column))
    known = rows[[name for name in fields if name in rows]].iloc[chosen]
    alerts = []
    for at, row, label, score, maker in zip(
        chosen, known.to_dict("records"), known.index, _scored(scores, chosen),
        _makers(scores, chosen, made_by), strict=True,
    ):  # fmt: skip
        found = reasons.get(label, ())
        source, destination = _endpoint(row, "src"), _endpoint(row, "dst")
        proto, service = wire_name(row.get("proto")), wire_name(row.get("service"))
        ends = Ends(
            source.side, destination.side, destination.port, proto, service,
            source.bytes, destination.bytes, row.get("conn_state") in FAILED_STATES,
            **{name: row.get(feature) for name, feature in _DONE.items()},
        )  # fmt: skip
        kind, unit_p = kind_of(found, ends), float(unit_p_values[at])
        alerts.append(
            Alert(
                id=alert_id(made_by.source, places[at]),
                made_by=maker,
                unit=None if column is None else wire_name(row[column]),
                clock=None if clock[at] == UNTIMED else int(clock[at]),
                start=_microseconds(row.get(TIME)),
                end=_microseconds(row.get(END)),
                uid=wire_name(row.get("uid")),
                source=source,
                destination=destination,
                proto=proto,
                service=service,
                **score,
                unit_p_value=unit_p,
                kind=kind,
                severity=severity_of(unit_p_value=unit_p, count=1, kind=kind),
                reasons=found,
            )
        )
    return alerts


def _scored(scores: pd.DataFrame, chosen: list[int]) -> list[dict[str, Any]]:
    names = {"score": "anomaly_score", "p_value": "p_value", "extrapolated": "extrapolated"}
    values = {name: scores[column].to_numpy()[chosen].tolist() for name, column in names.items()}
    return [dict(zip(names, row, strict=True)) for row in zip(*values.values(), strict=True)]


def _makers(scores: pd.DataFrame, chosen: list[int], made_by: MadeBy) -> list[MadeBy]:
    if _OWN_THRESHOLD not in scores:
        return [made_by] * len(chosen)
    thresholds = scores[_OWN_THRESHOLD].to_numpy()[chosen].tolist()
    return [replace(made_by, threshold=each) for each in thresholds]


def _reasons(explained: pd.DataFrame) -> dict[Any, tuple[Reason, ...]]:
    found: dict[Any, tuple[Reason, ...]] = {}
    for each in explained.sort_values("rank", kind="stable").to_dict("records"):
        if each["share"] > 0:
            reason = Reason(
                feature=wire_name(each["feature"]) or "",
                value=_value(each["value"]),
                typical=_value(each["benign_median"]),
                benign_quantile=_finite(each["benign_quantile"]),
                benign_share=float(each["benign_share"]),
                share=float(each["share"]),
            )
            found[each["row"]] = (*found.get(each["row"], ()), reason)
    return found


def _value(value: Any) -> float | str | None:
    # JSON has no infinity; a text says it.
    if isinstance(value, float | int | np.number):
        number = float(value)
        return None if np.isnan(number) else number if np.isfinite(number) else str(number)
    return wire_name(value)


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _endpoint(row: dict[Any, Any], side: str) -> Endpoint:
    return Endpoint(
        address=wire_name(row.get(f"{side}_ip")),
        port=_whole(row.get(f"{side}_port"), _HIGHEST_PORT),
        bytes=_whole(row.get(f"{side}_bytes"), _MOST_BYTES),
        packets=_whole(row.get(f"{side}_packets"), _MOST_BYTES),
        side=wire_name(row.get(f"{side}_side")),
    )


def _whole(value: Any, most: int) -> int | None:
    """Return a number from 0 to `most`; None for anything else, such as a table's text."""
    if not isinstance(value, int | float) and (isinstance(value, str) or pd.isna(value)):
        return None
    return int(value) if 0 <= value <= most else None  # a missing number is in no range


def _microseconds(value: Any) -> int | None:
    if not isinstance(value, pd.Timestamp) or pd.isna(value):
        return None
    return int(value.asm8.astype("datetime64[us]").astype(np.int64))
