"""Verdicts of people: the rows that they label, and what a few do to a source without labels."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml
from archived_logs import zeek_log

from oddwire.errors import DataError
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare
from oddwire.stages.settings import write_settings
from oddwire.traffic.verdicts.table import JudgedConnection, Verdict, VerdictTable

BEGIN, STEP, ROWS = 1_700_000_000, 50, 600
PARTS = ("train", "calibration", "validation", "test")
BENIGN, ATTACK = 0, 1


def judged(number, **change):
    """Name the connection of a row, as an alert does."""
    start = (BEGIN + STEP * number) * 1_000_000
    named = {"uid": f"C{number}", "src_ip": "10.0.0.1", "src_port": 4000, "dst_ip": "10.0.0.9"}
    ends = {"start": start, "end": start + 3_000_000, "dst_port": 443, "proto": "tcp"}
    return JudgedConnection(**ends | named | change)


@pytest.fixture
def parts(project):
    """Prepare a log without labels under verdicts, and read its parts."""
    folder = project.root.parent / "zeek"
    folder.mkdir()
    lines = [(f"C{at}", BEGIN + STEP * at, 3) for at in range(ROWS)]
    (folder / "conn.log").write_text(zeek_log(lines))
    params = yaml.safe_load(project.params_file.read_text())
    params["sources"]["zeek"] = {"format": "zeek", "files": f"{folder}/conn.log"}
    project.params_file.write_text(yaml.safe_dump(params))
    link(project, "zeek")
    ingest(project, "zeek")

    def parts(*verdicts, **split):
        params["split"] = {"test": 0.25} | split
        project.params_file.write_text(yaml.safe_dump(params))
        table = project.labels("zeek")
        table.parent.mkdir(exist_ok=True)
        table.write_text(VerdictTable(verdicts).text())
        write_settings(project)
        prepare(project, "zeek")
        folder = project.prepared("zeek")
        parts.about = json.loads((folder / "split.json").read_text())
        return {part: pd.read_parquet(folder / f"{part}.parquet") for part in PARTS}

    return parts


def places(frames):
    """Name the part of each row."""
    return {uid: part for part, frame in frames.items() for uid in frame["uid"]}


def labels(frames):
    """Return the labels that rows have."""
    known = pd.concat(frames.values()).dropna(subset="label").set_index("uid")
    return known["label"].astype(int).to_dict()


def in_part(frames, part, count):
    return [int(uid[1:]) for uid in frames[part]["uid"].head(count)]


def test_attack_verdicts_leave_the_rows_that_a_model_is_made_of_and_no_other_row_moves_out(parts):
    before = parts()
    chosen = [*in_part(before, "train", 3), *in_part(before, "calibration", 2)]
    tested = in_part(before, "test", 2)
    after = parts(*(Verdict(judged(at), ATTACK, family="scan") for at in [*chosen, *tested]))
    found = places(after)
    assert {found[f"C{at}"] for at in chosen} == {"validation"}
    assert {found[f"C{at}"] for at in tested} == {"test"}
    assert labels(after) == {f"C{at}": ATTACK for at in [*chosen, *tested]}
    assert set(after["validation"]["attack"].dropna()) == {"scan"}
    # All other rows are still there, unlabelled: they count as traffic, as before.
    assert set(found) == set(places(before))
    assert parts.about["split"]["dropped"]["rows"] == 0
    assert parts.about["split"]["days"]["calibration"] == pytest.approx(
        len(after["calibration"]) / parts.about["split"]["benign_per_day"]
    )


def test_benign_verdicts_move_no_row_and_nothing_can_be_measured_by_them(parts):
    before = parts()
    days = parts.about["split"]["days"]
    chosen = {part: in_part(before, part, 2) for part in PARTS}
    after = parts(*(Verdict(judged(at), BENIGN) for each in chosen.values() for at in each))
    assert places(after) == places(before)
    assert labels(after) == {f"C{at}": BENIGN for at in chosen["train"]}
    assert parts.about["split"]["days"] == days
    assert parts.about["split"]["test"]["benign"] == 0
    assert parts.about["verdicts"] | {"rows": 8, "benign": 8} == parts.about["verdicts"]


def test_a_source_that_looks_at_no_label_still_calibrates_without_attacks(parts):
    before = parts(train_on="all")
    chosen = [*in_part(before, "train", 2), *in_part(before, "calibration", 2)]
    after = parts(*(Verdict(judged(at), ATTACK) for at in chosen), train_on="all")
    assert (after["calibration"]["label"] == 1).sum() == 0
    assert sum(map(len, after.values())) == ROWS


def test_verdicts_on_rows_that_are_not_there_are_counted_and_told(parts, capsys):
    parts(Verdict(judged(3), ATTACK), Verdict(judged(9999), ATTACK), Verdict(judged(4, uid="D"), 0))
    assert parts.about["verdicts"]["rows"] == 1
    assert parts.about["verdicts"]["not_found"] == 2
    told = capsys.readouterr().err
    assert "1 row has its label from people: 0 benign, 1 attack" in told
    assert "2 verdicts are about no row of the period" in told


def test_a_damaged_table_stops_its_own_source_alone(parts, project):
    parts()
    project.labels("zeek").write_text("who,knows\n")
    project.labels("days").write_text(VerdictTable().text())
    write_settings(project)
    with pytest.raises(DataError, match=r"zeek.csv, line 1: the columns must be"):
        prepare(project, "zeek")
    assert VerdictTable.read(project.verdicts("days")).text() == VerdictTable().text()


def test_a_source_without_a_table_has_an_empty_one_of_the_same_content(project):
    write_settings(project)
    without = project.verdicts("days").read_bytes()
    project.labels("days").parent.mkdir()
    project.labels("days").write_text(VerdictTable().text())
    write_settings(project)
    assert project.verdicts("days").read_bytes() == without
