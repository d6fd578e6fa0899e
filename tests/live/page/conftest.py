"""A store as a day leaves it, and somebody who looks at its page."""

from __future__ import annotations

import pytest
from page_visits import EVIL, Visitor, evil_alerts, fill, judge, ordinary_alerts
from some_alerts import some_alert


@pytest.fixture(scope="session")
def day(tmp_path_factory):
    """Return the address of a store of two sources, one of them attacked by its log's texts."""
    address = f"sqlite:///{tmp_path_factory.mktemp('day') / 'alerts.db'}"
    suppressed = some_alert("kept", minutes=300, unit="10.0.3.3").suppressed(
        "backups <b>at</b> night"
    )
    features = {"src_peers_60s": 240.0, "service": "<script>alert(1)</script>" + "x" * 1_000_000}
    fill(address, [*ordinary_alerts(), suppressed, *evil_alerts()], features=features)
    fill(address, [some_alert("far", minutes=2000, unit="10.7.0.1")], source="branch")
    return address


@pytest.fixture(scope="session")
def labels(tmp_path_factory):
    """Return the folder of verdicts on that day: of a scan, and with notes that do harm."""
    folder = tmp_path_factory.mktemp("labels")
    scan = [alert for alert in ordinary_alerts() if alert.kind.value == "scan"]
    judge(folder, scan, label=1, family="port scan", note="seen by the owner")
    for alert, text in zip(evil_alerts(), EVIL, strict=True):
        judge(folder, [alert], label=0, note=text[:1000])
    return folder


@pytest.fixture(scope="session")
def visitor(day, labels):
    return Visitor(day, labels)
