"""Whatever is broken, every look ends, and says what it found on lines that a terminal may show."""

from __future__ import annotations

import os
import shutil
import time

import pytest

from oddwire.operations.doctor.examining import Look, by_weight, examine
from oddwire.operations.doctor.finding import (
    LONGEST_PROBLEM,
    LONGEST_REMEDY,
    LONGEST_SUBJECT,
    Fact,
    Finding,
    quoted,
)
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.looks import LOOKS


def failing(_):
    yield Fact("before")
    raise RuntimeError("a defect\nof two lines")


def test_a_look_that_fails_is_a_finding_and_keeps_what_it_saw(bare):
    (seen,) = examine([Look("one", failing)], Ground(bare))
    assert [fact.text for fact in seen.facts] == ["before"]
    (finding,) = seen.findings
    assert finding.problem == "could not be looked at: RuntimeError: a defect of two lines"


def test_a_look_that_hangs_keeps_the_others_waiting_no_longer_than_it_may(bare):
    looks = [Look("slow", lambda _: time.sleep(60), seconds=0.2), Look("quick", lambda _: [])]
    begun = time.monotonic()
    slow, quick = examine(looks, Ground(bare))
    assert time.monotonic() - begun < 10
    assert "no answer within 0.2 s" in slow.findings[0].problem
    assert quick.findings == ()


def test_what_is_broken_comes_first(bare):
    def two(_):
        yield Finding(subject="a", problem="b", remedy="c", severity="warning")
        yield Finding(subject="d", problem="e", remedy="f")

    assert [one.subject for one in by_weight(examine([Look("x", two)], Ground(bare)))] == ["d", "a"]


def test_names_from_the_wire_reach_no_terminal():
    finding = Finding(subject="\x1b[31m", problem="a\nb\x07", remedy="rm 'a\rb'")
    assert all(getattr(finding, name).isprintable() for name in ("subject", "problem", "remedy"))


def test_a_path_is_one_word_of_a_shell(tmp_path):
    assert quoted(tmp_path / "a; rm b", tmp_path) == "'a; rm b'"
    assert quoted(tmp_path / "-rf", tmp_path) == "./-rf"


def nothing(root):
    shutil.rmtree(root)


def files_for_folders(root):
    for name in ("data", ".dvc", "mlruns"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).write_bytes(b"\x00\xff" * 100)


def folders_for_files(root):
    shutil.rmtree(root / "mlruns")
    for name in (
        "params.yaml", "dvc.lock", "dvc.yaml", "mlruns/mlflow.db", "mlruns/promotions.jsonl",
        "data/studies/a.b.journal", "data/locks/train-desk.lock", "constraints.txt",
        "mlruns/evidently/1/a.json", ".dvc/config", ".dvc/tmp/rwlock",
    ):  # fmt: skip
        (root / name).unlink(missing_ok=True)
        (root / name).mkdir(parents=True)


def garbage(root):
    for name in (
        "params.yaml", "dvc.lock", "dvc.yaml", "mlruns/mlflow.db", "mlruns/promotions.jsonl",
        "data/studies/a.b.journal", "constraints.txt", "mlruns/evidently/1/a.json", ".dvc/config",
        ".dvc/tmp/rwlock", "mlruns/.a\x1b[31m.oddwire-0123456789abcdef",
    ):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\x1b[31m{\x00\xff\n" * 50)


@pytest.mark.parametrize("break_it", [nothing, files_for_folders, folders_for_files, garbage])
def test_every_finding_of_a_broken_project_is_a_line_with_a_remedy(bare, monkeypatch, break_it):
    monkeypatch.setenv("ODDWIRE_PROJECT", str(bare.root))
    break_it(bare.root)
    seen = list(examine(LOOKS, Ground.find()))
    findings = by_weight(seen)
    assert findings
    for one in findings:
        assert 0 < len(one.subject) <= LONGEST_SUBJECT
        assert 0 < len(one.problem) <= LONGEST_PROBLEM
        assert 0 < len(one.remedy) <= LONGEST_REMEDY
        assert (one.subject + one.problem + one.remedy).isprintable()
        assert one.severity in {"broken", "warning"}
        assert "could not be looked at" not in one.problem, one


def test_a_folder_that_is_gone_under_our_feet(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    monkeypatch.delenv("ODDWIRE_PROJECT", raising=False)
    gone.rmdir()
    findings = by_weight(examine([LOOKS[1]], Ground.find()))
    os.chdir(tmp_path)
    assert findings
