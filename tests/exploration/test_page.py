"""What is said of a source, and the page with its pictures."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from oddwire.exploration.findings import findings, rows_in_words
from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.page.html_page import write_page
from oddwire.exploration.pictures.distributions import most_separating
from oddwire.exploration.projections import Maps, as_matrix, place_on_maps
from oddwire.exploration.sample import AllRows
from oddwire.exploration.statistics import describe
from oddwire.traffic.schema import FeatureSchema

PICTURES = {"alone", "correlation", "distributions", "maps"}
HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>$\x1b{{7*7}}</script>'


def explored(rows, schema, source="made"):
    about = {"source": source, "seed": 0, **describe(AllRows.of(rows), rows, schema)}
    return about | {"suspects": find_suspects(AllRows.of(rows), rows, schema, about), "maps": {}}


def test_findings_name_the_leak_first_and_count_what_stands_out(rows, schema):
    made = rows.assign(copy=rows["label"].astype(float), gone=np.nan)
    wider = FeatureSchema((*schema.numeric, "copy", "gone"), schema.categorical)
    about = explored(made, wider)
    found = findings(about)
    assert found[0].weight == "check"
    assert found[0].text.startswith("1 column separates the classes alone: copy.")
    assert any("1 column without any value: gone." in finding.text for finding in found)
    assert any("1 column with one value only: same." in finding.text for finding in found)
    assert rows_in_words(about).startswith("600 rows before the test part: ")


def test_the_best_separating_feature_comes_first_and_its_duplicate_is_left_out(rows, schema):
    names = most_separating(describe(AllRows.of(rows), rows, schema), most=9)
    assert names[0] in {"size", "double"}
    assert {"size", "double"} - set(names)
    assert "same" not in names


LARGEST = np.finfo(np.float64).max
CASES = [
    "labelled",
    "unlabelled",
    "one class",
    "one column",
    "text alone",
    "empty",
    "infinite",
    "huge",
]


def case_of(case, rows, schema):
    no_label = pd.array([None] * len(rows), dtype="Int8")
    return {
        "labelled": (rows, schema),
        "unlabelled": (rows.assign(label=no_label, attack=None), schema),
        "one class": (rows[rows["label"] == 1].reset_index(drop=True), schema),
        "one column": (rows, FeatureSchema(("size",))),
        "text alone": (rows, FeatureSchema((), ("proto",))),
        "empty": (rows.assign(same=np.nan, proto=None), FeatureSchema(("same",), ("proto",))),
        "infinite": (
            rows.assign(same=np.resize([np.inf, -np.inf], len(rows))),
            FeatureSchema(("same", "gaps")),
        ),
        "huge": (
            rows.assign(
                size=np.resize([1.8e308, 5e-324, 1.0], len(rows)),
                same=np.resize([LARGEST, -LARGEST], len(rows)),
                noise=np.resize([LARGEST, 1.0, 0.0, 5e-324], len(rows)),
            ),
            schema,
        ),
    }[case]


@pytest.mark.parametrize("case", CASES)
def test_draws_whatever_the_columns_are(rows, schema, tmp_path, case):
    made, of_case = case_of(case, rows.iloc[:150], schema)
    about = explored(made, of_case)
    maps = place_on_maps(*as_matrix(made, of_case), seed=0)
    about["maps"] = maps.to_dict() if isinstance(maps, Maps) else {}

    def written(folder):
        folder.mkdir()
        write_page(about, made, made, maps, folder)
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    first = written(tmp_path / "first")
    drawn = PICTURES | ({"categories"} if of_case.categorical else set())
    drawn -= {"alone"} if case in {"unlabelled", "one class"} else set()
    assert set(first) == {f"{name}.png" for name in drawn} | {"index.html", "statistics.json"}
    assert all(first[f"{name}.png"].startswith(b"\x89PNG") for name in drawn)
    if case == "labelled":
        assert first == written(tmp_path / "second")


class Page(HTMLParser):
    """What a browser would load, run and read out."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.alts, self.handlers = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.sources += [value for name, value in attrs if name in {"src", "href", "srcset"}]
        self.alts += [value for name, value in attrs if name == "alt"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_the_page_needs_nothing_else_and_escapes_what_came_over_the_wire(rows, tmp_path):
    schema = FeatureSchema(("size", "noise", HOSTILE), (f"{HOSTILE}2", "long" * 50_000))
    made = rows.assign(**{HOSTILE: rows["label"].astype(float), f"{HOSTILE}2": HOSTILE})
    made["long" * 50_000] = ["y" * 1_000_000] + [HOSTILE, "z"] * 299 + ["z"]
    made["attack"] = made["attack"].where(made["attack"].isna(), HOSTILE)
    write_page(explored(made, schema), made, made, "none wanted", tmp_path)
    text = (tmp_path / "index.html").read_text()
    page = Page(text)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert not page.handlers
    assert all(re.match(r"data:image/png;base64,|#\w+$", source) for source in page.sources)
    assert len(page.alts) == len(PICTURES) + 1
    assert all(page.alts)
    assert "default-src 'none'" in text
    assert "\x1b" not in text
    assert "{{7*7}}" in text  # shown as it stands, not worked out
    assert "1 column separates the classes alone: &lt;img" in text
    assert len(text) < 1_000_000


@pytest.mark.slow
def test_of_many_columns_some_are_drawn_and_the_page_says_how_many(tmp_path):
    random = np.random.default_rng(0)
    names = tuple(f"c{at}" for at in range(300))
    rows = pd.DataFrame(random.normal(size=(200, 300)), columns=list(names))
    rows["label"] = pd.array([0, 1] * 100, dtype="Int8")
    rows["attack"] = None
    schema = FeatureSchema(names)
    write_page(explored(rows, schema), rows, rows, "none wanted", tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert "The first 200 of 300 numeric columns;" in text
    assert "Shown: 40 of 300 numeric features that vary." in text
    assert "Shown: 20 of 300 features." in text
    assert len(json.loads((tmp_path / "statistics.json").read_text())["numeric"]) == 300
