"""Many files scored into a folder are one long file scored: in pieces, after kills, with more."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.errors import DataError
from oddwire.operations.scoring.folders.many_files import score_files
from oddwire.operations.scoring.score_file import score_file
from oddwire.params import load_params
from oddwire.traffic.sources.simulated import simulate

SCORES = ["uid", "anomaly_score", "p_value", "alert", "unit_p_value"]


@pytest.fixture
def day(simulated_desk):
    """A later day of the simulated source, in the order in which its connections are known."""
    source = load_params(simulated_desk.project.params_file).source("simulated")
    return simulate(source.model_copy(update={"seed": 8, "days": 1})).head(900)


@pytest.fixture
def logs(day, tmp_path):
    """The day in one file, and cut into six."""
    day = day.drop(columns=["label", "attack"])
    day.to_csv(tmp_path / "whole.csv", index=False)
    files = []
    for number, rows in enumerate(np.array_split(np.arange(len(day)), 6)):
        files.append(tmp_path / "logs" / f"{number // 3}" / f"part.{number}.csv")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        day.iloc[rows].to_csv(files[-1], index=False)
    return files


@pytest.fixture
def whole(simulated_desk, logs, tmp_path):
    """The scores of the one file."""
    score_file(
        simulated_desk.project, "simulated", tmp_path / "whole.csv", tmp_path / "whole.parquet"
    )
    return pd.read_parquet(tmp_path / "whole.parquet")


def parts(folder):
    files = sorted(folder.rglob("*.parquet"), key=lambda file: file.name)
    read = [pd.read_parquet(file) for file in files if ".before" not in file.parts]
    return pd.concat(read, ignore_index=True)


def same(found, wanted):
    pd.testing.assert_frame_equal(found[SCORES], wanted[SCORES], check_exact=True)


def test_the_parts_are_the_scores_of_one_long_file(simulated_desk, logs, whole, tmp_path):
    out = tmp_path / "scored"
    told = score_files(simulated_desk.project, "simulated", logs, out)
    same(parts(out), whole)
    assert (told.parts, told.before, told.rows) == (6, 0, 900)
    assert told.alerts == whole["alert"].sum()
    assert (out / "1" / "part.5.csv.parquet").is_file()


def test_a_second_scoring_reads_new_files_alone(simulated_desk, logs, whole, tmp_path):
    out = tmp_path / "scored"
    score_files(simulated_desk.project, "simulated", logs[:4], out)
    old = {file: file.stat().st_mtime_ns for file in out.rglob("*.csv.parquet")}
    told = score_files(simulated_desk.project, "simulated", logs, out)
    assert (told.parts, told.before, told.rows) == (6, 4, 900)
    assert all(file.stat().st_mtime_ns == at for file, at in old.items())
    same(parts(out), whole)


def test_a_file_that_grew_is_scored_again(simulated_desk, logs, whole, tmp_path):
    out = tmp_path / "scored"
    full = logs[-1].read_text()
    logs[-1].write_text("".join(full.splitlines(keepends=True)[:40]))
    score_files(simulated_desk.project, "simulated", logs, out)
    logs[-1].write_text(full)
    told = score_files(simulated_desk.project, "simulated", logs, out)
    assert told.before == 5
    same(parts(out), whole)


@pytest.mark.slow
def test_a_killed_scoring_goes_on(simulated_desk, logs, whole, tmp_path):
    out = tmp_path / "scored"
    code = (
        "import sys; from pathlib import Path; from oddwire.project import Project\n"
        "from oddwire.operations.scoring.folders.many_files import score_files\n"
        "score_files(Project(Path(sys.argv[1])), 'simulated', [*map(Path, sys.argv[3:])],"
        " Path(sys.argv[2]))"
    )
    arguments = [str(simulated_desk.project.root), str(out), *map(str, logs)]
    for wanted in (1, 4):
        started = subprocess.Popen([sys.executable, "-c", code, *arguments])
        while len(list(out.rglob("*.csv.parquet"))) < wanted and started.poll() is None:
            time.sleep(0.002)
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    score_files(simulated_desk.project, "simulated", logs, out)
    same(parts(out), whole)
    drafts = [file for file in out.rglob("*") if file.name.endswith((".tmp", ".partial"))]
    assert drafts == []


def test_a_torn_last_line_of_the_list_is_no_line(simulated_desk, logs, whole, tmp_path):
    out = tmp_path / "scored"
    score_files(simulated_desk.project, "simulated", logs, out)
    listed = out / "scored.jsonl"
    listed.write_bytes(listed.read_bytes()[:-30])
    told = score_files(simulated_desk.project, "simulated", logs, out)
    assert told.before == 5
    same(parts(out), whole)


def test_another_source_s_folder_is_refused(simulated_desk, logs, tmp_path):
    out = tmp_path / "scored"
    score_files(simulated_desk.project, "simulated", logs[:1], out)
    with pytest.raises(DataError, match="explained 0, now it is 5"):
        score_files(simulated_desk.project, "simulated", logs[:1], out, explain_most=5)
    (out / "scored.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="no list of scored files"):
        score_files(simulated_desk.project, "simulated", logs[:1], out)
    told = score_files(simulated_desk.project, "simulated", logs[:1], out, overwrite=True)
    assert told.before == 0


def test_a_part_of_another_file_is_not_written_over(simulated_desk, logs, tmp_path):
    out = tmp_path / "scored"
    first, other = copies(logs[0], tmp_path / "logs" / "today", tmp_path / "logs")
    score_files(simulated_desk.project, "simulated", [first], out)
    with pytest.raises(DataError, match="holds the scores of"):
        score_files(simulated_desk.project, "simulated", [other], out)


def test_the_files_of_one_day_after_the_other_go_into_one_folder(simulated_desk, logs, tmp_path):
    out = tmp_path / "scored"
    days = copies(logs[0], *(tmp_path / "logs" / day for day in ("1", "2")))
    for day in days:
        score_files(simulated_desk.project, "simulated", [day], out)
    name = f"{logs[0].name}.parquet"
    assert sorted(str(part.relative_to(out)) for part in out.rglob(name)) == [f"2/{name}", name]
    told = score_files(simulated_desk.project, "simulated", days, out)
    assert (told.parts, told.before) == (2, 2)


def copies(file, *folders):
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.read_bytes())
    return [folder / file.name for folder in folders]


HEADER = """#separator \\x09
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\torig_bytes\tresp_bytes
"""


def zeek_lines(rows):
    for row in rows.itertuples():
        values = (
            row.ts.timestamp(), row.uid, row.src_ip, row.src_port, row.dst_ip, row.dst_port,
            row.proto, row.duration, row.src_bytes, row.dst_bytes,
        )  # fmt: skip
        yield "\t".join("-" if pd.isna(value) else str(value) for value in values) + "\n"


def test_logs_with_a_quiet_hour_and_a_bad_line(simulated_desk, day, tmp_path):
    params = simulated_desk.project.params_file
    kept = params.read_text()
    content = yaml.safe_load(kept)
    content["sources"]["simulated"] = {"format": "zeek", "files": "none.log"}
    lines = [*zeek_lines(day)]
    hours = [lines[:400], [], [*lines[400:600], "no row\n", *lines[600:]]]
    files = []
    for number, hour in enumerate(hours):
        files.append(tmp_path / f"conn.{number:02}.log")
        files[-1].write_text(HEADER + "".join(hour))
    try:
        params.write_text(yaml.safe_dump(content))
        told = score_files(simulated_desk.project, "simulated", files, tmp_path / "scored")
        again = score_files(simulated_desk.project, "simulated", files, tmp_path / "scored")
    finally:
        params.write_text(kept)
    assert (told.rows, told.refused, told.parts) == (900, 1, 3)
    assert (again.rows, again.refused, again.before) == (900, 1, 3)
    found = parts(tmp_path / "scored")
    assert found["uid"].tolist() == day["uid"].tolist()
    assert {"src_ip", "ts", "p_value"} <= set(found)
    assert not (tmp_path / "scored" / "conn.01.log.parquet").exists()
    refused = tmp_path / "scored" / "conn.02.log.refused.jsonl"
    assert "no row" in refused.read_text()


def test_a_path_with_dots_does_not_lead_out_of_the_folder(simulated_desk, logs, tmp_path):
    out = tmp_path / "deep" / "scored"
    dotted = logs[0].parent / ".." / ".." / "logs" / "1" / logs[3].name
    told = score_files(simulated_desk.project, "simulated", [logs[0], dotted], out)
    assert told.parts == 2
    assert {*tmp_path.rglob("*.csv.parquet")} == {*out.rglob("*.csv.parquet")}
    assert (out / "1" / f"{logs[3].name}.parquet").is_file()


def test_no_file_to_score_is_written_over(simulated_desk, logs, tmp_path):
    # Called like what the first one's part will be.
    second = logs[0].with_name(f"{logs[0].name}.parquet")
    pd.read_csv(logs[1]).to_parquet(second)
    before = second.read_bytes()
    files = [logs[0], second]
    with pytest.raises(DataError, match="is one of the files to score"):
        score_files(simulated_desk.project, "simulated", files, logs[0].parent, overwrite=True)
    assert second.read_bytes() == before


def test_explanations_do_not_take_the_place_of_another_part(simulated_desk, logs, tmp_path):
    second = logs[0].with_name(f"{logs[0].name}.explained")
    logs[1].rename(second)
    with pytest.raises(DataError, match="holds the scores of"):
        score_files(
            simulated_desk.project, "simulated", [logs[0], second], tmp_path / "out", explain_most=3
        )


def test_a_list_that_is_not_ours_stays_as_it_is(simulated_desk, logs, tmp_path):
    out = tmp_path / "scored"
    out.mkdir()
    (out / "scored.jsonl").write_text('{"mine": 1}\n{"mine": 2}')
    with pytest.raises(DataError, match="no list of scored files"):
        score_files(simulated_desk.project, "simulated", logs[:1], out)
    assert (out / "scored.jsonl").read_text() == '{"mine": 1}\n{"mine": 2}'


def test_a_list_that_cannot_be_written_is_one_line(simulated_desk, logs, tmp_path):
    out = tmp_path / "scored"
    score_files(simulated_desk.project, "simulated", logs[:1], out)
    shutil.rmtree(out / ".before")
    (out / ".before").write_text("in the way")
    with pytest.raises(DataError, match="--out: cannot write to"):
        score_files(simulated_desk.project, "simulated", logs[:2], out)
