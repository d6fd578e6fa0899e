"""The webhook: posted with its id and token, and what an answer means."""

from __future__ import annotations

import pytest
from live_runs import message
from sink_servers import Hook, free_port, webhook

from oddwire.live.sinks import NotTaken, Refused, Undelivered, Unreachable
from oddwire.live.sinks.webhook import Webhook

TOKEN = "tok3n-of-nobody"  # noqa: S105


@pytest.fixture
def hook():
    with webhook(Hook(free_port())) as hook:
        yield hook


@pytest.fixture
def sink(hook):
    sink = Webhook(hook.address, token=TOKEN, seconds=1.0)
    yield sink
    sink.close()


def test_a_message_is_posted_with_its_id_and_the_token(sink, hook):
    sink.deliver([message(1, "ü")], "")
    headers, body = hook.got[0]
    assert body.decode() == message(1, "ü").body
    assert headers["Idempotency-Key"] == message(1).id
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (400, Refused), (409, Refused), (413, Refused), (422, Refused),
        (500, NotTaken), (501, NotTaken),
        (401, Unreachable), (403, Unreachable), (404, Unreachable), (408, Unreachable),
        (429, Unreachable), (502, Unreachable), (503, Unreachable), (302, Unreachable),
    ],
)  # fmt: skip
def test_an_answer_means(sink, hook, code, kind):
    hook.answers = [(code, {"Location": "http://127.0.0.1:1/elsewhere"})]
    with pytest.raises(Undelivered, match=f"answered {code}$") as raised:
        sink.deliver([message(1)], "")
    assert type(raised.value) is kind
    assert len(hook.got) == 1


@pytest.mark.parametrize(("asked", "wait"), [("7", 7.0), ("999999", 3600.0), ("soon", 0.0)])
def test_a_server_that_asks_for_patience_gets_it(sink, hook, asked, wait):
    hook.answers = [(503, {"Retry-After": asked})]
    with pytest.raises(Unreachable) as raised:
        sink.deliver([message(1)], "")
    assert raised.value.wait == wait


def test_a_server_that_is_silent_is_waited_for_as_long_as_was_said(sink, hook):
    hook.slow = 3.0
    with pytest.raises(Unreachable, match=r"[Tt]imed? ?out"):
        sink.deliver([message(1)], "")


def test_no_secret_is_told_of_a_server_that_is_down():
    sink = Webhook(
        f"https://joe:hunter2@127.0.0.1:{free_port()}/services/hunter4?key=hunter3", token=TOKEN
    )
    with pytest.raises(Unreachable) as raised:
        sink.deliver([message(1)], "")
    sink.close()
    assert "https://127.0.0.1" in str(raised.value)
    assert not any(
        secret in str(raised.value) for secret in ("hunter2", "hunter3", "hunter4", TOKEN)
    )


def test_a_server_that_speaks_no_tls_gets_no_token(hook):
    sink = Webhook(hook.address.replace("http", "https"), token=TOKEN)
    with pytest.raises(Unreachable, match=r"SSL|TLS"):
        sink.deliver([message(1)], "")
    sink.close()
    assert hook.got == []
