"""Every answer of the page tells a browser to run nothing, and nothing can be ordered."""

from __future__ import annotations

import httpx
import pytest
from page_visits import Visitor, assert_harmless, links

from oddwire.live.page import pages

PATHS = (
    "/", "/watchers", "/style.css", "/healthz", "/api/incidents", "/nowhere", "/?severity=worst",
    "/api/nowhere", "/incidents/ffff",
)  # fmt: skip


def assert_protected(answer):
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_the_headers(visitor, path):
    assert_protected(visitor.ask(path))


def test_so_has_a_defect_which_shows_nothing_of_itself(visitor, monkeypatch):
    def broken(*_):
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(pages, "incidents_page", broken)
    answer = visitor.ask("/")
    assert answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR
    assert_protected(answer)
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
)
@pytest.mark.parametrize("path", PATHS)
def test_it_can_be_read_alone(visitor, path, method):
    answer = visitor.ask(path, method)
    assert answer.status_code == httpx.codes.METHOD_NOT_ALLOWED
    assert answer.headers["allow"] == "GET, HEAD"
    assert_protected(answer)


@pytest.mark.parametrize("path", PATHS)
def test_head_answers_as_get_does(visitor, path):
    assert visitor.ask(path, "HEAD").status_code == visitor.ask(path).status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "127.0.0.1:9"}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "evil.example"}, 403),
        ({"host": "127.0.0.1.evil.example:8100"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
    ],
)
def test_it_answers_to_its_own_name_alone(visitor, headers, status):
    answer = visitor.ask("/api/incidents", **headers)
    assert answer.status_code == status
    assert ("incidents" in answer.text) == (status == 200)


def test_no_page_has_a_script_a_style_of_its_own_or_anything_from_elsewhere(visitor):
    incident = links(visitor.read("/?kind=scan"), "/incidents/")[0]
    alert = links(visitor.read(incident), "/alerts/")[0]
    for path in ("/", "/watchers", incident, alert, "/?severity=high"):
        assert_harmless(visitor.read(path))


def test_machines_are_told_which_version_answers(visitor):
    import oddwire

    assert visitor.ask("/healthz").json() == {"status": "ok", "version": oddwire.__version__}


def test_health_needs_no_store(tmp_path):
    assert Visitor(f"sqlite:///{tmp_path / 'none.db'}").ask("/healthz").status_code == 200
