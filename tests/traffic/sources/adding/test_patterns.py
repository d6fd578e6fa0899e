"""Files named on a command line, as params.yaml is to have them."""

from __future__ import annotations

import pytest

from oddwire.traffic.sources.adding.patterns import as_patterns


def touch(root, *names):
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


@pytest.mark.parametrize(
    ("there", "given", "written"),
    [
        ((), ["logs/*.log"], ["logs/*.log"]),
        ((), ["./logs/../conn.log"], ["conn.log"]),
        (("a/c.00.gz", "a/c.01.gz", "a/c.12.gz"), "all", ["a/c.*.gz"]),
        (("d/2024-06-09/c.log", "d/2024-06-10/c.log"), "all", ["d/2024-06-*/c.log"]),
        (("d/1/c.00.gz", "d/2/c.00.gz", "d/2/c.01.gz"), "all", ["d/*/c.*.gz"]),
        (("a/c.00.gz", "a/c.01.gz", "a/c.x.gz"), ["a/c.00.gz", "a/c.01.gz"], "given"),
        (("a/1", "b/c/2"), "all", ["a/1", "b/c/2"]),
        (("[1].log", "[2].log"), "all", ["[[]*].log"]),
        (("a.log",), ["a.log", "./a.log"], ["a.log"]),
    ],
)
def test_one_pattern_stands_for_a_list_that_it_matches_exactly(tmp_path, there, given, written):
    touch(tmp_path, *there)
    typed = list(there) if given == "all" else given
    wanted = typed if written == "given" else written
    assert list(as_patterns(typed, here=tmp_path, root=tmp_path)) == wanted


def test_paths_are_relative_to_the_project_where_they_are_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root, here = tmp_path / "project", tmp_path / "project" / "logs"
    given = ["*.log", "../x.log", "../../out.log", str(root / "y.log"), "~/z.log"]
    assert as_patterns(given, here=here, root=root) == (
        "logs/*.log", "x.log", str(tmp_path / "out.log"), "y.log", str(tmp_path / "home/z.log"),
    )  # fmt: skip
