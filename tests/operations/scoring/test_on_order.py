"""What an order from the Prefect page may write, and what it is told of files elsewhere."""

from __future__ import annotations

import pytest
import yaml

from oddwire.errors import DataError, ParameterError
from oddwire.operations.scoring.on_order import ordered_target, score_on_order

HASH = "root:$6$a-hash:19000:0:99999:7:::"


def order(project, file, out="scored.csv"):
    return score_on_order(
        project, "desk", str(file), str(out), max_fdr=None, adaptive=False, explain_most=0
    )


@pytest.fixture
def allowing(bare, tmp_path):
    """A project whose params.yaml names a folder for scored files."""
    settings = yaml.safe_load(bare.params_file.read_text())
    settings["scoring"] = {"folders": [str(tmp_path / "outbox"), "data/scored"]}
    bare.params_file.write_text(yaml.safe_dump(settings))
    (tmp_path / "outbox").mkdir()
    return bare


@pytest.mark.parametrize(
    "out",
    [
        "/scored.csv", "../scored.csv", "a/../../scored.csv", "data/prepared/scored.csv",
        "mlruns/scored.csv", ".git/scored.csv", ".dvc/scored.csv", ".", "", "a\0.csv",
    ],
)  # fmt: skip
def test_an_order_writes_nowhere_else(bare, out):
    with pytest.raises(ParameterError, match="out"):
        ordered_target(bare, out)


def test_links_are_followed(bare, tmp_path):
    (bare.root / "away").symlink_to(tmp_path)
    (bare.root / "one.csv").symlink_to(tmp_path / "victim.csv")
    (bare.root / "circle.csv").symlink_to("circle.csv")
    for out in ("away/scored.csv", "one.csv", "circle.csv"):
        with pytest.raises(ParameterError, match="out"):
            ordered_target(bare, out)


def test_an_order_writes_in_the_project_and_in_the_folders_that_are_set(allowing, tmp_path):
    for out in ("scored.csv", "results/scored.csv", "data/scored/today.csv"):
        assert ordered_target(allowing, out) == allowing.root / out
    outbox = tmp_path / "outbox" / "scored.csv"
    assert ordered_target(allowing, str(outbox)) == outbox
    with pytest.raises(ParameterError, match=r"scoring\.folders"):
        ordered_target(allowing, str(tmp_path / "outbox-of-another" / "scored.csv"))


@pytest.mark.parametrize("folder", ["/", "..", ".", "~"])
def test_a_folder_around_the_project_does_not_open_the_project_s_own(bare, monkeypatch, folder):
    monkeypatch.setenv("HOME", str(bare.root.parent))
    settings = yaml.safe_load(bare.params_file.read_text())
    settings["scoring"] = {"folders": [folder]}
    bare.params_file.write_text(yaml.safe_dump(settings))
    for out in (".git/scored.csv", "mlruns/scored.csv", "data/prepared/scored.csv"):
        with pytest.raises(ParameterError, match=r"scoring\.folders"):
            ordered_target(bare, out)
    if folder != ".":
        assert ordered_target(bare, "../scored.csv") == bare.root.resolve().parent / "scored.csv"


def test_an_order_is_not_told_what_is_in_a_file_elsewhere(desk, tmp_path):
    (tmp_path / "shadow").write_text(f"{HASH}\ndaemon:*:1:0:99999:7:::\n")
    with pytest.raises(DataError, match="is not what desk promises") as told:
        order(desk.project, tmp_path / "shadow")
    assert "hash" not in str(told.value)
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        order(desk.project, tmp_path / "gone.csv")


def test_an_order_is_told_what_is_wrong_with_a_file_of_the_project(desk):
    file = desk.project.root / "odd.csv"
    file.write_text("a,b\n1,2\n")
    try:
        with pytest.raises(DataError, match=r"odd\.csv lacks the column"):
            order(desk.project, "odd.csv")
    finally:
        file.unlink()


def test_an_order_writes_over_no_file_that_is_not_a_scored_one(desk, make_rows, tmp_path):
    precious = (desk.project.root / "rows.csv").read_bytes()
    make_rows(20, seed=9).drop(columns=["label", "attack"]).to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(DataError, match=r"rows\.csv is there already and not a scored file"):
        order(desk.project, tmp_path / "in.csv", "rows.csv")
    assert (desk.project.root / "rows.csv").read_bytes() == precious
