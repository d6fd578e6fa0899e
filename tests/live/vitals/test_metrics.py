"""Prometheus reads heartbeats on a loopback port; counters never fall."""

import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from some_alerts import HOSTILE, NOON

from oddwire.errors import ServiceError
from oddwire.live.vitals.heartbeat import Heartbeat, Lately, SinkBeat
from oddwire.live.vitals.metrics import Metrics


@pytest.fixture
def metrics():
    with Metrics(0) as served:
        yield served


def beat(**given):
    return Heartbeat(**({"source": "office", "at": NOON, "rows": 10} | given))


def asked(metrics, **given):
    with httpx.Client(trust_env=False, timeout=10) as client:
        return client.get(metrics.address, **given)


def scraped(metrics):
    answer = asked(metrics)
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *(value for key, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_all_that_a_heartbeat_counts_is_there(metrics):
    metrics.show(beat(
        refused=2, late=3, dropped=4, alerts=5, suppressed=1, incidents={"opened": 6, "open": 2},
        lag_seconds=0.5, last_row_at=NOON, model={"name": "oddwire-office", "version": "7"},
        target={"false_incidents_per_day": 30.0},
        observed={"day": Lately("false_incidents_per_day", 24.2, 1, 40, "kept", 1, 24, 90),
                  "week": None},
        sinks=(SinkBeat("file", 1, 20, 3, 4),),
    ))  # fmt: skip
    found = scraped(metrics)
    office = {name: value for (name, *labels), value in found.items() if labels == ["office"]}
    assert office == {
        "oddwire_connections_total": 10, "oddwire_refused_lines_total": 2,
        "oddwire_late_connections_total": 3, "oddwire_dropped_window_connections_total": 4,
        "oddwire_alerts_total": 5, "oddwire_suppressed_alerts": 1,
        "oddwire_incidents_total": 6, "oddwire_incidents_open": 2, "oddwire_lag_seconds": 0.5,
        "oddwire_last_connection_timestamp_seconds": NOON / 1e6,
        "oddwire_heartbeat_timestamp_seconds": NOON / 1e6,
    }  # fmt: skip
    assert found["oddwire_sink_waiting_messages", "file", "office"] == 1
    assert found["oddwire_sink_delivered_messages_total", "file", "office"] == 20
    assert found["oddwire_sink_dropped_messages_total", "file", "office"] == 3
    assert found["oddwire_sink_dead_letters", "file", "office"] == 4
    assert found["oddwire_target_rate", "false_incidents_per_day", "office"] == 30
    assert found["oddwire_observed_rate", "false_incidents_per_day", "day", "office"] == 24.2
    assert found["oddwire_model_info", "oddwire-office", "office", "7"] == 1
    assert found["process_resident_memory_bytes",] > 1e6


def test_before_the_first_heartbeat_there_is_nothing_of_sources(metrics):
    assert not [name for name, *_ in scraped(metrics) if name.startswith("oddwire")]


def test_counters_do_not_fall_where_a_loop_starts_anew_and_gauges_do(metrics):
    metrics.show(beat(rows=100, incidents={"opened": 9, "open": 5}, lag_seconds=9.0))
    before = scraped(metrics)
    metrics.show(beat(rows=60, incidents={"opened": 8, "open": 1}, lag_seconds=1.0))
    after = scraped(metrics)
    assert before["oddwire_connections_total", "office"] == 100
    assert after["oddwire_connections_total", "office"] == 100
    assert after["oddwire_incidents_total", "office"] == 9
    assert after["oddwire_incidents_open", "office"] == 1
    assert after["oddwire_lag_seconds", "office"] == 1
    metrics.show(beat(rows=101))
    assert scraped(metrics)["oddwire_connections_total", "office"] == 101


@pytest.mark.parametrize("text", [*HOSTILE, 'a"} 1\noddwire_fake 2 \\'], ids=lambda t: repr(t[:12]))
def test_names_of_users_stay_in_their_labels(metrics, text):
    text = text.encode("utf-8", "replace").decode()[:1000]
    metrics.show(beat(source=text, sinks=(SinkBeat(text),)))
    found = scraped(metrics)
    assert found["oddwire_connections_total", text] == 10
    assert not [name for name, *_ in found if name.startswith("oddwire_fake")]


def test_only_this_machine_reaches_it(metrics):
    port = int(metrics.address.split(":")[2].split("/")[0])
    addresses = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    for address in addresses - {"127.0.0.1", "::1", "127.0.1.1"}:
        with socket.socket() as other:
            other.settimeout(2)
            assert other.connect_ex((address, port)) != 0


@pytest.mark.parametrize(("host", "status"), [
    ("evil.example", 403), ("127.0.0.1.evil.example", 403), ("evil.example:9464", 403),
    ("localhost:9464", 200), ("127.0.0.1", 200), ("[::1]:9464", 200),
])  # fmt: skip
def test_a_page_of_another_name_does_not_read_along(metrics, host, status):
    assert asked(metrics, headers={"Host": host}).status_code == status


def test_who_connects_and_says_nothing_keeps_nobody_waiting(metrics):
    port = int(metrics.address.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port)):
        assert asked(metrics).status_code == 200


def test_a_port_that_is_taken_is_named(metrics):
    port = int(metrics.address.split(":")[2].split("/")[0])
    with pytest.raises(ServiceError, match=f"metrics_port must be a free port .* got {port}: "):
        Metrics(port)


def test_when_it_is_closed_the_port_is_free():
    metrics = Metrics(0)
    port = int(metrics.address.split(":")[2].split("/")[0])
    metrics.close()
    with Metrics(port) as again:
        again.show(beat())
        assert scraped(again)["oddwire_connections_total", "office"] == 10
