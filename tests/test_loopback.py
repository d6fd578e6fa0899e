"""A proxy of the environment is never asked for what listens on this machine."""

from __future__ import annotations

import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import requests

from oddwire.cli.environment import quiet_tools
from oddwire.loopback import bypass_proxies

NOBODY = "http://127.0.0.1:1"  # a port that nothing listens on
NAMES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b"{}")

    do_POST = do_GET  # noqa: N815 - the library's names

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def server():
    """The port of a server on this machine that answers anything by an empty object."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def proxies(monkeypatch):
    """Make the environment name a proxy that does not answer."""
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    for name in NAMES:
        monkeypatch.setenv(name, NOBODY)


def asked_by_every_library(port):
    for host in ("127.0.0.1", "localhost"):
        address = f"http://{host}:{port}/"
        # `urlopen` would keep the proxies of its first call for all tests of the process.
        opener = urllib.request.build_opener()
        yield lambda address=address: httpx.get(address).status_code
        yield lambda address=address: requests.get(address, timeout=9).status_code
        yield lambda address=address, opener=opener: opener.open(address, timeout=9).status


def test_local_servers_are_asked_without_a_proxy(server, proxies):
    for ask in asked_by_every_library(server):
        with pytest.raises((OSError, httpx.HTTPError)):
            ask()
    quiet_tools(terminal=True)
    assert [ask() for ask in asked_by_every_library(server)] == [200] * 6


def test_mlflow_s_client_is_among_them(server, proxies):
    from mlflow import MlflowClient

    quiet_tools(terminal=True)
    client = MlflowClient(f"http://127.0.0.1:{server}")
    assert list(client.search_experiments()) == []


@pytest.mark.slow
def test_prefect_s_client_is_among_them(prefect_server, proxies):
    from prefect.client.orchestration import get_client

    quiet_tools(terminal=True)
    with get_client(sync_client=True) as client:
        assert client.api_healthcheck() is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"no_proxy": "a.example"}, {"no_proxy": "a.example"}),
        ({"HTTP_PROXY": "x"}, "127.0.0.1,localhost,::1"),
        (
            {"all_proxy": "x", "no_proxy": "a.example, b", "NO_PROXY": "c,b"},
            "a.example,b,c,127.0.0.1,localhost,::1",
        ),
        ({"https_proxy": "x", "NO_PROXY": "*"}, "*"),
        ({"https_proxy": "x", "no_proxy": "::1,localhost"}, "::1,localhost,127.0.0.1"),
    ],
)
def test_what_the_user_excepts_stays_excepted(given, expected):
    environment = dict(given)
    bypass_proxies(environment)
    if isinstance(expected, str):
        assert environment["no_proxy"] == environment["NO_PROXY"] == expected
        bypass_proxies(environment)  # again, as each command does
        assert environment["no_proxy"] == expected
    else:
        assert environment == expected


def test_the_served_flows_are_a_process_of_their_own(monkeypatch, proxies):
    """``python -m flows.deployments`` is started without the command line too."""
    from flows import deployments

    monkeypatch.setattr(deployments.Project, "find", lambda: (_ for _ in ()).throw(KeyError))
    with pytest.raises(KeyError):
        deployments.main()
    assert os.environ["no_proxy"] == "127.0.0.1,localhost,::1"
