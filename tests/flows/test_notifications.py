"""What Prefect is told of a drift check, and what it sends on."""

from __future__ import annotations

import json

import pytest
from prefect.events.clients import AssertingEventsClient
from prefect.events.worker import EventsWorker
from prefect.settings import get_current_settings
from prefect_client import prefect_client

from flows.notifications import drift_notice, emit_verdict, payload_of, tell
from oddwire.operations.drift.result import DriftResult, Subject
from oddwire.operations.drift.verdict import ColumnDrift, DriftCheck

SUBJECT = Subject(
    source="office", current="today.csv", kind="file", version="2", detector="isolation_forest",
    file="today.csv", start=None, end=None, rows=10, alert_rate=0.01, alert_p_value=0.01,
)  # fmt: skip


def result(columns, name="column"):
    check = DriftCheck(
        drifted=True, verdict="Drift.", share=1.0, min_share=0.1, reference_rows=10,
        current_rows=10, method="like hours",
        columns=tuple(
            ColumnDrift(f"{name} {at}", at / columns, 0.0, True, "numeric") for at in range(columns)
        ),
    )  # fmt: skip
    return DriftResult(SUBJECT, "abc", check, "report.html")


def test_a_webhook_is_sent_one_verdict_and_its_most_drifted_columns():
    sent = payload_of(result(500))
    assert (sent["source"], sent["current"], sent["drifted"]) == ("office", "today.csv", True)
    assert len(sent["columns"]) == 100
    assert sent["columns"][0]["column"] == "column 499"
    assert not {"earlier", "refused", "waiting"} & set(sent)


@pytest.mark.parametrize(
    "wide", [result(20_000), result(3, name="\x1b[31m<b>" + "x" * 1_000_000)], ids=["many", "long"]
)
def test_no_table_is_too_wide_to_be_told(monkeypatch, wide):
    sent = []

    class Kept:
        client_type = AssertingEventsClient
        send = staticmethod(sent.append)

    monkeypatch.setattr(EventsWorker, "instance", lambda *_, **__: Kept)
    emit_verdict(wide)
    (event,) = sent
    assert event.size_bytes < get_current_settings().server.events.maximum_size_bytes
    assert event.resource["oddwire.drifted"] == "yes"
    assert "\x1b" not in json.dumps(event.payload, ensure_ascii=False)


@pytest.mark.slow
def test_an_address_is_kept_for_as_long_as_it_is_set(prefect_server):
    def kept():
        with prefect_client(prefect_server) as client:
            blocks = client.post("/block_documents/filter", json={}).json()
            automations = client.post("/automations/filter", json={}).json()
        return (
            [one["name"] for one in blocks if one["name"] == "oddwire-drift"],
            [one["enabled"] for one in automations if one["name"] == "oddwire: tell of drift"],
        )

    tell(None, drift_notice())
    assert kept() == ([], [])
    for _ in range(2):
        tell("http://127.0.0.1:9/T0KEN", drift_notice())
    assert kept() == (["oddwire-drift"], [True]), "one, however often"
    tell(None, drift_notice())
    assert kept() == ([], [])
