"""The page is written whatever the columns hold: property-based."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.exploration.campaigns import describe_campaigns
from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.page import html_page
from oddwire.exploration.projections import as_matrix
from oddwire.exploration.sample import AllRows, sample
from oddwire.exploration.statistics import describe
from oddwire.traffic.schema import FeatureSchema

LARGEST = np.finfo(np.float64).max
NUMBERS = st.one_of(
    st.sampled_from([
        LARGEST, -LARGEST, np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1e-320, 2.3e-308,
        1e300, 1e150, 1e16, 1e16 + 2, 1.0,
    ]),
    st.floats(allow_subnormal=True),
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from([
        "$", "\\", "a\x00b", "a\nb", r"$\frac", "$x^{$", "\u200fabc", "\u202eabc",
        "\N{GRINNING FACE}", "日本", "_hidden", "y" * 3000, "", "nan", "None", "%", "{x}",
        "&<>'\"", "e\u0301" * 40,
    ]),
    st.text(max_size=8),
)  # fmt: skip


def few_of(values, count):
    pools = st.lists(values, min_size=1, max_size=5)
    return pools.flatmap(
        lambda pool: st.lists(st.sampled_from(pool), min_size=count, max_size=count)
    )


@st.composite
def frames(draw):
    count = draw(st.sampled_from([0, 1, 2, 25, 60]))
    numeric = draw(st.integers(0, 2))
    categorical = draw(st.integers(0 if numeric else 1, 2))
    reserved = {"label", "attack", "campaign", "ts"}
    names = draw(
        st.lists(
            TEXTS.filter(lambda name: name not in reserved),
            min_size=numeric + categorical, max_size=numeric + categorical, unique=True,
        )
    )  # fmt: skip
    columns = {
        name: np.array(draw(few_of(NUMBERS, count)), dtype=np.float64) for name in names[:numeric]
    } | {
        name: np.array(draw(few_of(TEXTS | st.none(), count)), dtype=object)
        for name in names[numeric:]
    }
    rows = pd.DataFrame(columns, index=range(count))
    labels = draw(few_of(st.sampled_from([0, 1, None]), count))
    family = draw(TEXTS)
    rows["label"] = pd.array(labels, dtype="Int8")
    rows["attack"] = pd.Series([family if label == 1 else None for label in labels], dtype=object)
    if draw(st.booleans()):
        rows["campaign"] = np.array(draw(few_of(TEXTS | st.none(), count)), dtype=object)
    if draw(st.booleans()):
        moments = [None, "1970-01-01", "2026-03-02 10:00", "2026-03-02 10:00:01", "2242-03-16"]
        times = draw(few_of(st.sampled_from(moments), count))
        rows["ts"] = pd.to_datetime(pd.Series(times, dtype=object), utc=True, format="ISO8601")
    return rows, FeatureSchema(tuple(names[:numeric]), tuple(names[numeric:]))


def write(rows, schema, folder, max_rows=100):
    every = AllRows.of(rows)
    looked_at = sample(every, max_rows=max_rows)
    about = {"source": "made", "seed": 0, **describe(every, looked_at, schema)}
    about["suspects"] = find_suspects(every, looked_at, schema, about)
    about["maps"] = {}
    about["campaigns"] = describe_campaigns(every, looked_at)
    assert np.isfinite(as_matrix(looked_at, schema)[0]).all()
    return html_page.write_page(about, looked_at, looked_at, "none wanted", folder)


@settings(max_examples=10)
@given(frames())
def test_every_picture_is_drawn_without_a_warning(made):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        assert write(*made, Path(folder)) == []
        assert (Path(folder) / "index.html").is_file()


@pytest.mark.slow
def test_a_million_categories_are_drawn(tmp_path):
    rows = pd.DataFrame({
        "id": pd.Series(np.arange(1_000_000)).astype(str),
        "label": pd.array(np.arange(1_000_000) % 2, dtype="Int8"),
        "attack": None,
    })  # fmt: skip
    assert write(rows, FeatureSchema((), ("id",)), tmp_path, max_rows=20_000) == []


def test_a_picture_that_fails_leaves_its_reason_and_the_rest_of_the_page(
    rows, schema, tmp_path, monkeypatch
):
    def fail(*_):
        raise OverflowError("the axis is\ntoo $wide")

    monkeypatch.setattr(html_page, "draw_distributions", fail)
    failures = write(rows, schema, tmp_path)
    assert failures == [
        "distributions: This picture could not be drawn: OverflowError: the axis is\ufffdtoo $wide."
    ]
    assert (tmp_path / "distributions.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "correlation.png").is_file()
    assert "This picture could not be drawn: OverflowError" in (tmp_path / "index.html").read_text()
