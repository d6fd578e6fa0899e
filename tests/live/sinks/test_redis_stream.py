"""The Redis stream, in a real Redis that comes and goes."""

from __future__ import annotations

import pytest
from live_runs import message
from redis import Redis
from redis_servers import redis_server
from sink_servers import free_port

from oddwire.live.sinks import Unreachable, open_sink, sink_address

PASSWORD = "hunter2"  # noqa: S105 - of a server of this test


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def address(port):
    return sink_address(f"redis://:hunter2@127.0.0.1:{port}/0?stream=odd")


def entries(port):
    with Redis(port=port, password=PASSWORD, decode_responses=True) as client:
        return [fields for _, fields in client.xrange("odd")]


def test_messages_are_entries_with_their_id_in_order(port, address):
    sent = [message(number) for number in range(5)]
    with redis_server(port, password=PASSWORD):
        sink = open_sink(address)
        sink.deliver(sent[:3], "")
        sink.deliver(sent[3:], "")
        sink.close()
        assert entries(port) == [{"id": one.id, "kind": "alert", "body": one.body} for one in sent]


def test_a_server_that_comes_and_goes_gets_what_comes_after(port, address):
    sink = open_sink(address)
    with redis_server(port, password=PASSWORD):
        sink.deliver([message(1)], "")
    with pytest.raises(Unreachable) as raised:
        sink.deliver([message(2)], "")
    assert "hunter2" not in str(raised.value)
    with redis_server(port, password=PASSWORD):
        sink.deliver([message(2)], "")
        assert [one["body"] for one in entries(port)] == [message(2).body]
    sink.close()


def test_a_key_that_is_no_stream_or_a_wrong_password_is_told_without_it(port, address):
    with redis_server(port, password=PASSWORD):
        with Redis(port=port, password=PASSWORD) as client:
            client.set("odd", "something else")
        sink, other = (
            open_sink(address),
            open_sink(sink_address(f"redis://:swordfish@127.0.0.1:{port}/0")),
        )
        with pytest.raises(Unreachable, match="WRONGTYPE"):
            sink.deliver([message(1)], "")
        with pytest.raises(Unreachable) as raised:
            other.deliver([message(1)], "")
        assert "swordfish" not in str(raised.value)
        sink.close()
        other.close()
