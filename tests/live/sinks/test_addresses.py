"""What ``--sink`` takes, and that it tells no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from oddwire.errors import ParameterError
from oddwire.live.sinks import open_sink, sink_address
from oddwire.live.sinks.json_lines import JsonLines
from oddwire.live.sinks.redis_stream import RedisStream
from oddwire.live.sinks.syslog import Syslog
from oddwire.live.sinks.webhook import Webhook


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("alerts.jsonl", JsonLines, "/project/alerts.jsonl"),
        ("/var/log/odd.ndjson", JsonLines, "/var/log/odd.ndjson"),
        ("redis://:pw@db.example/1?stream=odd", RedisStream, "redis://***@db.example/1?*** odd"),
        ("rediss://db.example", RedisStream, "rediss://db.example oddwire"),
        ("https://u:pw@hook.example/x?key=pw", Webhook, "https://hook.example 24d23d7d"),
        ("http://127.0.0.1:9/x", Webhook, "http://127.0.0.1:9 f02029fb"),
        ("syslog://log.example", Syslog, "syslog://log.example"),
        ("syslog+tls://log.example:99", Syslog, "syslog+tls://log.example:99"),
    ],
)
def test_a_sink_is_known_by_a_name_without_secrets(text, kind, name):
    address = sink_address(text, folder=Path("/project"))
    assert address.name == name
    assert isinstance(open_sink(address), kind)


@pytest.mark.parametrize(
    "text",
    [
        "alerts.txt", "ftp://db.example/x", "https://", "kafka://hunter2@db.example",
        "redis://user:hunter2/x@db.example", "joe:hunter2@db.example",
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_telling_a_secret(text):
    with pytest.raises(ParameterError, match=r"--sink must be a FILE\.jsonl") as raised:
        sink_address(text)
    assert "hunter2" not in str(raised.value)


def test_plain_http_is_for_this_machine_alone():
    with pytest.raises(ParameterError, match="must be https:// for another machine"):
        sink_address("http://hook.example/x")
