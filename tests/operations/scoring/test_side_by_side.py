"""Two commands that score into one file at once: it is one of them whole."""

from __future__ import annotations

import subprocess

import pandas as pd
import pytest
from command_line import ODDWIRE, environment

ROWS = 60_000


@pytest.mark.slow
def test_two_scorings_into_one_file_leave_one_of_them_whole(desk, tmp_path, make_rows):
    out = tmp_path / "scored.csv"
    rows = make_rows(600, seed=9).drop(columns=["label", "attack"])
    whole = pd.concat([rows] * (ROWS // len(rows)), ignore_index=True)
    running = []
    for word in ("tcp", "udp"):
        file = tmp_path / f"{word}.csv"
        whole.assign(proto=word).to_csv(file, index=False)
        command = [ODDWIRE, "score", file, "--source", "desk", "--out", out, "--explain-most", "5"]
        running.append(
            subprocess.Popen(
                command, cwd=desk.project.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                env=environment(tmp_path / "prefect", ODDWIRE_PROJECT=str(desk.project.root)),
            )
        )  # fmt: skip
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    scored = pd.read_csv(out)
    assert len(scored) == ROWS
    assert scored["proto"].nunique() == 1, "rows of both"
    assert sorted(file.name for file in tmp_path.glob("*scored*")) == [
        "scored.csv", "scored.explained.csv",
    ]  # fmt: skip
    explained = pd.read_csv(tmp_path / "scored.explained.csv")
    told = scored.loc[explained["row"].unique(), "why"]
    assert told.notna().all(), "explanations of the other one"
