"""How every stage starts and ends."""

from __future__ import annotations

import errno
import json
from importlib import import_module

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError, ParameterError
from oddwire.params import SplitSettings, check_params, load_params
from oddwire.params.stage_settings import USED
from oddwire.project import Project
from oddwire.stages.running import remark, run
from oddwire.stages.settings import write_settings


def test_a_stage_takes_one_source(project, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    ran = []
    assert run(lambda *given: ran.append(given), []) == 2
    assert capsys.readouterr().err == "error: a stage takes the name of one source, got []\n"
    assert run(lambda *given: ran.append(given), ["mine"]) == 0
    assert ran == [(project, "mine")]


@pytest.mark.parametrize("stage", ["link", "ingest", "prepare", "explore"])
def test_a_wrong_source_ends_a_stage_with_one_line_and_code_2(project, stage, monkeypatch, capsys):
    monkeypatch.chdir(project.root)
    assert run(getattr(import_module(f"oddwire.stages.{stage}"), stage), ["yours"]) == 2
    out, err = capsys.readouterr()
    assert err == "error: unknown source 'yours': params.yaml has days, mine\n"
    assert out == ""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (DataError("two\nlines\x1b[2J"), "error: two lines\ufffd[2J\n"),
        (OSError(errno.ENOSPC, "No space left on device", "data/x"),
         "error: data/x: No space left on device\n"),
        (OSError(errno.EROFS, "Read-only file system"), "error: Read-only file system\n"),
        (MemoryError(), "error: not enough memory for the rows of this source\n"),
    ],
)  # fmt: skip
def test_what_no_code_can_help_is_one_line(project, monkeypatch, capsys, error, says):
    monkeypatch.chdir(project.root)

    def fail(*_):
        raise error

    assert run(fail, ["mine"]) == 2
    assert capsys.readouterr().err == says


def test_a_defect_keeps_its_traceback(project, monkeypatch):
    monkeypatch.chdir(project.root)
    for defect in (KeyError("a"), FileNotFoundError(errno.ENOENT, "gone", "x")):

        def fail(*_, defect=defect):
            raise defect

        with pytest.raises(type(defect)):
            run(fail, ["mine"])


def test_a_remark_is_one_plain_line(capsys):
    remark("a picture\nfailed\x1b[1m")
    assert capsys.readouterr().err == "note: a picture failed\ufffd[1m\n"


BLOCKS = {
    "seed": st.integers(0, 2**31 - 1),
    "split": st.fixed_dictionaries(
        {}, optional={"test": st.sampled_from([0.1, 0.3]), "train_on": st.just("all")}
    ),
    "explore": st.fixed_dictionaries({}, optional={"max_rows": st.integers(100, 900)}),
}


@settings(max_examples=30)
@given(given_blocks=st.fixed_dictionaries({}, optional=BLOCKS))
def test_whatever_is_left_out_is_written_out(tmp_path_factory, given_blocks):
    project = Project(tmp_path_factory.mktemp("settings"))
    content = {"sources": {"a": {"format": "simulated"}}, **given_blocks}
    project.params_file.write_text(json.dumps(content))  # YAML too
    write_settings(project)
    written = json.loads(project.settings.read_text())
    assert written.pop("periods") == {"a": {"since": None, "until": None, "days": None}}
    assert set(written) == set(USED)
    assert written["split"].keys() == SplitSettings.model_fields.keys()
    assert check_params(written) == load_params(project.params_file)


@pytest.mark.parametrize("value", ["2026-03-02", "2026-03-02 10:00:00", "!!set {a, b}"])
def test_a_value_that_dvc_cannot_read_is_refused_before_dvc(project, value):
    project.params_file.write_text(f"sources: {{days: {{format: simulated, start: {value}}}}}\n")
    with pytest.raises(ParameterError, match=r"sources\.days\.start: must be in quotes"):
        load_params(project.params_file)
