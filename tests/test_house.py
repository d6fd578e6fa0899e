"""The code stays such that a stranger finds where a change goes."""

from __future__ import annotations

import ast
import importlib

import pytest
from small_projects import REPOSITORY

PACKAGE = REPOSITORY / "src" / "oddwire"
MOST_MODULES, MOST_LINES = 10, 350
# Packages that hold one file per thing of a kind.
ONE_PER_THING = {
    "cli",
    "params",
    "detection/detectors",
    "traffic/sources",
    "traffic/sources/simulated",
}


def test_no_room_is_crowded():
    crowded = {
        room: modules
        for folder in PACKAGE.rglob("__init__.py")
        if (modules := len([*folder.parent.glob("*.py")]) - 1) > MOST_MODULES
        and (room := folder.parent.relative_to(PACKAGE).as_posix()) not in ONE_PER_THING
    }
    assert not crowded


def test_no_file_is_long():
    files = [*PACKAGE.rglob("*.py"), *(REPOSITORY / "flows").rglob("*.py")]
    lines = {str(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {file: count for file, count in lines.items() if count > MOST_LINES} == {}


def test_no_file_is_a_drawer_for_everything():
    names = {file.stem for file in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "helpers", "common", "misc", "shared"}


@pytest.mark.parametrize(
    "script", sorted((REPOSITORY / "benchmarks").glob("*.py")), ids=lambda script: script.stem
)
def test_a_benchmark_names_what_there_is(script, monkeypatch):
    monkeypatch.syspath_prepend(script.parent)
    importlib.import_module(script.stem)


def test_only_the_registries_of_formats_look_at_a_source_s_format():
    """A format is one reader file, one settings class and one line: nothing else asks which."""
    classes = {
        node.name
        for file in ("sources.py", "log_sources.py")
        for node in ast.parse((PACKAGE / "params" / file).read_text()).body
        if isinstance(node, ast.ClassDef)
        and any(
            isinstance(item, ast.AnnAssign) and getattr(item.target, "id", "") == "format"
            for item in node.body
        )
    }
    assert len(classes) >= 8
    asking = [
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.MatchClass) and getattr(node.cls, "id", "") in classes)
        or (
            isinstance(node, ast.Call)
            and getattr(node.func, "id", "") == "isinstance"
            and any(getattr(name, "id", "") in classes for name in ast.walk(node.args[1]))
        )
    ]
    assert asking == []
