"""A topic of Kafka, of the brokers that librdkafka itself has for tests."""

from __future__ import annotations

import subprocess
import sys

import pytest
from growing_logs import eve_flow

from oddwire.errors import ServiceError
from oddwire.live.following.servers.kafka import KafkaFollower
from oddwire.live.reading.inputs import input_at

ABSENT = """
import sys
sys.modules["confluent_kafka"] = None
from oddwire.errors import ServiceError
from oddwire.live.reading.inputs import input_at
opener = input_at("kafka://localhost/eve").open
try:
    opener(None, True)
except ServiceError as error:
    print(error)
"""


@pytest.fixture
def producer():
    """Return what sends, and is its own broker."""
    kafka = pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    return kafka.Producer({"test.mock.num.brokers": 1, "log_level": 0})


@pytest.fixture
def server(producer):
    (broker,) = producer.list_topics(timeout=10).brokers.values()
    return f"{broker.host}:{broker.port}"


def send(producer, *messages, partition=0):
    for message in messages:
        producer.produce("eve", message, partition=partition)
    assert producer.flush(10) == 0


def read(server, position=None, **options):
    """Return lines by partition, and where to go on."""
    follower = KafkaFollower({"bootstrap.servers": server}, "eve", position=position, **options)
    lines, notices, empty = {}, [], 0
    while empty < 2:
        batch = follower.poll(final=True)
        if batch is None:
            empty += 1
            continue
        position = batch.position
        notices += batch.notices
        for chunk in batch.chunks:
            lines.setdefault(chunk.log, []).extend(chunk.block.data.splitlines())
    follower.close()
    return lines, position, notices


def test_each_partition_is_read_once_in_order_and_gone_on_with(producer, server):
    send(producer, b"1", b"2", b"3")
    send(producer, b"a", b"b\nc", partition=1)
    lines, position, _ = read(server, from_start=True)
    assert lines == {"partition 0": [b"1", b"2", b"3"], "partition 1": [b"a", b"b c"]}
    send(producer, b"4")
    lines, position, notices = read(server, position)
    assert (lines, notices) == ({"partition 0": [b"4"]}, [])
    assert position["partition 0"] == {"next": 4, "lines": 4}


def test_it_begins_with_what_comes_after(producer, server):
    send(producer, b"before")
    lines, position, _ = read(server)
    assert lines == {}
    send(producer, b"after")
    assert read(server, position)[0] == {"partition 0": [b"after"]}


def test_a_position_beyond_what_is_there_is_said(producer, server):
    send(producer, b"1")
    lines, _, notices = read(server, {"partition 0": {"next": 9, "lines": 9}})
    assert lines == {"partition 0": [b"1"]}
    assert notices == ["the topic 'eve', partition 0 was begun anew: it is read from its start"]


def test_a_source_is_read_from_a_topic(producer, server, tmp_path):
    import threading

    from oddwire.live.reading.opening import open_reading
    from oddwire.params import SuricataSource
    from oddwire.project import Project

    send(producer, *map(eve_flow, range(20)))
    reading = open_reading(
        SuricataSource(format="suricata", files="eve.json"), name="office",
        project=Project(tmp_path), input=f"kafka://{server}/eve", from_start=True,
    )  # fmt: skip
    batches = [*reading.batches(until_end=True, stopped=threading.Event())]
    reading.close()
    (rows,) = [one.rows for one in batches if one is not None and len(one.rows)]
    assert rows["src_bytes"].tolist() == list(range(20))


def test_a_broker_that_is_not_there_is_an_error():
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("oddwire.live.following.servers.kafka._ANSWER", 0.5)
        follower = input_at("kafka://127.0.0.1:1/eve").open(None, True)
        with pytest.raises(ServiceError, match="Kafka, topic 'eve': "):
            follower.poll()
        follower.close()


def test_a_missing_client_is_said_with_its_remedy():
    done = subprocess.run(
        [sys.executable, "-c", ABSENT], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip().endswith("is not installed: pip install 'oddwire[kafka]'")
