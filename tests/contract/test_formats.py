"""Every format keeps the contract of readers; a new one joins by itself.

A new format needs an entry in `EXAMPLES`: its settings, and rows of its files if it has any.
"""

from __future__ import annotations

import inspect
import struct
from importlib.util import find_spec
from typing import get_args

import pandas as pd
import pytest

from oddwire.errors import DataError, ParameterError
from oddwire.params import SourceSettings, check_params
from oddwire.params.sources import Source
from oddwire.traffic import sources
from oddwire.traffic.archive import open_archive, write_rows
from oddwire.traffic.connections import check_connections
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, to_features
from oddwire.traffic.schema import KNOWN_AT, LABEL, RESERVED, TIME
from oddwire.traffic.sources import load_reader, open_source, read_file, read_scenario, read_source
from oddwire.traffic.sources.reading.files import check_files

FORMATS: dict[str, type[SourceSettings]] = {
    get_args(settings.model_fields["format"].annotation)[0]: settings
    for settings in get_args(get_args(Source)[0])
}
NSL_KDD_ROW = "0,tcp,http,SF," + ",".join(["1"] * 37)
CONNECTION = "ts,src_ip,dst_ip,dst_port,proto\n1772445600,10.0.0.1,10.0.0.2,443,tcp\n"
TABLE = "a,b,y\n1,tcp,0\n2,udp,1\n"
ZEEK = (
    "#separator \\x09\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
    "1772445600.5\tC1\t10.0.0.1\t5000\t10.0.0.2\t443\ttcp\n"
)
EVE = (
    '{"event_type":"flow","flow_id":1,"src_ip":"10.0.0.1","src_port":5000,"dest_ip":"10.0.0.2",'
    '"dest_port":443,"proto":"TCP","flow":{"start":"2026-03-02T10:00:00.5+0000",'
    '"end":"2026-03-02T10:00:01.5+0000","pkts_toserver":2}}\n'
)
NFDUMP = (
    "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
    "2026-03-02 10:00:00.500,1.0,6,10.0.0.1,5000,10.0.0.2,443,2,120,1\n"
)


def capture():
    """Make a capture of one UDP packet."""
    body = struct.pack("!HHHH", 5000, 53, 8 + 4, 0) + b"name"
    addresses = bytes([10, 0, 0, 1, 10, 0, 0, 2])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + addresses
    frame = bytes(12) + b"\x08\x00" + ip + body
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    return header + struct.pack("<IIII", 1772445600, 0, len(frame), len(frame)) + frame


# Settings that need files give their content by key; the last is a file to score.
EXAMPLES: dict[str, tuple[dict[str, object], dict[str, str | bytes], str | bytes]] = {
    "simulated": ({"days": 1, "connections_per_day": 100}, {}, CONNECTION),
    "nsl-kdd": (
        {},
        {
            "train": f"{NSL_KDD_ROW},normal,20\n{NSL_KDD_ROW},neptune,3\n",
            "test": f"{NSL_KDD_ROW},neptune,3\n{NSL_KDD_ROW},normal,20\n",
        },
        f"{NSL_KDD_ROW}\n",
    ),
    "table": ({"label": "y"}, {"train": TABLE, "test": TABLE + "3,tcp,0\n"}, "b,a\ntcp,3\n"),
    "zeek": ({}, {"files": ZEEK}, ZEEK),
    "suricata": ({}, {"files": EVE}, EVE),
    "netflow": ({}, {"files": NFDUMP}, NFDUMP),
    "pcap": ({}, {"files": capture()}, capture()),
    "connections": ({}, {"files": CONNECTION}, CONNECTION),
}


def written(file, content):
    """Write a file of text or bytes."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())


@pytest.fixture(params=FORMATS)
def settings(request, tmp_path):
    """The settings of a format, with files in a folder of the project."""
    if request.param == "pcap" and find_spec("nfstream") is None:
        pytest.skip("captures need the extra oddwire[pcap]")
    keys, files, _ = EXAMPLES[request.param]
    for key, content in files.items():
        written(tmp_path / f"{key}.txt", content)
    block = {"format": request.param, **keys, **{key: f"{key}.txt" for key in files}}
    return check_params({"sources": {"mine": block}}).source("mine")


def test_has_a_reader_with_the_functions_that_its_settings_promise(settings):
    reader = load_reader(settings)
    promised = [
        "open_source",
        "open_file",
        *(["read_scenario", "later_days"] if settings.scenarios else []),
    ]
    for name in promised:
        wanted = inspect.signature(getattr(sources.SimulatingReader, name)).parameters.values()
        found = inspect.signature(getattr(reader, name)).parameters.values()
        assert [p.kind for p in found] == [p.kind for p in wanted][1:]
        assert [p.name for p in found][1:] == [p.name for p in wanted][2:]


def test_reads_rows_of_the_schema(settings, tmp_path):
    rows = read_source(settings, root=tmp_path)
    assert rows.kind == settings.row_kind
    assert (rows.test is not None) is ("test" in settings.paths())
    for frame in (rows.train, *(() if rows.test is None else (rows.test,))):
        assert len(frame) > 0
        assert frame.index.equals(pd.RangeIndex(len(frame)))
        time = KNOWN_AT[settings.row_kind]
        assert time not in frame or frame[time].is_monotonic_increasing
        if rows.schema is None:
            pd.testing.assert_frame_equal(check_connections(frame, origin="again"), frame)
        else:
            assert set(frame) - set(RESERVED) == set(rows.schema.columns)
            assert set(frame[list(rows.schema.numeric)].dtypes) == {pd.Series([0.5]).dtype}
            assert frame[LABEL].dtype == "Int8"


def test_rows_come_back_from_the_archive(settings, tmp_path):
    rows = read_source(settings, root=tmp_path)
    write_rows(open_source(settings, root=tmp_path, rows=1), tmp_path)
    again = open_archive(tmp_path)
    assert (again.schema, again.kind) == (rows.schema, rows.kind)
    pd.testing.assert_frame_equal(again.read("train"), rows.train)
    assert again.has_test is (rows.test is not None)
    in_batches = pd.concat(again.batches("train", rows=1), ignore_index=True)
    pd.testing.assert_frame_equal(in_batches, rows.train)


def test_a_file_to_score_needs_the_features_alone(settings, tmp_path):
    schema = read_source(settings, root=tmp_path).schema or CONNECTION_FEATURES
    file = tmp_path / "new.txt"
    written(file, EXAMPLES[settings.format][2])
    read = read_file(settings, file, schema=schema)
    assert read.places.tolist() == [0]
    assert set(read.typed) <= set(read.raw.names)
    features = to_features(settings.row_kind, read.rows, schema)
    assert set(schema.columns) <= set(features)
    assert features[LABEL].isna().all()


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\x02", b"{}", b"a\n"])
def test_another_file_is_one_clear_error(settings, tmp_path, content):
    file = tmp_path / "other.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_file(settings, file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_files_that_settings_name_are_checked(settings, tmp_path):
    files = check_files(settings, root=tmp_path, name="mine")
    contents = EXAMPLES[settings.format][1]
    assert list(files.values()) == [tmp_path / f"{key}.txt" for key in contents]
    assert settings.logs or list(files) == list(contents)
    for key, file in files.items():
        which = "log" if settings.logs else key
        file.unlink()
        with pytest.raises(
            DataError, match=rf"^source 'mine': its {which} file .* does not exist$"
        ):
            check_files(settings, root=tmp_path, name="mine")
        file.mkdir()
        with pytest.raises(DataError, match="is a folder, not a file"):
            check_files(settings, root=tmp_path, name="mine")
        file.rmdir()
        file.write_text(key)


def test_a_test_file_that_is_the_train_file_is_refused(settings, tmp_path):
    files = check_files(settings, root=tmp_path, name="mine")
    if "test" not in files:
        pytest.skip("this format has no test file")
    train, test = files["train"], files["test"]
    refused = r"^source 'mine': its test file .* its train file .*train\.txt: `test` must name"

    def copied(file):
        test.write_bytes(file.read_bytes())

    for make in (test.symlink_to, test.hardlink_to, copied):
        test.unlink()
        make(train)
        with pytest.raises(DataError, match=refused):
            check_files(settings, root=tmp_path, name="mine")
    same = settings.model_copy(update={"test": settings.train})
    with pytest.raises(DataError, match=r"its test file .* is its train file"):
        check_files(same, root=tmp_path, name="mine")


def test_scenarios_follow_the_rows_of_the_source_or_are_refused(settings, tmp_path):
    if not settings.scenarios:
        with pytest.raises(
            ParameterError, match=rf"simulated source, got 'mine' .*{settings.format}"
        ):
            read_scenario(settings, "none", name="mine")
        return
    own = read_source(settings, root=tmp_path).train
    for scenario in ("none", *settings.scenarios):
        rows, since = read_scenario(settings, scenario, name="mine")
        assert own[TIME].max() < since <= rows[TIME].max()
        assert list(rows) == list(own)
