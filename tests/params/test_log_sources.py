"""Blocks of sources of logs: what they take, and what is said of the rest."""

from __future__ import annotations

import pytest

from oddwire.errors import ParameterError
from oddwire.params import check_params

MAP = {"ts": "when", "src_ip": "from", "dst_ip": "to"}


def block(**keys):
    content = {"format": "zeek", "files": "conn.*", **keys}
    return check_params({"sources": {"lab": content}}).source("lab")


@pytest.mark.parametrize("format_", ["zeek", "suricata", "netflow", "pcap", "connections"])
def test_files_alone_are_enough_and_one_needs_no_list(format_):
    source = block(format=format_)
    assert source.files == source.logs == ("conn.*",)
    assert (source.row_kind, source.paths()) == ("connections", {})
    assert (source.max_refused_share, source.train_days) == (0.01, None)


def test_what_its_rows_come_from_names_the_first_files_of_many():
    assert block(files=["a", "b"]).rows_from() == "a, b"
    assert block(files=["a", "b", "c", "d", "e"]).rows_from() == "a, b, c and 2 more"


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"files": []}, "lab.files: must not be empty, got []"),
        ({"files": ["a\0b"]}, r"lab.files.0: must hold no zero byte, got 'a\x00b'"),
        ({"files": "\ud800"}, r"lab.files.0: must be text, got '\ud800'"),
        ({"files": "~nobody-of-this-name/x"}, "there is no such user"),
        ({"files": [7]}, "lab.files.0: must be a valid string, got 7"),
        ({"file": "a"}, "lab.file: is not a known key (is files meant?), got 'a'"),
        ({"format": "netflow", "zone": "Mars"}, "lab.zone: must be an IANA time zone such as"),
        ({"benign": [False]}, "where YAML reads a word as a truth value, got False"),
        ({"benign": []}, "lab.benign: must not be empty, got []"),
        ({"max_refused_share": 1.1}, "must be less than or equal to 1, got 1.1"),
        ({"max_refused_share": float("nan")}, "must be a finite number, got nan"),
        ({"train_days": 0}, "lab.train_days: must be greater than or equal to 1, got 0"),
        ({"train_days": True}, "lab.train_days: must be a number, got True"),
        ({"label": "x"}, "lab.label: is not a known key, got 'x'"),
        ({"zone": "UTC"}, "lab.zone: is not a known key, got 'UTC'"),
        ({"format": "suricata", "benign": ["a"]}, "lab.benign: is not a known key, got ['a']"),
        ({"format": "suricata", "alerts": True}, "must be 'ignore' or 'label', got True"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_said_in_one_line(keys, says):
    with pytest.raises(ParameterError) as raised:
        block(**keys)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("columns", [None, MAP, MAP | {"total_bytes": "sum"}])
@pytest.mark.parametrize("time_format", [None, "%d.%m.%Y %H:%M", "%Y%m%d", "%m/%d/%y %I:%M:%S %p"])
def test_a_table_s_own_names_and_times(columns, time_format):
    source = block(format="connections", columns=columns, time_format=time_format)
    assert (source.columns, source.time_format) == (columns, time_format)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"columns": {"ts": "when"}}, "lab.columns: must also name src_ip and dst_ip, got 'ts'"),
        ({"columns": {}}, "must also name ts and src_ip and dst_ip, got 'nothing'"),
        ({"columns": MAP | {"tss": "x"}}, "lab.columns: a name: must be 'ts', 'end', 'uid'"),
        ({"time_format": "%H:%M"}, "must have a year and a day"),
        ({"time_format": "%"}, "in the words of strptime"),
        ({"time_format": "\ud800"}, "in the words of strptime"),
        ({"time_format": ""}, "in the words of strptime"),
    ],
)
def test_a_map_that_leads_to_no_connection_is_refused(keys, says):
    with pytest.raises(ParameterError) as raised:
        block(format="connections", **keys)
    assert says in str(raised.value)
