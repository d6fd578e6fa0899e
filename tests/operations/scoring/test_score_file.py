"""Scoring a file with the champion: whole files or none, and nothing a spreadsheet would run."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from oddwire.detection.calibration.fdr import discoveries
from oddwire.detection.model import Model
from oddwire.errors import DataError, ModelError, NoModelError, ParameterError
from oddwire.operations.registry.versions import Registry
from oddwire.operations.scoring.folders.many_files import score_files
from oddwire.operations.scoring.score_file import ScoredFile, score_file
from oddwire.operations.scoring.scored_files import without_formulas

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2+3+cmd|' /C calc'!A0"]


@pytest.fixture
def current(tmp_path, make_rows):
    """A file of rows as they come: without labels."""
    file = tmp_path / "current.csv"
    make_rows(60, seed=9).drop(columns=["label", "attack"]).to_csv(file, index=False)
    return file


def read(out):
    if out.suffix == ".parquet":
        return pd.read_parquet(out)
    return pd.read_csv(out, float_precision="round_trip")


def files(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_every_row_gets_score_p_value_alert_and_version(desk, current, tmp_path, name):
    out = tmp_path / name
    done = score_file(desk.project, "desk", current, out)
    rows, scored = read(current), read(out)
    expected = desk.registry.load(desk.registry.champion("desk")).score(rows)
    assert len(scored) == done.rows == 60
    for column in ("src_bytes", "duration", "proto"):
        assert scored[column].tolist() == rows[column].tolist()
    for column in ("anomaly_score", "p_value"):
        np.testing.assert_allclose(scored[column], expected[column], rtol=1e-12)
    assert scored["alert"].tolist() == expected["alert"].tolist()
    assert set(scored["model_version"].astype(str)) == {done.version} == {"1"}
    assert done.alerts == expected["alert"].sum() > 0
    assert (done.detector, done.alert_p_value, done.out) == ("isolation_forest", 0.05, out)
    assert (done.missing, done.infinite, done.unseen) == (0, 0, 0)
    assert done.seconds > 0


@pytest.mark.parametrize(
    "score", [score_file, lambda project, name, file, out: score_files(project, name, [file], out)]
)
def test_a_source_whose_unit_is_another_than_the_champions_is_refused(
    desk, current, tmp_path, score
):
    file = desk.project.params_file
    kept = file.read_text()
    params = yaml.safe_load(kept)
    params["sources"]["desk"]["unit"] = "proto"
    try:
        file.write_text(yaml.safe_dump(params))
        with pytest.raises(
            ModelError, match=r"version 1 of desk counts alerts by single rows, and .* is proto"
        ):
            score(desk.project, "desk", current, tmp_path / "out.csv")
    finally:
        file.write_text(kept)
    assert files(tmp_path) == ["current.csv"]


def test_a_gz_file_is_gzip_and_others_are_not(desk, current, tmp_path):
    for name in ("out.csv", "out.csv.gz"):
        score_file(desk.project, "desk", current, tmp_path / name)
    plain = (tmp_path / "out.csv").read_bytes()
    assert plain.splitlines()[0].endswith(b"extrapolated,alert,unit_p_value,model_version")
    assert gzip.decompress((tmp_path / "out.csv.gz").read_bytes()) == plain


def test_missing_infinite_and_unseen_values_are_scored_and_counted(desk, tmp_path, make_rows):
    rows = make_rows(20, seed=9, attacks=0).drop(columns=["label", "attack"])
    rows.loc[[0, 1], "src_bytes"] = np.nan
    rows.loc[2, "duration"] = np.inf
    rows.loc[[3, 4, 5], "proto"] = ["icmp", "sctp", "gre"]
    rows.loc[6, "proto"] = None
    rows.to_csv(tmp_path / "odd.csv", index=False)
    out = tmp_path / "out.parquet"
    done = score_file(desk.project, "desk", tmp_path / "odd.csv", out)
    assert (done.missing, done.infinite, done.unseen) == (3, 1, 3)
    assert np.isfinite(read(out)["anomaly_score"]).all()


def test_text_that_a_spreadsheet_would_run_is_quoted(desk, tmp_path, make_rows):
    rows = make_rows(len(FORMULAS) + 1, seed=9).drop(columns=["label", "attack"])
    rows["proto"] = [*FORMULAS, "tcp"]
    file, out = tmp_path / "current.csv", tmp_path / "out.csv"
    rows.to_csv(file, index=False, quoting=csv.QUOTE_NONNUMERIC)
    score_file(desk.project, "desk", file, out)
    with out.open(newline="") as lines:
        written = [row["proto"] for row in csv.DictReader(lines)]
    assert written[-1] == "tcp"
    assert written[:-1] == [f"'{formula}" for formula in FORMULAS]
    score_file(desk.project, "desk", file, tmp_path / "out.parquet")
    assert read(tmp_path / "out.parquet")["proto"].tolist() == rows["proto"].tolist()


def test_quoting_leaves_numbers_holes_and_harmless_text_alone():
    frame = pd.DataFrame({
        "number": [-1.5, np.nan, 2.0],
        "text": pd.array(["-", None, "a=b"], dtype="string"),
        "numbers as text": ["-1.5", "", "-"],
        "object": ["tcp", None, "x@y"],
        "kind": pd.Categorical(["udp", None, "tcp"]),
        "flag": [True, False, True],
    })  # fmt: skip
    safe = without_formulas(frame)
    assert safe.to_csv() == frame.to_csv()


@pytest.mark.parametrize("text", [*FORMULAS, "\t=1", "\r=1", "\n=1", "--1", "-1-1"])
@pytest.mark.parametrize("kind", ["object", "string", "category"])
def test_a_formula_is_quoted_in_a_column_of_any_kind(text, kind):
    safe = without_formulas(pd.DataFrame({"a": pd.Series([text, None, "b"], dtype=kind)}))
    assert safe["a"].iloc[0] == f"'{text}"
    assert safe["a"].isna().tolist() == [False, True, False]
    assert safe["a"].iloc[2] == "b"


def test_categories_and_names_of_columns_are_quoted_too():
    frame = pd.DataFrame({"=name": pd.Categorical(["=1", "tcp", "=1"])})
    safe = without_formulas(frame)
    assert safe.columns.tolist() == ["'=name"]
    assert safe["'=name"].tolist() == ["'=1", "tcp", "'=1"]
    assert frame.columns.tolist() == ["=name"]


def test_columns_of_a_scored_file_are_replaced_when_it_is_scored_again(desk, current, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    score_file(desk.project, "desk", current, first)
    score_file(desk.project, "desk", first, second)
    assert first.read_text() == second.read_text()


def test_an_old_result_is_replaced_as_a_whole(desk, current, tmp_path):
    out = tmp_path / "out.csv"
    score_file(desk.project, "desk", current, out)
    with out.open("a") as old:
        old.write("old\n" * 10_000)
    score_file(desk.project, "desk", current, out)
    assert "old" not in out.read_text()
    assert files(tmp_path) == ["current.csv", "out.csv"]


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.zip", "out.PARQUET", ".gz"])
def test_another_ending_is_refused_before_anything_is_done(desk, tmp_path, name):
    with pytest.raises(DataError, match=r"--out must end with \.csv, \.csv\.gz, \.parquet, got"):
        score_file(desk.project, "desk", tmp_path / "not there", tmp_path / name)
    assert files(tmp_path) == []


def test_a_missing_file_is_told_before_a_model_is_loaded(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(Registry, "load_champion", lambda *_: pytest.fail("a model was loaded"))
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        score_file(desk.project, "desk", tmp_path / "gone.csv", tmp_path / "out.csv")


def test_a_folder_that_is_not_there_is_named(desk, current, tmp_path):
    with pytest.raises(DataError, match=f"--out: there is no folder {tmp_path / 'none'}"):
        score_file(desk.project, "desk", current, tmp_path / "none" / "out.csv")


def test_a_target_that_cannot_be_written_leaves_nothing_half_written(desk, current, tmp_path):
    out = tmp_path / "out.csv"
    out.mkdir()
    with pytest.raises(DataError, match=r"cannot write .*out\.csv: Is a directory"):
        score_file(desk.project, "desk", current, out)
    assert files(tmp_path) == ["current.csv", "out.csv"]
    assert files(out) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, r"current\.csv"),
        ("", r"current\.csv.*empty"),
        ("src_bytes,duration,dst_packets,proto\n", r"current\.csv"),
        ("src_bytes,duration,proto\n1,2,tcp\n", "dst_packets"),
        ("src_bytes,duration,dst_packets,proto\n1,2,three,tcp\n", r"dst_packets.*'three'"),
    ],
    ids=["missing", "empty", "header", "column", "text"],
)
def test_a_bad_file_is_named_and_keeps_the_old_result(desk, tmp_path, content, says):
    file, out = tmp_path / "current.csv", tmp_path / "out.csv"
    old = "anomaly_score,p_value,extrapolated,alert,model_version\n1,2,3,4,5\n"
    out.write_text(old)
    if content is not None:
        file.write_text(content)
    with pytest.raises(DataError, match=says) as raised:
        score_file(desk.project, "desk", file, out)
    assert "\n" not in str(raised.value)
    assert out.read_text() == old
    assert set(files(tmp_path)) <= {"current.csv", "out.csv"}


def test_an_unknown_source_and_one_without_champion_are_told(desk, current, tmp_path):
    with pytest.raises(ParameterError, match="unknown source 'none'"):
        score_file(desk.project, "none", current, tmp_path / "out.csv")
    with pytest.raises(NoModelError, match="no champion for source 'simulated' yet"):
        score_file(desk.project, "simulated", current, tmp_path / "out.csv")
    assert files(tmp_path) == ["current.csv"]


def test_what_is_returned_is_frozen(desk, current, tmp_path):
    done = score_file(desk.project, "desk", current, tmp_path / "out.csv")
    assert isinstance(done, ScoredFile)
    with pytest.raises(AttributeError):
        done.rows = 0


def test_a_batch_is_cut_by_its_false_discovery_rate(desk, current, tmp_path):
    out = tmp_path / "out.parquet"
    done = score_file(desk.project, "desk", current, out, max_fdr=0.6)
    scored = read(out)
    expected = discoveries(scored["p_value"], 0.6)
    assert scored["discovery"].tolist() == expected.tolist()
    assert done.discoveries == expected.sum() > 0
    assert 0 <= done.counted_discoveries <= done.discoveries
    assert done.alerts == (scored["p_value"] <= 0.05).sum(), "alerts stay those of the model"


def test_without_being_asked_for_there_is_no_discovery_and_no_adaptive_alert(
    desk, current, tmp_path
):
    done = score_file(desk.project, "desk", current, tmp_path / "out.parquet")
    assert (done.discoveries, done.counted_discoveries, done.adaptive_alerts) == (None, None, None)
    assert not {"discovery", "adaptive_alert"} & set(read(tmp_path / "out.parquet"))


@pytest.mark.parametrize("rate", [0, 1, -0.1, float("nan")])
def test_a_false_discovery_rate_that_is_none_is_refused_before_anything_is_done(
    desk, tmp_path, rate
):
    with pytest.raises(ParameterError, match="false-discovery rate must be between 0 and 1, got"):
        score_file(desk.project, "desk", tmp_path / "no", tmp_path / "out.csv", max_fdr=rate)


def test_rows_without_times_cannot_be_followed(desk, current, tmp_path):
    with pytest.raises(DataError, match="--adaptive needs a time in every row"):
        score_file(desk.project, "desk", current, tmp_path / "out.csv", adaptive=True)
    assert files(tmp_path) == ["current.csv"]
    with pytest.raises(DataError, match="--adaptive needs a time in every row"):
        score_files(desk.project, "desk", [current], tmp_path / "out", adaptive=True)


def test_a_threshold_follows_the_rows_in_time_order_whatever_their_order(
    bare, train, make_rows, tmp_path
):
    params = yaml.safe_load(bare.params_file.read_text())
    params["sources"]["desk"]["time"] = "ts"
    bare.params_file.write_text(yaml.safe_dump(params))
    times = pd.date_range("2026-03-02", periods=600, freq="10min").astype(str)
    make_rows(600, seed=2).assign(ts=times).to_csv(bare.root / "rows.csv", index=False)
    train()
    later = pd.date_range("2026-03-09", periods=2000, freq="10min").astype(str)
    rows = make_rows(2000, seed=4, attacks=0).assign(ts=later)
    rows["duration"] *= np.linspace(1, 5, len(rows))
    scored = []
    for name, frame in (("forwards", rows), ("backwards", rows.iloc[::-1])):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        out = tmp_path / f"{name}.parquet"
        score_file(bare, "desk", tmp_path / f"{name}.csv", out, adaptive=True)
        scored.append(pd.read_parquet(out))
    forwards, backwards = scored
    assert backwards["ts"].tolist() == forwards["ts"].tolist()[::-1], "each in its own order"
    pd.testing.assert_frame_equal(backwards.iloc[::-1].reset_index(drop=True), forwards)
    assert len(set(forwards["adaptive_threshold"])) > 1, "it moves"
    reached = forwards["anomaly_score"] >= forwards["adaptive_threshold"]
    assert forwards["adaptive_alert"].tolist() == reached.tolist()


def test_the_model_that_scores_is_checked_against_the_registry(desk):
    version = desk.registry.champion("desk")
    with desk.registry.files(version) as folder:
        metadata = Model.load(folder, digest=version.digest).metadata
    assert metadata["source"] == "desk"
    kept = metadata["threshold"]
    assert (kept["rule"], kept["target"]) == ("target", {"share_of_rows": 0.05})
    assert kept["alert_p_value"] == kept["target_fpr"] == 0.05


def test_a_scored_file_has_all_columns_of_the_file_as_they_stand_there(desk, current, tmp_path):
    lines = current.read_text().splitlines()
    own = ["host,src_ip,alert,when"] + [f"h{at},10.0.0.{at},yes,0{at}" for at in range(60)]
    file, out = tmp_path / "own.csv", tmp_path / "out.csv"
    file.write_text("\n".join(f"{a},{b}" for a, b in zip(lines, own, strict=True)) + "\n")
    score_file(desk.project, "desk", file, out)
    before, after = (pd.read_csv(one, dtype=str) for one in (file, out))
    shared = before.rename(columns={"alert": "alert_in_file"})
    pd.testing.assert_frame_equal(after[list(shared)], shared)
    assert after.columns[-6:].tolist() == [
        "anomaly_score", "p_value", "extrapolated", "alert", "unit_p_value", "model_version"
    ]  # fmt: skip
    assert set(after["alert"]) == {"True", "False"}


def test_numbers_of_a_csv_file_are_numbers_in_parquet_and_whole_numbers_stay_whole(
    desk, current, tmp_path
):
    rows = read(current).assign(port=pd.array([None, *range(59)], dtype="Int64"))
    rows.to_parquet(tmp_path / "in.parquet")
    score_file(desk.project, "desk", tmp_path / "in.parquet", tmp_path / "out.parquet")
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert scored["port"].tolist() == rows["port"].tolist()
    score_file(desk.project, "desk", current, tmp_path / "from-csv.parquet")
    assert pd.read_parquet(tmp_path / "from-csv.parquet")["src_bytes"].dtype == "float64"


def test_a_file_is_not_replaced_by_its_own_scores(desk, current, tmp_path):
    before = current.read_text()
    (tmp_path / "same.csv").symlink_to(current)
    for out in (current, tmp_path / "same.csv"):
        with pytest.raises(DataError, match="must be another file than the one scored"):
            score_file(desk.project, "desk", current, out)
    assert current.read_text() == before
    explained = tmp_path / "out.explained.csv"
    explained.write_text(before)
    with pytest.raises(DataError, match="must be another file than the one scored"):
        score_file(desk.project, "desk", explained, tmp_path / "out.csv", explain_most=3)
    assert explained.read_text() == before


def test_names_that_are_taken_are_not_taken_again(desk, current, tmp_path):
    lines = current.read_text().splitlines()
    own = ["a,a,a.1,alert,alert_in_file"] + ["1,2,3,4,5"] * 60
    file = tmp_path / "twins.csv"
    file.write_text("\n".join(f"{a},{b}" for a, b in zip(lines, own, strict=True)) + "\n")
    for name in ("out.csv", "out.parquet"):
        score_file(desk.project, "desk", file, tmp_path / name)
        first = read(tmp_path / name).iloc[0]
        kept = {"a": 1, "a.2": 2, "a.1": 3, "alert_in_file.1": 4, "alert_in_file": 5}
        assert {key: int(first[key]) for key in kept} == kept


def test_a_file_scored_again_keeps_nothing_of_the_first_scoring(desk, current, tmp_path):
    rows = read(current).assign(
        anomaly_score=0.0, p_value=0.5, extrapolated=False, alert=True, model_version=7,
        why="old", discovery=True, host="h",
    )  # fmt: skip
    rows.to_csv(tmp_path / "old.csv", index=False)
    score_file(desk.project, "desk", tmp_path / "old.csv", tmp_path / "new.csv")
    again = read(tmp_path / "new.csv")
    assert not {"why", "discovery", "alert_in_file"} & set(again)
    assert set(again["host"]) == {"h"}
    assert set(again["model_version"]) == {1}


def test_columns_of_any_type_of_parquet_are_written(desk, current, tmp_path):
    table = pa.Table.from_pandas(read(current), preserve_index=False)
    odd = {
        "raw": pa.array([b"\xff=1"] * 60),
        "tags": pa.array([[1, 2]] * 60),
        "many": pa.array([list(range(1500))] * 60),
        "pairs": pa.array([[("a", 1)]] * 60, pa.map_(pa.string(), pa.int64())),
        "record": pa.array([{"x": 1}, {"x": None}] * 30),
        "text": pa.array(["=1+1", None] * 30),
        "cost": pa.array([Decimal("1.50")] * 60, pa.decimal128(20, 2)),
        "seen": pa.array([dt.datetime(2026, 1, 2, tzinfo=dt.UTC)] * 60),
    }
    for name, column in odd.items():
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "odd.parquet")
    score_file(desk.project, "desk", tmp_path / "odd.parquet", tmp_path / "out.parquet")
    same = pq.read_table(tmp_path / "out.parquet").select(list(odd))
    assert same.cast(table.select(list(odd)).schema).equals(table.select(list(odd)))
    score_file(desk.project, "desk", tmp_path / "odd.parquet", tmp_path / "out.csv")
    first = read(tmp_path / "out.csv").iloc[0]
    assert first["raw"] == "\\xff=1"
    assert first["tags"] == "[1, 2]"
    assert first["many"].endswith("1498, 1499]")
    assert "..." not in first["many"]
    assert first["text"] == "'=1+1"
    assert first["cost"] == 1.5
