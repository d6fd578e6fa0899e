"""Captures: packets, bytes and connections are those that other programs count."""

from __future__ import annotations

import gzip
import importlib.util
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from oddwire.traffic.sources.logs.reading import read_log

pytestmark = [
    pytest.mark.data,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("nfstream") is None, reason="NFStream is an extra"),
]
TCP = ("bruteforce", "methods", "ssh", "synscan", "whatsapp")
needs_nfdump = pytest.mark.skipif(
    shutil.which("nfpcapd") is None or shutil.which("nfdump") is None,
    reason="nfdump is not installed",
)
needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="no tshark")


def rows_of(file: Path) -> list[dict[str, Any]]:
    parts = list(read_log(file))
    assert [one for part in parts for one in part.refused] == []
    return [row for part in parts for row in part.connections.to_pylist()]


def output(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def flows(capture: Path, folder: Path) -> None:
    """Turn a capture into records of flows that end as ours do."""
    output("nfpcapd", "-e", "3600,300", "-r", str(capture), "-l", str(folder))


@pytest.mark.parametrize("name", TCP)
@needs_tshark
def test_each_connection_has_the_bytes_and_packets_that_tshark_counts(
    shared_data: Path, name: str
) -> None:
    """By address and port of each side: bytes of the payload, and packets."""
    capture = shared_data / "pcap" / f"{name}.pcap"
    names = ("ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.len")
    fields = [word for name in names for word in ("-e", name)]
    text = output("tshark", "-n", "-r", str(capture), "-Y", "tcp", "-T", "fields", *fields)
    packets: Counter[tuple[str, ...]] = Counter()
    payload: Counter[tuple[str, ...]] = Counter()
    for line in text.splitlines():
        *ends, length = line.split("\t")
        packets[tuple(ends)] += 1
        payload[tuple(ends)] += int(length)

    ours: Counter[tuple[str, ...]] = Counter()
    our_bytes: Counter[tuple[str, ...]] = Counter()
    for row in rows_of(capture):
        there = (row["src_ip"], str(row["src_port"]), row["dst_ip"], str(row["dst_port"]))
        for ends, side in ((there, "src"), (there[2:] + there[:2], "dst")):
            ours[ends] += row[f"{side}_packets"]
            our_bytes[ends] += row[f"{side}_bytes"]

    assert +ours == packets
    assert +our_bytes == +payload


@pytest.mark.parametrize("name", [*TCP, "test12-icmp-portscan"])
@needs_nfdump
def test_packets_and_connections_are_as_many_as_nfdumps(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    """nfdump parts ICMP by type and code, so that there only the packets are the same."""
    capture = shared_data / "pcap" / f"{name}.pcap"
    flows(capture, tmp_path)
    sums = dict(
        line.split(": ", 1)
        for line in output("nfdump", "-I", "-r", str(tmp_path)).splitlines()
        if ": " in line
    )
    both = output("nfdump", "-q", "-B", "-r", str(tmp_path), "-o", "csv").splitlines()

    rows = rows_of(capture)

    packets = sum(row["src_packets"] + row["dst_packets"] for row in rows)
    assert packets == int(sums["Packets"])
    if name in TCP:
        assert len(rows) == sum(line[:2] == "20" for line in both)


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.parametrize("name", ["bruteforce", "ssh", "synscan", "test12-icmp-portscan"])
@needs_nfdump
def test_what_nfdump_prints_has_nfdumps_own_sums(
    shared_data: Path, tmp_path: Path, name: str, form: str
) -> None:
    """Flows, packets and bytes, of records that nfdump made of a capture here and now."""
    (tmp_path / "flows").mkdir()
    flows(shared_data / "pcap" / f"{name}.pcap", tmp_path / "flows")
    file = tmp_path / "printed"
    file.write_text(output("nfdump", "-r", str(tmp_path / "flows"), "-o", form))
    told = output("nfdump", "-I", "-r", str(tmp_path / "flows"))
    sums = dict(line.split(": ", 1) for line in told.splitlines() if ": " in line)

    rows = rows_of(file)

    assert len(rows) == int(sums["Flows"])
    assert sum(row["src_packets"] for row in rows) == int(sums["Packets"])
    assert sum(row["src_bytes"] for row in rows) == int(sums["Bytes"])
    assert {row["conn_state"] for row in rows} == {None}


def test_a_compressed_capture_and_one_of_pcapng_give_the_same_rows(
    shared_data: Path, tmp_path: Path
) -> None:
    """Whatever holds the packets."""
    capture = shared_data / "pcap" / "ssh.pcap"
    packed = tmp_path / "ssh.pcap.gz"
    packed.write_bytes(gzip.compress(capture.read_bytes()))
    assert rows_of(packed) == rows_of(capture)
    if shutil.which("editcap"):
        other = tmp_path / "ssh.pcapng"
        output("editcap", "-F", "pcapng", str(capture), str(other))
        assert other.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
        assert rows_of(other) == rows_of(capture)
