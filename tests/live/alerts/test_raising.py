"""Rows that a real model scored and explained become alerts, the same however they are cut."""

import json

import numpy as np
import pandas as pd
import pytest
from some_alerts import HOSTILE, MADE_BY

from oddwire.detection.model import Model
from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.raising import raise_alerts
from oddwire.traffic.connections import check_connections
from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.units.so_far import UNTIMED


def connections(n=600, *, seed=0, scan=0):
    random = np.random.default_rng(seed)
    rows = pd.DataFrame({
        "ts": np.sort(random.uniform(1.7724e9, 1.7724e9 + 86_400, n)),
        "uid": [f"C{number}" for number in range(n)],
        "src_ip": [f"10.0.0.{number}" for number in random.integers(1, 30, n)],
        "src_port": random.integers(49_152, 65_535, n),
        "dst_ip": [f"10.0.1.{number}" for number in random.integers(1, 4, n)],
        "dst_port": 443, "proto": "tcp", "service": "ssl", "conn_state": "SF", "duration": 0.5,
        "src_bytes": random.integers(200, 900, n), "dst_bytes": random.integers(900, 9000, n),
        "src_packets": 8, "dst_packets": 9,
    })  # fmt: skip
    start = rows["ts"].max() + 60
    for number in range(scan):
        probe = rows.iloc[-1].to_dict() | {
            "ts": start + number / 10, "uid": f"P{number}", "src_ip": "10.0.0.66",
            "dst_ip": f"10.0.2.{number}", "dst_port": 8080, "conn_state": "S0", "src_bytes": 0,
            "dst_bytes": 0, "dst_packets": 0, "service": None,
        }  # fmt: skip
        rows.loc[len(rows)] = probe
    return check_connections(rows, origin="test")


@pytest.fixture(scope="module")
def model():
    features = connection_features(connections())
    model = Model.build(
        CONNECTION_FEATURES, "isolation_forest", {"detector__n_estimators": 30}, seed=0
    )
    model.fit(features)
    model.calibrate(connection_features(connections(seed=1)))
    return model


def alerts_of(model, features, clock, places, *, top=8):
    scores = model.score(features)
    unit_p_values = model.unit_calibration.p_values(scores["anomaly_score"])[0]
    raising = features[scores["alert"].to_numpy()]
    explained = None if top is None else model.explain(raising, top=top)
    return raise_alerts(
        features, scores, unit_p_values=unit_p_values, clock=clock, places=places,
        made_by=MADE_BY, explained=explained,
    )  # fmt: skip


def test_a_scan_raises_alerts_that_say_so(model):
    rows = connections(200, seed=2, scan=40)
    features, clock = connection_features(rows), Clock().of(rows)
    places = [str(place) for place in range(len(rows))]
    alerts = alerts_of(model, features, clock, places)
    scan = [alert for alert in alerts if alert.unit == "10.0.0.66"]
    assert len(scan) > 20
    assert sum(alert.kind == Kind.SCAN for alert in scan) > len(scan) / 2
    # What its source did is known of those too that are not explained.
    assert {alert.kind for alert in alerts_of(model, features, clock, places, top=None)[-20:]} == {
        Kind.SCAN
    }
    last = scan[-1]
    assert (last.source.address, last.destination.port, last.source.side) == (
        "10.0.0.66", 8080, "inside",
    )  # fmt: skip
    assert (last.destination.bytes, last.service) == (0, None)
    assert last.end - last.start == 500_000
    assert last.clock == clock[-1]
    assert last.reasons
    assert sum(reason.share for reason in last.reasons) <= 1.000001
    assert Alert.from_dict(json.loads(json.dumps(last.to_dict(), allow_nan=False))) == last
    # Cut in two, each row by its place in the whole, they are the same alerts.
    half = len(rows) - 20
    parts = [
        alert
        for part in (slice(0, half), slice(half, None))
        for alert in alerts_of(model, features.iloc[part], clock[part], places[part])
    ]
    assert parts == alerts
    assert len({alert.id for alert in alerts}) == len(alerts)


def test_hostile_texts_are_printable_short_and_told_apart():
    frame = pd.DataFrame({
        "src_ip": HOSTILE, "dst_ip": HOSTILE, "uid": HOSTILE, "service": HOSTILE, "proto": HOSTILE,
        "end": pd.Timestamp("2026-03-02", tz="UTC"), "src_port": 99_999, "dst_port": -1,
        "src_bytes": np.inf, "dst_bytes": np.nan,
    })  # fmt: skip
    scores = pd.DataFrame(
        {"anomaly_score": 0.9, "p_value": 1e-4, "extrapolated": False, "alert": True},
        index=frame.index,
    )
    explained = pd.DataFrame({
        "row": frame.index, "rank": 1, "feature": HOSTILE, "value": HOSTILE,
        "benign_median": None, "benign_quantile": np.nan, "benign_share": 0.0, "share": 1.0,
    })  # fmt: skip
    alerts = raise_alerts(
        frame, scores, unit_p_values=np.full(len(frame), 1e-3), made_by=MADE_BY,
        clock=np.full(len(frame), UNTIMED), places=HOSTILE, explained=explained,
    )  # fmt: skip
    assert (
        len({alert.unit for alert in alerts}) == len({alert.id for alert in alerts}) == len(frame)
    )
    for alert in alerts:
        assert alert.clock is None
        assert (alert.source.port, alert.destination.port, alert.source.bytes) == (None,) * 3
        written = json.dumps(alert.to_dict(), allow_nan=False, ensure_ascii=False)
        assert written.isprintable()
        assert len(written) < 2_500


def test_rows_that_raise_none_are_no_alerts_and_nothing_else_is_asked_of_them():
    frame = pd.DataFrame({"bytes": [1.0, 2.0]})
    scores = pd.DataFrame({
        "anomaly_score": [0.1, 0.2], "p_value": 0.5, "extrapolated": False, "alert": False,
    })  # fmt: skip
    clock = np.zeros(2, dtype=np.int64)
    assert raise_alerts(
        frame, scores, unit_p_values=np.ones(2), clock=clock, places=["1", "2"], made_by=MADE_BY
    ) == []  # fmt: skip
