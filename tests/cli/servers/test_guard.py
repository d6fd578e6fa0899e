"""A local server hears its own page and programs of this machine, and no other web page."""

from __future__ import annotations

import asyncio

import pytest

from oddwire.cli.servers.guard import Guard, refusal

HERE = "127.0.0.1:4200"


def refused(method="POST", **headers):
    given = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return bool(refusal(method, given))


@pytest.mark.parametrize("host", [HERE, "localhost:4200", "127.0.0.1", "localhost:9"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", ""])
def test_programs_of_this_machine_are_heard(method, host):
    assert not refused(method, host=host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:4200", "10.evil.example", "127.0.0.1.evil.example",
        "localhost.evil.example:4200", "evil.example#127.0.0.1", "127.0.0.1:4200@evil.example",
        "127.0.0.1:4200, evil.example", "10.0.0.7:4200", "0.0.0.0:4200", "", "127.0.0.1\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_name_is_refused_whatever_it_resolves_to(method, host):
    assert refused(method, host=host)
    assert refused(method, host=host, origin=f"http://{host}")


def test_no_host_and_two_hosts_are_refused():
    assert refusal("GET", [])
    assert refusal("GET", [(b"host", HERE.encode()), (b"host", b"evil.example")])


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", ""])
@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "https://evil.example", "null", "", "http://127.0.0.1:9",
        "http://localhost", "https://127.0.0.1:4200", "http://127.0.0.1:4200.evil.example",
        "http://127.0.0.1:4200 http://evil.example", "file://", "HTTP://EVIL.EXAMPLE:4200",
    ],
)  # fmt: skip
def test_another_page_is_refused(method, origin):
    assert refused(method, host=HERE, origin=origin)


@pytest.mark.parametrize("origin", ["http://127.0.0.1:4200", "http://localhost:4200"])
def test_its_own_page_is_heard_by_either_name(origin):
    for host in (HERE, "localhost:4200"):
        assert not refused(host=host, origin=origin)
        assert not refused(host=host, origin=origin, sec_fetch_site="cross-site")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_leads_here_and_what_a_page_embeds_does_not(site):
    link = {"host": HERE, "sec_fetch_site": site, "sec_fetch_mode": "navigate"}
    assert not refused("GET", **link, sec_fetch_dest="document")
    assert refused("POST", **link, sec_fetch_dest="document")
    assert refused("GET", **link, sec_fetch_dest="iframe")
    embedded = {"host": HERE, "sec_fetch_site": site, "sec_fetch_mode": "no-cors"}
    assert refused("GET", **embedded, sec_fetch_dest="image")
    assert not refused("GET", **(embedded | {"sec_fetch_site": "same-origin"}))


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("host", [HERE, "evil.example"])
def test_what_is_refused_does_not_reach_the_server(kind, host):
    reached, sent = [], []

    async def app(scope, receive, send):
        reached.append(scope)

    async def receive():
        return {}

    async def send(message):
        sent.append(message["type"])

    scope = {"type": kind, "method": "GET", "headers": [(b"host", host.encode())]}
    asyncio.run(Guard(app)(scope, receive, send))
    if host == HERE:
        assert reached == [scope]
    else:
        assert reached == []
        assert sent[0] == ("http.response.start" if kind == "http" else "websocket.close")
