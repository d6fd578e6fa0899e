"""What stands in for a source's files: standard input, lists and streams of a real Redis."""

from __future__ import annotations

import os
import threading
from contextlib import closing

import pytest
from growing_logs import eve_flow, zeek_log
from redis import Redis
from redis_servers import redis_server
from sink_servers import free_port

from oddwire.errors import DataError, ParameterError, ServiceError
from oddwire.live.reading.inputs import input_at
from oddwire.operations.scoring.ahead import ahead
from oddwire.params import SuricataSource, ZeekSource

EVE = SuricataSource(format="suricata", files="eve.json")
ZEEK = ZeekSource(format="zeek", files="conn.log")
ADDRESS = "redis://:hunter2@127.0.0.1:{}/0"


@pytest.fixture(scope="module")
def port():
    port = free_port()
    with redis_server(port, password="hunter2"):  # noqa: S106 - of a server of this test
        yield port


@pytest.fixture
def client(port):
    with Redis.from_url(ADDRESS.format(port)) as found:
        found.flushall()
        yield found


@pytest.fixture
def url(port):
    return ADDRESS.format(port)


@pytest.mark.parametrize("kind", ["list", "stream"])
def test_messages_are_read_once_and_gone_on_with(client, url, read, kind):
    def send(first, last):
        for number in range(first, last):
            if kind == "list":
                client.lpush("suricata", eve_flow(number))
            else:
                client.xadd("suricata", {"eve": eve_flow(number)})

    send(0, 5)
    address = f"{url}?{kind}=suricata"
    first = read(EVE, input=address, from_start=True)
    send(5, 8)
    second = read(EVE, input=address, position=first.position)
    sent = [*first.rows["src_bytes"], *second.rows["src_bytes"]]
    assert sent == list(range(8))
    numbers = [int(place.rpartition(":")[2]) for place in first.places + second.places]
    assert numbers == list(range(1, 9))
    assert client.llen("suricata") == 0 if kind == "list" else client.xlen("suricata") == 8


def test_a_list_is_read_ahead_of_what_was_saved(client, url, opened):
    """Positions are confirmed in one thread while the next messages are read in another."""
    sent, stopped, got = 3000, threading.Event(), []

    def push():
        for number in range(sent):
            client.lpush("suricata", eve_flow(number))

    pushing = threading.Thread(target=push)
    pushing.start()
    reading = opened(EVE, input=f"{url}?list=suricata")
    with closing(ahead(reading.batches(until_end=False, stopped=stopped))) as batches:
        for batch in batches:
            if batch is not None and len(batch.rows):
                got += batch.rows["src_bytes"].tolist()
                reading.confirm(batch.position)
            if len(got) >= sent:
                stopped.set()
    pushing.join()
    reading.close()
    assert got == list(range(sent))
    assert client.llen("suricata") == 0


def test_a_stream_is_begun_at_its_end_and_a_list_with_what_it_holds(client, url, read):
    client.xadd("stream", {"eve": eve_flow(1)})
    client.lpush("list", eve_flow(1))
    assert read(EVE, input=f"{url}?stream=stream").rows is None
    assert len(read(EVE, input=f"{url}?list=list").rows) == 1


def test_messages_that_are_no_events_are_refused_and_others_are_read(client, url, read):
    for message in (b"no event", b"[]", eve_flow(1), b"\x00\xff", eve_flow(2)):
        client.rpush("suricata", message)
    found = read(EVE, input=f"{url}?list=suricata&pushed=right")
    assert len(found.rows) == 2
    assert found.refused == 3


def test_what_is_no_log_of_zeek_is_left_out_and_said_once(client, url, read):
    address = f"{url}?stream=zeek"
    client.xadd("zeek", {"message": b"x" * 70_000})
    first = read(ZEEK, input=address, from_start=True)
    assert "such messages are left out" in first.notices[0]
    for line in zeek_log(3).splitlines():
        client.xadd("zeek", {"message": line})
    assert len(read(ZEEK, input=address, position=first.position).rows) == 3


def test_each_input_of_a_source_is_gone_on_with_and_no_two_rows_share_a_place(
    client, url, read, tmp_path
):
    client.lpush("a", eve_flow(1))
    client.lpush("b", eve_flow(2))
    (tmp_path / "eve.json").write_bytes(eve_flow(3) + b"\n")
    position, places, rows = b"", [], []
    for address in (f"{url}?list=a", f"{url}?list=b", None, f"{url}?list=a", None):
        client.lpush("a", eve_flow(4))
        found = read(EVE, input=address, position=position, from_start=True)
        position, places = found.position or position, places + found.places
        rows += [] if found.rows is None else found.rows["src_bytes"].tolist()
    assert rows == [1, 4, 2, 3, 4, 4, 4]
    assert len(set(places)) == len(places)


def test_a_server_that_goes_is_said_once_and_read_when_it_comes_back(read, opened):
    port, stopped, notices, rows = free_port(), threading.Event(), [], 0
    address, password = f"{ADDRESS.format(port)}?list=suricata", "hunter2"
    with pytest.raises(ServiceError, match="Redis, key 'suricata'"):
        read(EVE, input=address)
    position = b""
    server = redis_server(port, password=password)
    with server:
        reading = opened(EVE, input=address, position=position)
        found = reading.batches(until_end=False, stopped=stopped)
        assert next(found) is None
    while not notices:
        batch = next(found)
        notices += batch.notices if batch else ()
    assert next(found) is None
    with redis_server(port, password=password), Redis.from_url(ADDRESS.format(port)) as client:
        client.lpush("suricata", eve_flow(1))
        while not rows:
            batch = next(found)
            notices += batch.notices if batch else ()
            rows += len(batch.rows) if batch else 0
        stopped.set()
    assert password not in " ".join(notices)
    assert [one.rpartition(" ")[2] for one in notices[:2]] == ["again", "again"]
    assert len(notices) in (2, 3)  # and perhaps that the list was begun anew


def test_standard_input_is_read_to_its_end(read):
    out, into = os.pipe()
    with os.fdopen(into, "wb") as file:
        file.write(zeek_log(5))
    saved = os.dup(0)
    os.dup2(out, 0)
    try:
        found = read(ZEEK, input="-")
    finally:
        os.dup2(saved, 0)
        os.close(saved)
        os.close(out)
    assert found.uids == ["C0", "C1", "C2", "C3", "C4"]


@pytest.mark.parametrize(
    "address",
    ["conn.log", "redis://h/0", "redis://h/0?list=a&stream=b", "ftp://h/a", "redis:///0?list=a",
     "redis://h/0?list=a&pushed=up", "redis://:hunter2@h:port/0?list=a", "", "kafka://h"],
)  # fmt: skip
def test_what_is_no_input_is_refused_in_a_sentence_without_secrets(address):
    with pytest.raises(ParameterError, match="an input must be - ") as error:
        input_at(address)
    assert "hunter2" not in str(error.value)


def test_a_key_of_another_kind_is_an_error_from_the_beginning(client, url, read):
    client.set("suricata", "text")
    with pytest.raises(DataError, match="the key 'suricata' of Redis"):
        read(EVE, input=f"{url}?list=suricata")
