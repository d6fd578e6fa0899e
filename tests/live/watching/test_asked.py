"""What cannot be watched so is refused at once, and not after seconds of imports."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from oddwire.errors import DataError, OddwireError, ParameterError
from oddwire.live.watching.asked import asked_of
from oddwire.live.watching.options import WatchOptions
from oddwire.operations.locks import watch_lock
from oddwire.params import load_params
from oddwire.project import Project
from tests.small_projects import write_params

REFUSED = """
import sys
from oddwire.cli import main
sys.argv = ["oddwire", "watch", *sys.argv[1:]]
try:
    main()
except SystemExit as ended:
    code = ended.code
heavy = {"pandas", "pyarrow", "sqlalchemy", "mlflow", "sklearn", "numba"} & set(sys.modules)
sys.exit(f"exit code {code}, imported {heavy}" if heavy or code != 2 else 0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_params(tmp_path, {"sources": {
        "office": {"format": "zeek", "files": "logs/conn*", "watch": {
            "input": "redis://127.0.0.1/0?list=zeek", "sinks": ["told.jsonl"], "adaptive": True,
        }},
        "made": {"format": "simulated"},
    }})  # fmt: skip
    return Project(tmp_path)


def ask(project: Project, source: str = "office", **options: object):
    settings = load_params(project.params_file).source(source)
    return asked_of(project, source, settings, WatchOptions(**options))


def test_options_come_before_settings_and_sinks_beside_them(project: Project) -> None:
    asked = ask(project)
    assert (asked.input, asked.from_start, asked.adaptive) == (
        "redis://127.0.0.1/0?list=zeek", False, True,
    )  # fmt: skip
    assert list(asked.sinks) == [str(project.root / "told.jsonl")]
    asked = ask(project, input="-", from_start=True, sinks=("told.jsonl", "syslog://host"))
    assert (asked.input, asked.from_start) == ("-", True)
    assert list(asked.sinks) == [str(project.root / "told.jsonl"), "syslog://host"]


@pytest.mark.parametrize(
    ("source", "options", "kind", "said"),
    [
        ("made", {}, DataError, "only sources of the formats zeek, suricata, netflow can be"),
        ("office", {"input": "ftp://host/conn.log"}, ParameterError, "an input must be - "),
        ("office", {"sinks": ("told.txt",)}, ParameterError, "--sink must be a FILE.jsonl"),
        ("office", {"sinks": ("http://far.example",)}, ParameterError, "must be https://"),
        ("office", {"sinks": ("logs/conn.jsonl",)}, ParameterError, "must be no log of the sour"),
    ],
)
def test_what_cannot_be_watched_so_is_refused(
    project: Project,
    source: str,
    options: dict[str, object],
    kind: type[OddwireError],
    said: str,
) -> None:
    with pytest.raises(kind, match=said):
        ask(project, source, **options)


@pytest.mark.parametrize(
    ("files", "sink", "is_log"),
    [
        ("logs/*.jsonl", "logs/out.jsonl", True),
        ("logs/*.jsonl", "logs/out/told.jsonl", False),
        ("logs/*/*.jsonl", "logs/out/told.jsonl", True),
        ("logs/**/*.jsonl", "logs/a/b/told.jsonl", True),
        ("logs/**", "logs/a/told.jsonl", True),
        ("logs/**/conn*", "logs/told.jsonl", False),
        ("logs/*.jsonl", "logs/.told.jsonl", False),
        ("logs/../told/*", "told/out.jsonl", True),
    ],
)
def test_a_sink_is_refused_where_a_pattern_would_name_it_and_nowhere_else(
    tmp_path: Path, files: str, sink: str, is_log: bool
) -> None:
    root = tmp_path / "project [1]"
    root.mkdir()
    write_params(root, {"sources": {"office": {"format": "zeek", "files": files}}})
    if not is_log:
        assert list(ask(Project(root), sinks=(sink,)).sinks) == [str(root / sink)]
        return
    with pytest.raises(ParameterError, match="must be no log of the source"):
        ask(Project(root), sinks=(sink,))


@pytest.mark.parametrize(
    "words", [["nosuch"], ["office", "ftp://x"], ["office", "--sink", "x"], ["made"]]
)
def test_nothing_heavy_is_imported_before(project: Project, words: list[str]) -> None:
    refuse(project, words)


def test_nothing_heavy_is_imported_before_a_second_watch_is_refused(project: Project) -> None:
    with watch_lock(project, "office"):
        assert "office is watched already" in refuse(project, ["office"])


def test_nothing_heavy_is_imported_before_a_port_that_is_taken_is_refused(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refuse(project, ["office", "--metrics-port", str(port)])
    assert f"--metrics-port must be a free port, got {port}, which is not" in said


def refuse(project: Project, words: list[str]) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", REFUSED, *words], cwd=project.root, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return ended.stderr
