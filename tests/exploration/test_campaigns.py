"""What campaigns there are before the test part: how many, how large, how long, and when."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from oddwire.exploration.campaigns import describe_campaigns
from oddwire.exploration.findings import campaigns_in_words, findings
from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.page.html_page import write_page
from oddwire.exploration.sample import AllRows
from oddwire.exploration.statistics import describe
from oddwire.traffic.schema import FeatureSchema

HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>$\x1b{{7*7}}</script>'
# Minute, label, campaign, family.
ROWS = [
    (0, 0, None, None), (1, 1, "s1", "scan"), (3, 1, "s1", "scan"), (4, 1, "s1", "flood"),
    (5, 1, "f1", "flood"), (6, 1, None, "flood"), (7, 0, "s1", None), (8, None, "s1", "scan"),
    (9, 1, "s2", "scan"), (70, 1, "f1", "flood"),
]  # fmt: skip


def frame(rows=ROWS, *, timed=True):
    minute, label, campaign, attack = zip(*rows, strict=True)
    made = pd.DataFrame({"label": pd.array(label, dtype="Int8")})
    made["campaign"], made["attack"] = pd.Series(campaign, dtype=object), list(attack)
    made["size"] = range(len(made))
    if timed:
        made["ts"] = pd.Timestamp("2026-03-02", tz="UTC") + pd.to_timedelta(minute, unit="min")
    return made


def described(made, pieces=1):
    size = -(-len(made) // pieces)

    def read(names):
        for first in range(0, len(made), size):
            yield made[first : first + size][made.columns if names is None else list(names)]

    return describe_campaigns(AllRows(read), made)


def page_of(made, folder, **more):
    schema = FeatureSchema(("size",))
    every = AllRows.of(made)
    about = {"source": "made", "seed": 0, **describe(every, made, schema), "maps": {}}
    about["suspects"] = find_suspects(every, made, schema, about)
    campaigns = describe_campaigns(every, made)
    about["campaigns"] = campaigns and campaigns | more
    assert write_page(about, made, made, "none wanted", folder) == []
    return (folder / "index.html").read_text(), about


@pytest.mark.parametrize("pieces", [1, 3, 10])
def test_each_family_has_its_campaigns_rows_lengths_and_times(pieces):
    about = described(frame(), pieces)
    assert (about["count"], about["without"]) == (3, 1)
    assert about["families"] == {
        "scan": {
            "campaigns": 2, "rows": 4, "median_rows": 2.0, "most_rows": 3, "median_minutes": 1.5,
            "most_minutes": 3.0, "first": "2026-03-02T00:01:00+00:00",
            "last": "2026-03-02T00:09:00+00:00",
        },
        "flood": {
            "campaigns": 1, "rows": 2, "median_rows": 2.0, "most_rows": 2, "median_minutes": 65.0,
            "most_minutes": 65.0, "first": "2026-03-02T00:05:00+00:00",
            "last": "2026-03-02T01:10:00+00:00",
        },
    }  # fmt: skip
    assert [each["campaign"] for each in about["campaigns"]] == ["s1", "f1", "s2"]
    json.dumps(about, allow_nan=False)


def test_without_times_there_are_no_lengths():
    about = described(frame(timed=False))
    assert set(about["families"]["scan"]) == {"campaigns", "rows", "median_rows", "most_rows"}
    assert set(about["campaigns"][0]) == {"campaign", "family", "rows"}


def test_where_no_attack_names_a_campaign_there_is_nothing_to_describe(tmp_path):
    for made in (frame().drop(columns="campaign"), frame().assign(campaign=None),
                 frame().assign(label=pd.array([0] * len(ROWS), dtype="Int8"))):  # fmt: skip
        assert described(made) is None
    page, _ = page_of(frame().drop(columns="campaign"), tmp_path)
    assert "Campaigns" not in page


def test_the_page_shows_them_and_the_parts_that_they_are_in(tmp_path):
    cut = "rows before the test part hold 1 of the 2 campaigns in it too (4 rows of it)"
    page, about = page_of(
        frame(), tmp_path, parts={"train": 0, "validation": 3, "test": 2}, cut=cut
    )
    assert "<h2>Campaigns</h2>" in page
    assert "Campaigns by part: 3 in validation, 2 in test. Rows before the test part hold" in page
    assert "1 attack row before the test part of no known campaign." in page
    assert "65 min" in page
    assert (tmp_path / "campaigns.png").read_bytes().startswith(b"\x89PNG")
    assert any(
        each.weight == "check" and "hold 1 of the 2" in each.text for each in findings(about)
    )
    none_cut = about["campaigns"] | {"cut": ""}
    sentence = next(campaigns_in_words({"campaigns": none_cut}))
    assert sentence.endswith("2 in test. None in test has rows before it.")


def test_hostile_names_are_escaped(tmp_path):
    made = frame([(minute, label, name and HOSTILE + name, family and HOSTILE)
                  for minute, label, name, family in ROWS])  # fmt: skip
    page, _ = page_of(made, tmp_path, parts={"validation": 3, "test": 2}, cut="")
    assert '<img src="http' not in page
    assert "\x1b" not in page
