"""What a drift check that the Prefect page asked for tells of files elsewhere."""

from __future__ import annotations

import pytest

from oddwire.errors import DataError
from oddwire.operations.drift.on_order import check_on_order
from oddwire.params import load_params

HASH = "root:$6$a-hash:19000:0:99999:7:::"


def check(desk, current, *, ordered):
    params = load_params(desk.project.params_file)
    return check_on_order(
        desk.project, "desk", params, current=str(current), scenario="", ordered=ordered
    )


@pytest.fixture
def shadow(tmp_path):
    file = tmp_path / "shadow.csv"
    file.write_text(f"{HASH}\ndaemon:*:1:0:99999:7:::\n")
    return file


def test_an_order_is_not_told_what_is_in_a_file_elsewhere(desk, shadow):
    with pytest.raises(DataError, match="is not what desk promises") as told:
        check(desk, shadow, ordered=True)
    assert "hash" not in str(told.value)
    with pytest.raises(DataError, match="hash"):  # the user of the command line is
        check(desk, shadow, ordered=False)


def test_a_home_folder_is_elsewhere(desk, shadow, monkeypatch):
    monkeypatch.setenv("HOME", str(shadow.parent))
    with pytest.raises(DataError, match="is not what desk promises"):
        check(desk, "~/shadow.csv", ordered=True)


def test_nor_of_the_files_that_are_left_out(desk, shadow, make_rows):
    make_rows(150, seed=5).to_csv(shadow.with_name("rows.csv"), index=False)
    (told,) = check(desk, shadow.parent, ordered=True).refused
    assert told.startswith("1 of the files are not what desk promises")
