"""A file scored batch by batch is the file scored at once: order, values and types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.errors import DataError
from oddwire.operations.scoring import score_file as scoring
from oddwire.operations.scoring.score_file import score_file
from oddwire.operations.scoring.scored_files import explained_file
from oddwire.params import load_params
from oddwire.traffic.sources.simulated import simulate


@pytest.fixture
def at_once(monkeypatch):
    """Return a function that says how many rows are held from now on."""

    def hold(rows):
        monkeypatch.setattr(
            scoring,
            "load_params",
            lambda file: load_params(file).model_copy(update={"rows_at_once": rows}),
        )

    return hold


def scored_twice(at_once, project, source, file, folder, suffix, **asked):
    """Score a file at once and in batches; return what was told and what was written."""
    told, read = [], []
    for rows in (10_000, 100):
        at_once(rows)
        out = folder / f"{rows}{suffix}"
        done = score_file(project, source, file, out, **asked)
        files = [out, explained_file(out)] if asked.get("explain_most") else [out]
        told.append(replace(done, seconds=0, out=folder, explanations=None))
        read.append([_read(one) for one in files])
    return told, read


def _read(file):
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    return pd.read_csv(file, dtype=str, keep_default_na=False)


def is_equal(told, read):
    assert told[0] == told[1]
    for whole, in_batches in zip(*read, strict=True):
        pd.testing.assert_frame_equal(in_batches, whole, check_exact=True)


ASKED = [{}, {"max_fdr": 0.4}, {"explain_most": 30}, {"max_fdr": 0.4, "explain_most": 3}]


@pytest.mark.parametrize("asked", ASKED, ids=str)
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_table(desk, make_rows, at_once, tmp_path, suffix, asked):
    rows = make_rows(450, seed=9).drop(columns=["label", "attack"])
    rows["src_ip"] = [None] * 250 + [f"10.0.0.{row % 7}" for row in range(200)]
    rows.loc[300:, "duration"] = np.nan
    rows.loc[[5, 420], "proto"] = "=1+1"
    rows.to_csv(tmp_path / "in.csv", index=False)
    told, read = scored_twice(
        at_once, desk.project, "desk", tmp_path / "in.csv", tmp_path, suffix, **asked
    )
    is_equal(told, read)
    assert told[1].alerts > 30
    assert told[1].missing == 150


def test_a_parquet_table_of_many_types(desk, make_rows, at_once, tmp_path):
    rows = make_rows(330, seed=9).drop(columns=["label", "attack"])
    rows["port"] = pd.array([None] * 250 + [1] * 80, dtype="Int64")
    rows["empty"] = None
    rows["seen"] = pd.date_range("2026-03-02", periods=330, freq="12h", tz="UTC")
    rows["kind"] = pd.Categorical(["a"] * 200 + ["b"] * 130)
    rows.to_parquet(tmp_path / "in.parquet", index=False, row_group_size=70)
    for suffix in (".csv", ".parquet"):
        is_equal(*scored_twice(
            at_once, desk.project, "desk", tmp_path / "in.parquet", tmp_path, suffix
        ))  # fmt: skip


@pytest.mark.parametrize("order", ["time", "log", "none"])
@pytest.mark.parametrize("asked", [{}, {"adaptive": True}, {"adaptive": True, "explain_most": 9}])
def test_connections_in_whatever_order(simulated_desk, at_once, tmp_path, order, asked):
    source = load_params(simulated_desk.project.params_file).source("simulated")
    rows = simulate(source.model_copy(update={"seed": 8, "days": 1})).head(900)
    late = {"time": 0, "log": rows["duration"].fillna(0), "none": np.arange(900) % 7 * 1e6}[order]
    rows = rows.iloc[np.argsort(rows["ts"].astype("int64") / 1e6 + late, kind="stable")]
    rows.drop(columns=["label", "attack"]).to_csv(tmp_path / "in.csv", index=False)
    is_equal(*scored_twice(
        at_once, simulated_desk.project, "simulated", tmp_path / "in.csv", tmp_path, ".parquet",
        **asked,
    ))  # fmt: skip


def test_a_bad_row_far_down_leaves_the_old_result_and_no_draft(desk, make_rows, at_once, tmp_path):
    at_once(100)
    rows = make_rows(450, seed=9).drop(columns=["label", "attack"]).astype({"duration": object})
    rows.loc[440, "duration"] = "oops"
    old = "anomaly_score,p_value,extrapolated,alert,model_version\n"
    (tmp_path / "out.csv").write_text(old)
    rows.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(DataError, match=r"in\.csv, line 442, column 'duration': 'oops'"):
        score_file(desk.project, "desk", tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_the_setting_is_read_from_the_file(bare):
    content = yaml.safe_load(bare.params_file.read_text())
    assert load_params(bare.params_file).rows_at_once == 200_000
    bare.params_file.write_text(yaml.safe_dump({**content, "rows_at_once": 5_000}))
    assert load_params(bare.params_file).rows_at_once == 5_000
