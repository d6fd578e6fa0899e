"""Names of sources are the same to people, to oddwire, to DVC and to a folder."""

from __future__ import annotations

import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from oddwire.errors import ParameterError
from oddwire.params import check_params, load_params

BLOCK = {"format": "simulated"}


@pytest.mark.parametrize(
    "written",
    [
        "1e5", "1.0e+5", "15", "0x1f", "0o17", "1_000", "2026-01-01", "yes", "no", "true", "null",
        "'15'", "'yes'", "~", "nan", "'..'", "a/b", "''", "-a", "Own", "con", "nul", "com1", "a b",
        f"{'x' * 51}", '"a\\e[31m"',
    ],
)  # fmt: skip
def test_a_name_that_something_reads_otherwise_is_told_in_one_line(tmp_path, written):
    file = tmp_path / "params.yaml"
    file.write_text(f"sources:\n  {written}: {{format: simulated}}\n")
    with pytest.raises(ParameterError, match=r"^params\.yaml: sources: a name: must be") as raised:
        load_params(file)
    assert len(str(raised.value)) < 250


@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,9}", fullmatch=True))
def test_a_name_that_is_taken_is_text_to_oddwires_yaml_and_to_dvcs(name):
    try:
        check_params({"sources": {name: BLOCK}})
    except ParameterError:
        return
    assert yaml.safe_load(name) == name
    assert YAML(typ="safe").load(io.StringIO(name)) == name
