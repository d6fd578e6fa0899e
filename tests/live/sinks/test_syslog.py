"""Syslog: RFC 5424 to the letter, framed, and to a server that comes and goes."""

from __future__ import annotations

import re
import socket
import time
from datetime import UTC, datetime

import pytest
from command_line import wait_until
from live_runs import message
from sink_servers import Lines, free_port, syslog_tcp

from oddwire.live.sinks import Refused, Unreachable
from oddwire.live.sinks.syslog import Syslog, as_syslog
from oddwire.live.state import Message

# The grammar of RFC 5424, section 6.
RFC_5424 = re.compile(
    rb"<(?P<priority>[0-9]{1,3})>1 "
    rb"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) "
    rb"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<process>[!-~]{1,128}) (?P<kind>[!-~]{1,32}) "
    rb'(?P<data>\[[^ =\]"]{1,32}(?: [^ =\]"]{1,32}="[^"\\\]]*")+\]) '
    rb"\xef\xbb\xbf(?P<text>.*)",
    re.DOTALL,
)


def bodies(sent):
    return [RFC_5424.fullmatch(line)["text"].decode() for line in sent]


def test_a_message_follows_the_standard():
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, UTC)
    found = RFC_5424.fullmatch(as_syslog(message(1, "ü\n"), now=at, host="probe 1\n"))
    assert found["time"] == b"2026-01-02T03:04:05.678Z"
    assert (found["host"], found["app"], found["kind"]) == (b"probe1", b"oddwire", b"alert")
    assert int(found["priority"]) == 16 * 8 + 4
    assert found["data"].decode() == f'[oddwire@32473 id="{message(1).id}"]'
    assert found["text"].decode() == message(1, "ü\n").body


def test_a_hostile_kind_or_host_stays_one_word():
    one = Message("0" * 32, 'a] "\n<script>' + "x" * 99, "{}")
    assert RFC_5424.fullmatch(as_syslog(one, host="\x1b[2J é"))


def test_over_tcp_messages_arrive_framed_and_in_order():
    sent = [message(number, "x" * number) for number in range(250)]
    with syslog_tcp(Lines(free_port())) as lines:
        sink = Syslog("127.0.0.1", lines.port)
        for start in range(0, 250, 100):
            sink.deliver(sent[start : start + 100], "")
        wait_until(lambda: len(lines.messages()) == 250, 30, "all of them arrived")
        sink.close()
    assert bodies(lines.messages()) == [one.body for one in sent]
    assert len(lines.connections) == 1


def test_a_server_that_was_restarted_gets_what_comes_after():
    lines = Lines(free_port())
    sink = Syslog("127.0.0.1", lines.port)
    with syslog_tcp(lines):
        sink.deliver([message(1)], "")
        wait_until(lambda: len(lines.messages()) == 1, 30, "it arrived")
    with pytest.raises(Unreachable, match="refused"):
        sink.deliver([message(2)], "")
    with syslog_tcp(lines):
        sink.deliver([message(2)], "")
        wait_until(lambda: len(lines.messages()) == 2, 30, "both arrived")
        sink.close()
    assert bodies(lines.messages()) == [message(1).body, message(2).body]


def test_a_server_that_takes_nothing_is_not_waited_for_longer_than_was_said():
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sink = Syslog("127.0.0.1", listening.getsockname()[1], seconds=0.5)
        began = time.monotonic()
        with pytest.raises(Unreachable, match=r"timed out|not acknowledged"):
            sink.deliver([message(1, "x" * 20_000_000)], "")
        assert time.monotonic() - began < 5


def test_over_udp_a_message_is_a_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        sink = Syslog("127.0.0.1", server.getsockname()[1], transport="udp")
        assert sink.most == 1
        sink.deliver([message(1)], "")
        assert bodies([server.recv(65536)]) == [message(1).body]
        with pytest.raises(Refused, match=r"at most 65,507 bytes, got 70,\d{3}: use syslog\+tcp"):
            sink.deliver([message(2, "x" * 70_000)], "")
        sink.close()


def test_a_name_that_nobody_knows_is_told():
    with pytest.raises(Unreachable, match=r"tcp nobody\.invalid:601: \w"):
        Syslog("nobody.invalid", 601).deliver([message(1)], "")
