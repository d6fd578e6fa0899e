"""Scoring a log as its program wrote it: identifiers are kept, and what was not read is told."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.operations.scoring import score_file as scoring
from oddwire.operations.scoring.page import scoring_markdown
from oddwire.operations.scoring.score_file import score_file
from oddwire.params import ZeekSource, load_params

FIELDS = [
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "service",
    "duration",
    "orig_bytes",
]


@pytest.fixture
def score(simulated_desk, monkeypatch, tmp_path):
    """A function that scores a Zeek log with a champion for connections, some rows at a time."""

    def score(file, *, rows=10_000, out="out.parquet", **asked):
        params = load_params(simulated_desk.project.params_file)
        sources = {"simulated": ZeekSource(format="zeek", files=("*.log",))}
        update = {"sources": sources, "rows_at_once": rows}
        monkeypatch.setattr(scoring, "load_params", lambda _: params.model_copy(update=update))
        return score_file(simulated_desk.project, "simulated", file, tmp_path / out, **asked)

    return score


def zeek(rows, *, broken=()):
    lines = [f"#fields\t{chr(9).join(FIELDS)}"]
    for at in range(rows):
        when = f"{1772445600 + at * 3}.25"
        cells = [
            when,
            f"C{at}",
            "10.0.0.1",
            "5000",
            f"10.0.1.{at % 9}",
            "443",
            "tcp",
            "ssl",
            "2",
            "9",
        ]
        lines.append("\t".join(cells) if at not in broken else "=1+1\tbroken")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("asked", [{}, {"explain_most": 3}, {"adaptive": True}])
def test_rows_keep_their_identifiers_and_refused_lines_are_told(score, tmp_path, asked):
    file = tmp_path / "conn.log.gz"
    file.write_bytes(gzip.compress(zeek(500, broken=(7, 400)).encode()))
    done = score(file, **asked)
    assert (done.rows, done.refused) == (498, 2)
    assert done.refused_lines == tmp_path / "out.refused.jsonl"
    kept = [json.loads(line) for line in done.refused_lines.read_text().splitlines()]
    assert [one["line"] for one in kept] == [9, 402]
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert scored["uid"].tolist() == [f"C{at}" for at in range(500) if at not in (7, 400)]
    assert scored["src_port"].unique().tolist() == [5000]
    assert scored["end"].iloc[0] == pd.Timestamp("2026-03-02T10:00:02.25Z")
    assert done.to_dict()["refused_lines"] == str(done.refused_lines)
    assert "| lines refused | 2 |" in scoring_markdown("lab", file, done)
    in_pieces = score(file, rows=100, out="pieces.parquet", **asked)
    assert (in_pieces.rows, in_pieces.refused) == (498, 2)
    pieces = pd.read_parquet(tmp_path / "pieces.parquet")
    np.testing.assert_array_equal(pieces["anomaly_score"], scored["anomaly_score"])


def test_a_log_without_a_fault_leaves_no_second_file(score, tmp_path):
    (tmp_path / "conn.log").write_text(zeek(50))
    done = score(tmp_path / "conn.log", out="out.csv")
    assert (done.refused, done.refused_lines, done.cut) == (0, None, None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["conn.log", "out.csv"]


def test_a_log_that_is_cut_off_says_so(score, tmp_path):
    file = tmp_path / "conn.log.gz"
    file.write_bytes(gzip.compress(zeek(3000).encode())[:-30])
    assert score(file).cut == "the file ends in mid-stream"


def test_somebody_s_own_file_is_not_written_over(score, tmp_path):
    (tmp_path / "conn.log").write_text(zeek(200, broken=(7,)))
    own = tmp_path / "out.refused.jsonl"
    own.write_text('{"mine": 1}\n')
    with pytest.raises(DataError, match=r"out\.refused\.jsonl is there already"):
        score(tmp_path / "conn.log")
    assert own.read_text() == '{"mine": 1}\n'
    own.unlink()
    for _ in range(2):  # an earlier one of ours is replaced
        assert score(tmp_path / "conn.log").refused == 1
    (tmp_path / "conn.log").write_text(zeek(200))
    assert score(tmp_path / "conn.log").refused == 0
    assert not own.exists()  # or it would be taken for this scoring's


def test_too_many_refused_lines_leave_nothing(score, tmp_path):
    (tmp_path / "conn.log").write_text(zeek(50, broken=range(9, 20)))
    with pytest.raises(DataError, match=r"11 of 50 rows were refused \(22 %\)"):
        score(tmp_path / "conn.log", rows=10)
    assert [file.name for file in tmp_path.iterdir()] == ["conn.log"]
