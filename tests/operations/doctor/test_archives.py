"""Each fault of an archive of logs is made for real, found, and told with its remedy."""

from __future__ import annotations

import shutil

import pytest
import yaml
from archived_logs import zeek_log

from oddwire.disk.drafts import bring_back
from oddwire.operations.doctor.archives import see_archives
from oddwire.operations.doctor.finding import Fact
from oddwire.operations.doctor.ground import Ground
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.traffic.archive.records import read_records

BROKEN = "broken\n" * 4
CHECKOUT = "dvc checkout --force data/ingested/zeek"


@pytest.fixture
def folder(bare):
    """The archive of two log files, of which one has refused lines."""
    logs = bare.root / "logs"
    logs.mkdir()
    for number in range(2):
        rows = [(f"C{number}x{at}", 1_700_000_000 + 3600 * number + at, 3) for at in range(60)]
        (logs / f"conn.{number}.log").write_text(zeek_log(rows) + (BROKEN if number else ""))
    set_source(bare)
    for stage in (link, ingest):
        stage(bare, "zeek")
    return bare.ingested("zeek")


def set_source(bare, **settings):
    params = yaml.safe_load(bare.params_file.read_text())
    block = {"format": "zeek", "files": "logs/*.log", "max_refused_share": 0.5, **settings}
    params["sources"]["zeek"] = block
    bare.params_file.write_text(yaml.safe_dump(params))


@pytest.fixture
def seen(monkeypatch, bare, look):
    """A function that returns the facts of the look."""
    monkeypatch.setenv("ODDWIRE_PROJECT", str(bare.root))

    def facts():
        return [one.text for one in see_archives(Ground.find()) if isinstance(one, Fact)]

    return facts


def test_a_sound_archive_is_a_fact(bare, folder, look, seen):
    assert look("archives") == []
    assert seen() == ["zeek: 2 log files in its archive"]
    shutil.rmtree(folder)
    assert seen() == ["zeek: no archive yet (`oddwire ingest zeek`)"]
    assert look("archives") == []


def test_log_files_that_came_or_grew_since_the_last_ingest_are_told(bare, folder, look, seen):
    with (bare.root / "logs" / "conn.0.log").open("a") as grown:
        grown.write("#close\n")
    assert "zeek: 1 log file is newer than its archive" in seen()[-1]
    (bare.root / "logs" / "conn.2.log").write_text(zeek_log([("C9", 1_700_010_000, 3)]))
    assert "zeek: 2 log files are newer than its archive: `oddwire ingest zeek`" in seen()[-1]
    assert look("archives") == []  # a sensor writes all day: that is no fault
    for stage in (link, ingest):
        stage(bare, "zeek")
    assert seen() == ["zeek: 3 log files in its archive"]


@pytest.mark.parametrize("fault", ["gone", "cut", "other"])
def test_a_part_that_is_gone_or_damaged(folder, look, fault):
    first, second = (part.file(folder) for part in read_records(folder).parts)
    content = first.read_bytes()
    if fault == "gone":
        first.unlink()
    else:
        first.write_bytes(content[:-20] if fault == "cut" else content[:-4] + b"PAR2")
    (found,) = look("archives")
    assert found.subject == f"data/ingested/zeek/parts/{first.name}"
    assert ("is not there" if fault == "gone" else "is damaged") in found.problem
    assert found.remedy == CHECKOUT
    second.unlink()
    (found,) = look("archives")
    assert ", and 1 more:" in found.problem


def test_refused_lines_that_are_gone(folder, look):
    shutil.rmtree(folder / "refused")
    (found,) = look("archives")
    assert found.subject.startswith("data/ingested/zeek/refused/")
    assert found.remedy == CHECKOUT


@pytest.mark.parametrize("content", [None, "{", '{"parts": 3}'])
def test_a_list_of_the_parts_that_is_gone_or_damaged(folder, look, content):
    (folder / "files.json").unlink()
    if content is not None:
        (folder / "files.json").write_text(content)
    (found,) = look("archives")
    assert (found.subject, found.remedy) == ("data/ingested/zeek/files.json", CHECKOUT)


def test_an_archive_that_a_killed_ingest_took_away(folder, look):
    folder.rename(folder.with_name(f".zeek.oddwire-{'0' * 16}.former"))
    (found,) = look("archives", "leftovers")
    assert "when an ingest was killed" in found.problem
    assert found.remedy == "oddwire ingest zeek"
    bring_back(folder)  # which an ingest does first
    assert look("archives") == []


def test_more_refused_lines_than_are_allowed_now(bare, folder, look):
    set_source(bare, max_refused_share=0.05)
    (found,) = look("archives")
    assert found.severity == "warning"
    assert "1 log file was read with more refused lines than max_refused_share (5 %)" in (
        found.problem
    )
    assert "of logs/conn.1.log 6.25 %" in found.problem
    refused = found.remedy.split()[1]
    assert (bare.root / refused).read_text().count("broken") >= 4
