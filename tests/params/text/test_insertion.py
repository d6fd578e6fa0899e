"""A source written into the text of params.yaml."""

from __future__ import annotations

import pytest
import yaml

from oddwire.errors import ParameterError
from oddwire.params.text.insertion import as_text, with_source

BLOCK = {"format": "zeek", "files": "logs/*.log"}
ADDED = "  new:\n    format: zeek\n    files: logs/*.log\n"


ADD = "<here>\n"  # where the block is to stand


@pytest.mark.parametrize(
    "text",
    [
        "seed: 7  # lucky\nsources:\n  a:\n    b: x   # kept\n<here>\n\n# other\nsplit:\n  c: 1\n",
        "sources:\n  a:\n    b: x\n    # c: 1\n<here>\n  # d:\n  #   e\nsplit: {}\n",
        "sources:\n  a:\n    b: [1,\n      2]\n<here>\n",
        "sources:\n  a:\n    b: |\n      x\n      y\n<here>\n",
        "sources:\n<here>\nseed: 1\n",
    ],
)
def test_a_block_is_added_behind_the_last_one_and_all_else_stays(text):
    changed = with_source(text.replace(ADD, ""), "new", BLOCK)
    assert changed == text.replace(ADD, ADDED)
    assert yaml.safe_load(changed)["sources"]["new"] == BLOCK


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("sources:\n  a: {b: x}", f"sources:\n  a: {{b: x}}\n{ADDED}"),
        ("seed: 1\n", f"seed: 1\n\nsources:\n{ADDED}"),
        ("", f"\nsources:\n{ADDED}"),
        ("sources:\n     a: {}\n", "sources:\n     a: {}\n" + as_text("new", BLOCK, " " * 5)),
    ],
)
def test_a_file_of_another_shape_gets_one_too(text, changed):
    assert with_source(text, "new", BLOCK) == changed


def test_line_ends_stay_what_they_are():
    text = "sources:\r\n  a: {format: x}\r\nseed: 1\r\n"
    changed = with_source(text, "new", BLOCK)
    assert changed.count("\r\n") == changed.count("\n") == 6
    assert changed.startswith("sources:\r\n  a: {format: x}\r\n  new:\r\n")


@pytest.mark.parametrize(
    "text", ["sources: {a: {format: x}}\n", "&all\nsources: &s\n  a: {}\nb: *s\n"]
)
def test_what_would_come_out_otherwise_is_left_to_people(text):
    with pytest.raises(ParameterError, match="by hand"):
        with_source(text, "new", BLOCK)


@pytest.mark.parametrize(
    "value",
    ["*.log", "a: b", "#x", "no", "1e5", "a\nb", "\x1b[2J", "{x}", "a\u2028b", "a\x85b: c", "é"],
)
def test_a_value_is_read_as_it_was_given(value):
    block = {"format": "zeek", "files": [value, "a"], "label": value}
    text = as_text("new", block, "")
    assert yaml.safe_load(text) == {"new": block}
    assert "\x1b" not in text
    assert with_source("sources:\n  a: {}\n", "new", block).count("format: zeek") == 1
