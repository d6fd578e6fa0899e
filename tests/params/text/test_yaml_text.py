"""YAML is read within bounds: a bomb is told in one line, before it goes off."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time

import pytest

from oddwire.errors import ParameterError
from oddwire.params import check_params, load_params
from oddwire.params.text.yaml_text import read_yaml

SOURCES = "sources:\n  days: {format: simulated}\n"
# Nine of nine of nine …: ten billion values in a few hundred characters.
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)
# A mapping that merges one that merges one …
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{{', '.join(f'k{at}: *{before}' for at in range(9))}}}\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.fixture
def written(tmp_path):
    def write(text):
        file = tmp_path / "params.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{BOMB}seed: *j\n{SOURCES}", "line 6: aliases must not repeat more than 100,000 values"),
        (f"{MERGES}seed: *j\n{SOURCES}", "aliases must not repeat more than 100,000 values"),
        (f"a: {'[' * 1000}{']' * 1000}\n", "line 1: blocks must not be more than 32 deep"),
        (f"a: {'[' * 200_000}\n", "line 1: blocks must not be more than 32 deep"),
        (f"a: {'{a: ' * 1000}{'}' * 1000}\n", "line 1: blocks must not be more than 32 deep"),
        ("\n".join(" " * at + "a:" for at in range(1000)), "line 33: blocks must not be more than"),
        ("- " * 1000, "blocks must not be more than 32 deep"),
        ("a: &a [*a]\n", r"line 1: \*a names no value before it"),
        ("a: *b\n", r"line 1: \*b names no value before it"),
        (f"{SOURCES}# {'x' * 1_000_000}", "must be at most 1,000,000 bytes long"),
        (SOURCES.encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
        (SOURCES.encode("utf-16-le"), "params.yaml is not YAML: character 1: special characters"),
        (f"{SOURCES}---\nseed: 1\n", "line 3, column 1: found another document"),
        ("? [a, b]\n: 1\n", "line 1, column 3: found unhashable key"),
    ],
)
def test_a_bomb_and_what_is_no_yaml_of_ours_is_told_at_once(written, text, says):
    begun = time.monotonic()
    with pytest.raises(ParameterError, match=says) as raised:
        load_params(written(text))
    assert time.monotonic() - begun < 5
    assert len(str(raised.value)) < 300
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (os.mkfifo, "is a named pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
        (os.mkdir, "is a folder, not a file"),
    ],
)
def test_what_never_ends_is_not_read(tmp_path, make, says):
    make(tmp_path / "params.yaml")
    with pytest.raises(ParameterError, match=says):
        load_params(tmp_path / "params.yaml")


def test_anchors_aliases_and_merges_of_ordinary_size_are_read(written):
    text = (
        "\ufeffsources:\n  a: &a {format: simulated}\n  b: *a\n  c: {<<: *a, days: 3}\n"
        "alerts:\n  target: {share_of_rows: 1e-3}\n"  # which YAML 1.1 reads as text
    )
    params = load_params(written(text))
    assert params.source("c").days == 3
    assert params.source("b") == params.source("a")
    assert params.alerts.target.share_of_rows == 0.001


def test_an_error_in_the_text_does_not_quote_the_line_which_may_hold_a_token(written):
    text = f"{SOURCES}notify:\n  webhook: https://hooks.example/T0KEN: x\n"
    with pytest.raises(ParameterError, match="line 4, column") as raised:
        load_params(written(text))
    assert "T0KEN" not in str(raised.value)


@pytest.mark.parametrize(
    "blocks",
    [
        {"notify": {"webhook": "hooks.example/T0KEN"}},
        {"notify": {"webhok": "https://hooks.example/T0KEN"}},
        {"notifi": {"webhook": "https://hooks.example/T0KEN"}},
        {"notify": "https://hooks.example/T0KEN"},
        {"webhook": "https://hooks.example/T0KEN"},
        {"seed": "https://hooks.example/T0KEN"},
    ],
)
def test_an_address_that_stands_at_a_wrong_place_is_not_shown(blocks):
    with pytest.raises(ParameterError) as raised:
        check_params({"sources": {"days": {"format": "simulated"}}, **blocks})
    assert "T0KEN" not in str(raised.value)


@pytest.mark.parametrize("text", [BOMB, f"stages: {'[' * 1000}"])
def test_other_yaml_that_is_read_has_the_same_bounds(written, text):
    with pytest.raises(ParameterError, match=r"must not (be|repeat) more than"):
        read_yaml(written(text))


def test_a_bomb_takes_no_memory(written):
    file = written(f"{BOMB}seed: *j\n")
    code = (
        "from pathlib import Path\nfrom oddwire.params import load_params\n"
        f"load_params(Path({str(file)!r}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert "ParameterError: params.yaml: line 6: aliases must not repeat" in ended.stderr


def test_many_keys_take_no_time(tmp_path):
    """Twenty thousand of them would take minutes if each were counted among all."""
    file = tmp_path / "params.yaml"
    file.write_text("".join(f"k{at}: 1\n" for at in range(20_000)))
    assert len(read_yaml(file)) == 20_000
