"""Links lead to the view of model training, whoever serves the page."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from oddwire.operations.tracking import links


def parts_of(link):
    page, _, place = link.partition("#")
    path = urlsplit(place)
    return page, path.path, {key: value[0] for key, value in parse_qs(path.query).items()}


@pytest.mark.parametrize(
    ("uri", "named", "expected"),
    [
        ("sqlite:///mlruns/mlflow.db", None, "http://127.0.0.1:5000"),
        ("sqlite:///mlruns/mlflow.db", "http://127.0.0.1:5001/", "http://127.0.0.1:5001"),
        ("postgresql://u:secret@host/db", None, "http://127.0.0.1:5000"),
        ("https://user:secret@mlflow.lan:8443/base/", None, "https://mlflow.lan:8443/base"),
        ("http://mlflow.lan", "https://page.lan", "https://page.lan"),
    ],
)
def test_the_page_is_the_one_that_people_can_open_and_holds_no_password(
    monkeypatch, uri, named, expected
):
    monkeypatch.delenv(links.PAGE_VARIABLE, raising=False)
    if named:
        monkeypatch.setenv(links.PAGE_VARIABLE, named)
    assert links.page(uri) == expected


@pytest.mark.parametrize(
    ("link", "place"),
    [
        (links.run_link("http://p", "3", "abc"), "/experiments/3/runs/abc"),
        (links.runs_link("http://p", "3"), "/experiments/3/runs"),
        (links.compare_link("http://p", ["3"], ["a", "b"]), "/compare-runs"),
    ],
)
def test_every_link_opens_the_view_of_model_training(link, place):
    page, path, query = parts_of(link)
    assert (page, path) == ("http://p/", place)
    assert query["workflowType"] == "machine_learning"


def test_runs_to_compare_come_first_or_the_page_does_not_find_them():
    link = links.compare_link("http://p", ["3"], ["a", "b"])
    assert "?runs=" in link
    _, _, query = parts_of(link)
    assert json.loads(query["runs"]) == ["a", "b"]
    assert json.loads(query["experiments"]) == ["3"]


def test_a_filter_is_quoted_and_a_link_within_the_page_has_no_address():
    link = links.runs_link("", "3", 'tags.kind = "training"')
    page, path, query = parts_of(link)
    assert (page, path) == ("", "/experiments/3/runs")
    assert query["searchFilter"] == 'tags.kind = "training"'
    assert not set(link) & set(' "')
