"""A scored file takes the place of an earlier one, and of nothing else unasked."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest
import yaml

from oddwire.errors import DataError
from oddwire.operations.scoring.replacing import check_replaced
from oddwire.operations.scoring.score_file import score_file

PRECIOUS = "host,password\nserver,secret\n"


@pytest.fixture
def current(tmp_path, make_rows):
    file = tmp_path / "current.csv"
    make_rows(40, seed=9).drop(columns=["label", "attack"]).to_csv(file, index=False)
    return file


def put(target, content=PRECIOUS):
    if target.suffix == ".parquet":
        pd.DataFrame({"host": ["server"]}).to_parquet(target)
    elif target.suffix == ".gz":
        target.write_bytes(gzip.compress(content.encode()))
    else:
        target.write_text(content)
    return target.read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_a_file_that_no_scoring_wrote_is_left_alone_until_asked(desk, current, tmp_path, name):
    out = tmp_path / name
    before = put(out)
    with pytest.raises(DataError, match=rf"{name} is there already and not a scored file"):
        score_file(desk.project, "desk", current, out)
    assert out.read_bytes() == before
    score_file(desk.project, "desk", current, out, overwrite=True)
    assert out.read_bytes() != before
    score_file(desk.project, "desk", current, out)  # which is a scored file now


def test_explanations_take_no_other_file_s_place_either(desk, current, tmp_path):
    put(tmp_path / "out.explained.csv")
    with pytest.raises(DataError, match=r"out\.explained\.csv is there already"):
        score_file(desk.project, "desk", current, tmp_path / "out.csv", explain_most=5)
    assert (tmp_path / "out.explained.csv").read_text() == PRECIOUS
    assert not (tmp_path / "out.csv").exists()


def test_explanations_take_the_place_of_earlier_ones(desk, current, tmp_path):
    for _ in range(2):
        score_file(desk.project, "desk", current, tmp_path / "out.csv", explain_most=5)


@pytest.mark.parametrize(
    "content",
    [
        "alert,p_value\n1,2\n",  # some of the columns are not all
        "\x00\xff" * 1000,
        "x" * 3_000_000,
        '"anomaly_score\n,p_value,extrapolated,alert,model_version"\n',
    ],
)
def test_what_only_looks_like_it_is_no_scored_file(tmp_path, content):
    (tmp_path / "out.csv").write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match="not a scored file"):
        check_replaced(tmp_path / "out.csv", explained=False)


@pytest.mark.parametrize("name", ["out.csv.gz", "out.parquet"])
def test_a_damaged_file_is_no_scored_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"PAR1 \x1f\x8b nonsense")
    with pytest.raises(DataError, match="not a scored file"):
        check_replaced(tmp_path / name, explained=False)


def test_an_empty_file_has_nothing_to_lose(tmp_path):
    (tmp_path / "out.csv").touch()
    check_replaced(tmp_path / "out.csv", explained=True)


def test_what_a_source_is_read_from_is_never_written_over(desk, current, tmp_path):
    """A scored file may be a source's file, and --overwrite asks for no such loss."""
    params = yaml.safe_load(desk.project.params_file.read_text())
    kept = tmp_path / "kept.csv"
    score_file(desk.project, "desk", current, kept)
    before = kept.read_bytes()
    params["sources"]["later"] = {"format": "table", "train": str(kept)}
    desk.project.params_file.write_text(yaml.safe_dump(params))
    (tmp_path / "second.csv").symlink_to(kept)
    for out in (kept, tmp_path / "second.csv"):
        for overwrite in (False, True):
            with pytest.raises(DataError, match="is a file of source 'later'"):
                score_file(desk.project, "desk", current, out, overwrite=overwrite)
    assert kept.read_bytes() == before


def test_nothing_is_written_where_the_next_training_deletes(desk, current):
    folder = desk.project.raw("desk")
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.raises(DataError, match=r"is in data/raw, which .*: write to another folder"):
        score_file(desk.project, "desk", current, folder / "scored.csv")
