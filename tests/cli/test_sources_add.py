"""``oddwire sources add``: from files to a block that is understood."""

from __future__ import annotations

import json
import os

import pytest

from oddwire.params import load_params
from oddwire.traffic.sources import read_source

ZEEK = (
    "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tlabel\n"
)
EVE = (
    '{"event_type":"flow","flow_id":1,"src_ip":"10.0.0.1","src_port":5000,"dest_ip":"10.0.0.2",'
    '"dest_port":443,"proto":"TCP","flow":{"start":"2026-03-02T10:00:00.5+0000",'
    '"end":"2026-03-02T10:00:01.5+0000"}}\n'
)
ARGUS = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes\n"
    "2011/08/10 09:46:53.058760,1.0,tcp,10.0.0.1,5000,->,10.0.0.2,443,CON,0,0,4,400,200\n"
)
VPC = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start"
    " end action log-status\n2 1 eni-1 10.0.0.1 10.0.0.2 5000 443 6 4 400 1772445600 1772445660"
    " ACCEPT OK\n"
)
TABLE = "Bytes,Proto,Label\n" + "".join(
    f"{at},tcp,{'normal' if at % 3 else 'scan'}\n" for at in range(30)
)
NSL_KDD = "0,tcp,http,SF," + ",".join(["1"] * 37) + ",normal,20\n"


def zeek(rows=20, label="benign"):
    lines = [
        f"{1772445600 + at}.5\tC{at}{label}\t10.0.0.1\t{5000 + at}\t10.0.0.2\t443\ttcp\t{label}\n"
        for at in range(rows)
    ]
    return ZEEK + "".join(lines)


@pytest.fixture
def there(project):
    """A function that writes files into the project."""

    def there(**files):
        for name, content in files.items():
            file = project.root / name.replace("__", "/").replace("_", ".")
            file.parent.mkdir(exist_ok=True)
            file.write_text(content)

    return there


@pytest.mark.parametrize(
    ("name", "content", "block"),
    [
        ("conn_log", zeek(), {"format": "zeek", "files": "conn.log"}),
        ("eve_json", EVE, {"format": "suricata", "files": "eve.json"}),
        ("x_binetflow", ARGUS, {"format": "netflow", "files": "x.binetflow"}),
        ("vpc_log", VPC, {"format": "connections", "files": "vpc.log"}),
        ("own_csv", TABLE, {"format": "table", "train": "own.csv", "label": "Label"}),
        ("KDDTrain_txt", NSL_KDD * 9, {"format": "nsl-kdd", "train": "KDDTrain.txt"}),
    ],
)
def test_the_format_of_a_file_is_found_out(oddwire, project, there, name, content, block):
    there(**{name: content})
    before = project.params_file.read_text()
    file = name.replace("_", ".")
    looked = oddwire("sources", "add", "mine", file, "--dry-run", "--json")
    assert (looked.code, looked.err) == (0, "")
    assert project.params_file.read_text() == before
    found = json.loads(looked.out)
    assert (found["block"], found["written"]) == (block, False)
    assert oddwire("sources", "add", "mine", file).code == 0
    after = project.params_file.read_text()
    assert [line for line in before.splitlines() if line not in after.splitlines()] == []
    own = load_params(project.params_file).source("mine").model_dump(mode="json")
    assert {key: own[key] for key in block if key != "files"} == {
        key: value for key, value in block.items() if key != "files"
    }


def test_what_is_understood_is_shown_in_80_columns(oddwire, there, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    broken = "x\tC\t10.0.0.1\t5000\t10.0.0.2\t443\ttcp\t-\n"
    lines = zeek(150) + broken + zeek(10, "Port\x1b[2JScan").removeprefix(ZEEK)
    there(logs__conn_00_log=lines, logs__conn_01_log=zeek(5, "-"))
    ended = oddwire("sources", "add", "lab", "logs/conn.00.log", "logs/conn.01.log")
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "\x1b[2J" not in ended.out
    for line in [
        "lab (zeek)", "looked at: 165 rows of 2 of 2 files",
        "times: 2026-03-02 10:00:00 to 2026-03-02 10:02:29 UTC",
        "labels: 150 benign, 10 attacks, 5 unknown",
        "refused: 1 (0.602 %); the first: logs/conn.00.log, line 153:", "files: logs/conn.*.log",
        "Next: oddwire train lab",
    ]:  # fmt: skip
        assert line in ended.out, ended.out


def test_a_pattern_in_quotes_stays_and_counts_from_where_it_is_typed(
    oddwire, project, there, monkeypatch
):
    there(logs__conn_a_log=zeek())
    monkeypatch.chdir(project.root / "logs")
    assert oddwire("sources", "add", "lab", "conn.*").code == 0
    assert load_params(project.params_file).source("lab").files == ("logs/conn.*",)


def test_names_of_columns_labels_and_zones_can_be_said(oddwire, project, there):
    there(own_log="when;from;to;prot;is\n2026-03-02 10:00;10.0.0.1;10.0.0.2;tcp;fine\n")
    options = [
        *("--column", "ts=when", "--column", "src_ip=from", "--column", "dst_ip=to"),
        *("--column", "proto=prot", "--label", "is", "--benign", "fine", "--zone", "Asia/Tokyo"),
    ]
    ended = oddwire("sources", "add", "own", "own.log", *options, "--json")
    assert ended.code == 0, ended.err
    understood = json.loads(ended.out)["understood"]
    assert understood["first"] == "2026-03-02T01:00:00+00:00"
    assert understood["labels"] == {"benign": 1, "unknown": 0, "attacks": {}}
    source = load_params(project.params_file).source("own")
    assert (source.label, source.benign, source.zone) == ("is", ("fine",), "Asia/Tokyo")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["simulated", "conn.log"], "params.yaml has a source 'simulated' already"),
        (["No Name", "conn.log"], "must be 1 to 50 of a-z"),
        (["mine", "nothing.log"], "nothing.log does not exist"),
        (["mine", "no*.log"], "no file matches"),
        (["mine", "."], "is a folder, not a file"),
        (["mine", "pipe"], "is a named pipe, not a file"),
        (["mine", "conn.log", "eve.json"], "one source has files of one format"),
        (["mine", "conn.log", "--column", "ts"], "--column must be OURS=THEIRS"),
        (
            ["mine", "conn.log", "--zone", "Mars", "--format", "netflow"],
            "must be an IANA time zone",
        ),
        (["mine", "conn.log", "--format", "zeeek"], "format: must be one of"),
        (["mine", "bad.log"], "rows were refused (100 %), more than max_refused_share (1 %)"),
        (["mine", "other.json"], "--column ts="),
    ],
)
def test_what_cannot_be_a_source_is_refused_and_nothing_is_written(
    oddwire, project, there, arguments, says
):
    there(conn_log=zeek(), eve_json=EVE, bad_log=zeek().replace("10.0.0.1", "x"))
    there(other_json='{"a": 1}\n')
    os.mkfifo(project.root / "pipe")
    before = project.params_file.read_text()
    ended = oddwire("sources", "add", *arguments)
    assert ended.code == 2
    assert says in ended.err
    assert ended.err.splitlines()[-1].startswith("oddwire: error: ")
    assert project.params_file.read_text() == before


def test_a_log_of_a_quiet_hour_has_no_rows_and_is_no_fault(oddwire, project, there):
    header = "".join(line + "\n" for line in zeek().splitlines() if line.startswith("#"))
    there(conn_1_log=header, conn_2_log=zeek())
    ended = oddwire("sources", "add", "lab", "conn.1.log", "conn.2.log", "--json")
    assert ended.code == 0, ended.err
    understood = json.loads(ended.out)["understood"]
    assert (understood["files"], understood["of_files"], understood["whole"]) == (2, 2, True)
    source = load_params(project.params_file).source("lab")
    assert len(read_source(source, root=project.root).train) == understood["rows"] > 0


def test_hours_without_traffic_and_one_with_broken_lines_do_not_hide_the_rest(
    oddwire, project, there
):
    header = zeek(0)
    there(day__0_log="", day__1_log=header, day__2_log=zeek(), day__3_log=zeek(900, "scan"))
    file = project.root / "day" / "2.log"
    file.write_text(file.read_text() + "broken line\n" * 4)
    ended = oddwire("sources", "add", "mine", "day/*.log")
    assert ended.code == 0, ended.err
    assert "looked at: 920 rows of 4 of 4 files" in ended.out
    told = " ".join(ended.out.split())
    assert "the first: day/2.log, line 23: " in told
    assert "too many for `oddwire ingest`, unless max_refused_share is raised: " in told
    assert "4 of 24 rows were refused (16.7 %)," in told
    assert load_params(project.params_file).source("mine").format == "zeek"


def test_help_has_an_example_and_fits_80_columns(oddwire, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    ended = oddwire("sources", "add", "--help")
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "oddwire sources add" in ended.out.split("Example", 1)[1]
