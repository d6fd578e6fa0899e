"""The drift report: our figures on one page, safe whatever an attacker named."""

from __future__ import annotations

import datetime as dt
import html
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stubs import RecordedProgress

from oddwire.operations.drift.columns import code_numbers
from oddwire.operations.drift.report import check_drift
from oddwire.operations.drift.reporting import html_report
from oddwire.operations.drift.reporting.html_report import LONGEST_NAME, write_report
from oddwire.operations.drift.reporting.pictures import picture
from oddwire.operations.drift.result import Subject
from oddwire.operations.drift.verdict import ColumnDrift
from oddwire.operations.progress import watched_by
from oddwire.params import DriftSettings
from oddwire.traffic.schema import FeatureSchema

HOSTILE = "</script><script>alert('x')</script>"
HOSTILE_NAME = '<img src="//evil.example/x" onerror=alert(1)>'
SCHEMA = FeatureSchema(("f0", "f1", HOSTILE_NAME), ("service",))
SUBJECT = Subject(
    source="office", current="today.csv", kind="file", version="4", detector="one_class_svm",
    file="/incoming/today.csv", start=dt.datetime(2026, 3, 16, tzinfo=dt.UTC),
    end=dt.datetime(2026, 3, 17, tzinfo=dt.UTC), rows=12_345, alert_rate=0.0123, alert_p_value=0.01,
)  # fmt: skip


def traffic(*, seed: int, factor: float, rows: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = np.exp(rng.normal(5, 1.5, (rows, 3)))
    numbers[:, 0] *= factor
    frame = pd.DataFrame(numbers, columns=list(SCHEMA.numeric))
    return frame.assign(service=rng.choice(["http", "dns", HOSTILE], rows))


def compared(before, now, schema=SCHEMA):
    scores = {
        "reference_scores": np.arange(float(len(before))),
        "current_scores": np.arange(float(len(now))),
    }
    return check_drift(before, now, schema, settings=DriftSettings(), seed=0, **scores)


def written(check, folder, subject=SUBJECT):
    write_report(check, subject, folder / "drift.html")
    return (folder / "drift.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def hostile():
    """A check over columns and categories that an attacker named."""
    before, now = traffic(seed=1, factor=1), traffic(seed=2, factor=3)
    before.loc[::9, "f1"] = np.nan
    now.loc[::3, "f1"] = np.nan
    now.loc[::7, "f1"] = np.inf
    return compared(before, now)


def test_the_report_names_what_was_compared_with_what(hostile, tmp_path):
    page = written(hostile, tmp_path)
    title = re.search("<title>(.*)</title>", page)[1]
    assert title == f"drift {hostile.drifted_columns}/5 · office · today.csv"
    text = html.unescape(re.sub("<[^>]+>", " ", page))
    for fact in (
        "2026-03-16 00:00 to 2026-03-17 00:00 UTC", "/incoming/today.csv", "12,345",
        "version 4, one_class_svm", "1.23 % (1 % is expected of benign traffic)",
    ):  # fmt: skip
        assert fact in text


def test_every_column_has_its_distance_and_threshold_by_their_standard_names(hostile, tmp_path):
    page = written(hostile, tmp_path)
    name, text, figure = (
        '<td class="name">(.*?)</td>',
        "<td>(.*?)</td>",
        '<td class="figure">(.*?)</td>',
    )
    rows = re.findall(name + text + figure + figure, page)
    assert {html.unescape(name): tuple(rest) for name, *rest in rows} == {
        one.column: (
            "total variation" if one.column == "service" else "Kolmogorov-Smirnov",
            f"{one.statistic:.3f}",
            f"{one.threshold:.3f}",
        )
        for one in hostile.columns
    }
    assert page.count('<tr class="drifted">') == hostile.drifted_columns > 0


def test_the_share_of_missing_values_is_told_for_both_sides(hostile, tmp_path):
    assert "missing 11.2 % → 28.5 %" in written(hostile, tmp_path)


def test_hostile_names_are_harmless_in_the_report(hostile, tmp_path):
    subject = replace(SUBJECT, current=HOSTILE_NAME, file=HOSTILE_NAME)
    page = written(hostile, tmp_path, subject)
    assert "<script" not in page
    assert "<img" not in page
    assert html.escape(HOSTILE_NAME) in page.replace("&#34;", "&quot;"), "it is still shown"
    assert "&lt;/script&gt;&lt;" in page, "and so is the category"


def test_the_report_fetches_and_runs_nothing(hostile, tmp_path):
    page = written(hostile, tmp_path)
    assert "default-src 'none'" in html.unescape(page)
    assert "script-src" not in page
    assert not re.search(r"<[^>]*\s(src|href)\s*=", page)


def test_a_name_of_a_megabyte_is_cut(tmp_path):
    long = "x" * 1_000_000
    schema = FeatureSchema((long, "f1", HOSTILE_NAME), ("service",))
    sides = [traffic(seed=s, factor=1).rename(columns={"f0": long}) for s in (1, 2)]
    page = written(compared(*sides, schema), tmp_path)
    assert len(page) < 100_000
    assert "x" * (LONGEST_NAME - 1) + "…" in page


def test_columns_of_one_value_or_none_are_drawn(tmp_path):
    sides = [traffic(seed=s, factor=1).assign(f0=0.0, f1=np.nan) for s in (1, 2)]
    page = written(compared(*sides), tmp_path)
    assert "missing 100 % → 100 %" in page
    assert "nan" not in re.findall('<path class="before" d="([^"]*)"', page)[0]


def test_a_wide_report_stays_small(tmp_path):
    """Sixty-two columns and 20,000 rows: the promise is 3 MB."""
    rng = np.random.default_rng(0)
    schema = FeatureSchema(tuple(f"n{i}" for i in range(56)), tuple(f"c{i}" for i in range(6)))
    sides = []
    for _ in range(2):
        side = pd.DataFrame(np.exp(rng.normal(5, 1, (20_000, 56))), columns=list(schema.numeric))
        for name in schema.categorical:
            side[name] = rng.choice([f"v{i}" for i in range(40)], 20_000)
        sides.append(side)
    assert len(written(compared(*sides, schema), tmp_path)) < 300_000


def test_rows_of_the_training_data_do_not_pass_for_new_traffic(hostile, tmp_path):
    subject = replace(SUBJECT, kind="test part", current="newest rows", file="")
    assert "no newer traffic is known" in written(hostile, tmp_path, subject)
    assert "no newer traffic is known" not in written(hostile, tmp_path)


NUMBERS = st.one_of(
    st.sampled_from([np.finfo(float).max, -np.finfo(float).max, np.inf, -np.inf, np.nan, 5e-324]),
    st.floats(),
)


@settings(max_examples=30)
@given(
    before=st.lists(NUMBERS, min_size=1, max_size=6), now=st.lists(NUMBERS, min_size=1, max_size=6)
)
def test_every_column_is_drawn_as_the_check_scales_it(before, now):
    coded = code_numbers(pd.Series(before), pd.Series(now))
    sides = [pd.Series(coded.decode(codes)) for codes in (coded.reference, coded.current)]
    assert picture(ColumnDrift("f", 0.0, 1.0, False, "numeric"), *sides).startswith("<svg")


def test_a_picture_that_fails_is_told_and_the_report_is_written(hostile, tmp_path, monkeypatch):
    def fail(*_):
        raise OverflowError

    monkeypatch.setattr(html_report, "picture", fail)
    watcher = RecordedProgress()
    with watched_by(watcher):
        page = written(hostile, tmp_path)
    assert page.count("could not be drawn: OverflowError") == len(hostile.columns)
    assert len(watcher.remarks) == len(hostile.columns)
