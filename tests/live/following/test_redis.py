"""Lists and streams of a real Redis: each message once, whenever the reader was killed."""

from __future__ import annotations

from random import Random

import pytest
from redis_servers import redis_server
from sink_servers import free_port

from oddwire.errors import DataError, ServiceError
from oddwire.live.following import Limits
from oddwire.live.following.servers.redis_list import RedisListFollower
from oddwire.live.following.servers.redis_messages import connect
from oddwire.live.following.servers.redis_stream import RedisStreamFollower

LIMITS = Limits(batch_bytes=40, line_bytes=30)


@pytest.fixture(scope="module")
def url():
    port = free_port()
    with redis_server(port):
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture
def client(url):
    with connect(url) as found:
        found.flushall()
        yield found


def read_lines(batch):
    return [line for chunk in batch.chunks for line in chunk.block.data.splitlines()]


@pytest.mark.parametrize("pushed", ["left", "right"])
@pytest.mark.parametrize("seed", range(10))
def test_a_list_is_read_once_and_in_order_by_who_is_killed(client, url, pushed, seed):
    random = Random(seed)
    push = client.lpush if pushed == "left" else client.rpush
    sent, saved, position = [], [], None

    def follow():
        return RedisListFollower(
            connect(url), "eve", position=position, pushed=pushed, limits=LIMITS
        )

    follower, unconfirmed = follow(), []
    for step in range(300):
        match random.choice(["push", "poll", "poll", "confirm", "kill"]):
            case "push":
                for _ in range(random.randint(0, 9)):
                    sent.append(b"%d" % len(sent))
                    push("eve", sent[-1])
            case "poll" if (batch := follower.poll()) is not None:
                assert batch.notices == (), step
                saved += read_lines(batch)
                position = batch.position
                unconfirmed.append(position)
            case "confirm" if unconfirmed:
                follower.confirm(unconfirmed.pop(random.randrange(len(unconfirmed))))
            case "kill":
                follower.close()
                follower, unconfirmed = follow(), []
    while (batch := follower.poll()) is not None:
        saved += read_lines(batch)
        position = batch.position
        unconfirmed.append(position)
    for one in unconfirmed[-1:]:
        follower.confirm(one)
    follower.close()
    follow().poll()  # takes off what was saved and not confirmed
    assert saved == sent
    assert len(sent) > 100
    assert client.llen("eve") == 0


def test_a_list_that_the_server_lost_is_read_from_its_start(client, url):
    client.lpush("eve", "one", "two", "three")
    with connect(url) as own:
        batch = RedisListFollower(own, "eve").poll()
        client.flushall()
        client.lpush("eve", "four")
        again = RedisListFollower(own, "eve", position=batch.position).poll()
    assert read_lines(again) == [b"four"]
    assert "begun anew" in again.notices[0]


def test_what_somebody_else_took_is_not_taken_again(client, url):
    client.lpush("eve", "one", "two")
    follower = RedisListFollower(connect(url), "eve")
    batch = follower.poll()
    client.delete("eve")
    client.lpush("eve", "three", "four")
    follower.confirm(batch.position)
    assert read_lines(follower.poll()) == [b"three", b"four"]
    follower.close()


def test_messages_are_lines_and_long_ones_are_named(client, url):
    client.lpush("eve", b'{"a":\n1}\n', b"x" * 31, b"y")
    with connect(url) as own:
        block = RedisListFollower(own, "eve", limits=Limits(line_bytes=30)).poll().chunks[0].block
    assert block.data == b'{"a": 1}\n\ny\n'
    assert block.too_long == (2,)


@pytest.mark.parametrize("seed", range(5))
def test_a_stream_is_read_once_and_in_order_by_who_is_killed(client, url, seed):
    random = Random(seed)
    sent, saved, position = [], [], None

    def follow():
        return RedisStreamFollower(
            connect(url), "eve", position=position, from_start=True, limits=LIMITS
        )

    follower = follow()
    for _ in range(200):
        match random.choice(["add", "poll", "kill"]):
            case "add":
                for _ in range(random.randint(0, 9)):
                    sent.append(b"%d" % len(sent))
                    client.xadd("eve", {"eve": sent[-1]})
            case "poll" if (batch := follower.poll()) is not None:
                assert batch.notices == ()
                saved, position = saved + read_lines(batch), batch.position
            case "kill":
                follower.close()
                follower = follow()
    while (batch := follower.poll()) is not None:
        saved += read_lines(batch)
    follower.close()
    assert saved == sent
    assert len(sent) > 100


def test_a_stream_is_begun_at_its_end_and_says_what_was_cut_off(client, url):
    client.xadd("eve", {"eve": "before"})
    with connect(url) as own:
        follower = RedisStreamFollower(own, "eve")
        begun = follower.poll()
        assert (begun.chunks, follower.poll()) == ((), None)
        for number in range(5):
            client.xadd("eve", {"eve": str(number)})
        client.xtrim("eve", maxlen=2, approximate=False)
        batch = RedisStreamFollower(own, "eve", position=begun.position).poll()
    assert read_lines(batch) == [b"3", b"4"]
    assert "of the stream 'eve' were cut off before they were read" in batch.notices[0]


def test_another_kind_of_key_is_said_and_so_is_a_server_that_is_not_there(client, url):
    client.set("eve", "text")
    with connect(url) as own, pytest.raises(DataError, match="the key 'eve' of Redis"):
        RedisListFollower(own, "eve").poll()
    absent = connect(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(ServiceError, match="Redis, key 'eve'"):
        RedisListFollower(absent, "eve").poll()
