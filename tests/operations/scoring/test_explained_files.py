"""A scored file says why its alerts are odd, and a second file holds all figures."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.operations.scoring.score_file import score_file
from oddwire.operations.scoring.scored_files import explained_file


@pytest.fixture
def current(tmp_path, make_rows):
    """A file of rows as they come: without labels."""
    file = tmp_path / "current.csv"
    rows = make_rows(60, seed=9).drop(columns=["label", "attack"])
    rows.loc[:9, "proto"] = "=cmd|' /C calc'!A0"
    rows.to_csv(file, index=False)
    return file


def read(out):
    return pd.read_parquet(out) if out.suffix == ".parquet" else pd.read_csv(out)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_every_alert_gets_its_reasons(desk, current, tmp_path, name):
    out = tmp_path / name
    done = score_file(desk.project, "desk", current, out, explain_most=200)
    scored, explained = read(out), read(explained_file(out))
    assert done.explanations == explained_file(out)
    assert done.explained == done.alerts == scored["alert"].sum() > 0
    assert scored["why"].notna().equals(scored["alert"])
    assert set(explained["row"]) == set(scored.index[scored["alert"]])
    assert explained["rank"].tolist() == [1, 2, 3, 4] * done.alerts
    first = explained[explained["rank"] == 1]
    for row, feature in zip(first["row"], first["feature"], strict=True):
        assert re.match(rf"contributes \d+ %: {feature}=", scored["why"][row])
    if name != "out.parquet":
        assert not explained["value"].astype(str).str.startswith("=").any()


@pytest.mark.parametrize("broken", ["out.csv", "out.explained.csv"])
def test_where_one_of_the_two_files_cannot_be_written_neither_is(desk, current, tmp_path, broken):
    (tmp_path / broken).mkdir()
    with pytest.raises(DataError, match=r"cannot write .*Is a directory"):
        score_file(desk.project, "desk", current, tmp_path / "out.csv", explain_most=200)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["current.csv", broken])


def test_of_many_alerts_the_most_unusual_are_explained(desk, current, tmp_path):
    out = tmp_path / "out.parquet"
    done = score_file(desk.project, "desk", current, out, explain_most=2)
    scored = read(out)
    assert (done.explained, len(read(explained_file(out)))) == (2, 8)
    assert done.alerts > 2
    told, rest = scored[scored["why"].notna()], scored[scored["why"].isna()]
    assert len(told) == 2
    assert told["anomaly_score"].min() >= rest["anomaly_score"].max()


def test_without_alerts_there_is_nothing_to_explain(desk, tmp_path, make_rows):
    rows = make_rows(60, seed=9).drop(columns=["label", "attack"])
    model = desk.registry.load(desk.registry.champion("desk"))
    calm = rows[~model.score(rows)["alert"]]
    calm.to_csv(tmp_path / "calm.csv", index=False)
    out = tmp_path / "out.parquet"
    done = score_file(desk.project, "desk", tmp_path / "calm.csv", out, explain_most=9)
    assert (done.alerts, done.explained) == (0, 0)
    assert read(out)["why"].isna().all()
    assert read(explained_file(out)).empty


def test_nothing_is_explained_unless_asked_for(desk, current, tmp_path):
    out = tmp_path / "out.parquet"
    done = score_file(desk.project, "desk", current, out)
    assert (done.explained, done.explanations) == (0, None)
    assert "why" not in read(out)
    assert not explained_file(out).exists()


@pytest.mark.parametrize(
    ("out", "beside"),
    [("a.csv", "a.explained.csv"), ("a.b.csv.gz", "a.b.explained.csv.gz"),
     ("a.parquet", "a.explained.parquet")],
)  # fmt: skip
def test_the_second_file_stands_beside_the_first(out, beside):
    assert explained_file(Path("x") / out) == Path("x") / beside
