"""The rows of small logs of every format, by a digest: when they change, `READERS` must be raised.

An archive keeps rows as they were read. Without a higher number, files that were read before stay
as they were, beside new ones that are read otherwise, and nobody is told.
"""

from __future__ import annotations

import hashlib
import json
import struct
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import pytest

from oddwire.params import LogSource, check_params
from oddwire.params.sources import Source
from oddwire.stages.ingest import READERS
from oddwire.traffic.sources.log_source import read_parts

# Digests by example, for this number of READERS alone. When a test below fails because a reader is
# meant to give other rows: raise READERS, write the new number here, and the digests that are told.
NUMBER = 2
DIGESTS = {
    "zeek": "cd31ad970e7e82ed",
    "zeek in JSON": "569097d6182e0ed2",
    "suricata": "08ea77f93770776d",
    "nfdump": "6a40eec8c044999d",
    "old nfdump": "995d7b0f21bc7e59",
    "argus": "6ce5f2555bf97816",
    "argus with words": "0e21264c1b9aeb1c",
    "pcap": "5c637971b2527293",
    "connections": "5703716acf9f503e",
    "lines of connections": "f53fbbef1317a8f3",
}

ZEEK_TSV = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration"
    "\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\tresp_pkts\tlabel\tdetailed-label\n"
    "1700000000.123456\tC1\t10.0.0.1\t4000\t10.0.0.9\t443\ttcp\tssl\t1.5\t10\t7\tSF\tShADadFf"
    "\t5\t4\tBenign\t-\n"
    "1700000001.000000\tC2\tfe80::1\t134\tff02::1\t133\ticmp\t-\t-\t-\t-\tOTH\t-\t1\t0"
    "\tMalicious\tPartOfAHorizontalPortScan\n"
    "1700000002.5\tC3\t10.0.0.1\t5353\t10.0.0.2\t53\tudp\tdns\\x2chttp\t-0.0\t0\t120\tS0\t(empty)"
    "\t1\t1\t-\t-\n"
    "broken\tC4\t10.0.0.1\t1\t10.0.0.2\t53\tudp\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-\n"
    "#close\t2023-11-14-23-00-00\n"
)
ZEEK_JSON = (
    '{"ts":1700000000.123456,"uid":"C1","id.orig_h":"10.0.0.1","id.orig_p":5,"id.resp_h":"::1",'
    '"id.resp_p":80,"proto":"tcp","service":"http","duration":1.5,"orig_bytes":10,'
    '"conn_state":"SF","history":"Sh","label":"normal"}\n'
    '{"@timestamp":"2023-11-14T22:13:21.5Z","source":{"ip":"10.0.0.1","port":5,"bytes":10},'
    '"destination":{"ip":"::1","port":80},"network":{"transport":"udp","protocol":"dns"},'
    '"event":{"duration":1500000000},"zeek":{"session_id":"C2","connection":{"state":"S0"}}}\n'
    '{"ts":"yesterday","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"tcp"}\n'
)
_FLOW = (
    '{"event_type":"flow","flow_id":%d,"src_ip":"10.0.0.1","src_port":5,"dest_ip":"10.0.0.2",'
    '"dest_port":80,"proto":"%s","app_proto":"%s","flow":{"pkts_toserver":5,"pkts_toclient":4,'
    '"bytes_toserver":500,"bytes_toclient":400,"start":"2021-06-06T15:59:46.457984+0200",'
    '"end":"2021-06-06T15:59:47.957984+0200","state":"%s","reason":"timeout","alerted":%s}%s}\n'
)
EVE = (
    _FLOW % (1, "TCP", "http", "closed", "true", ',"tcp":{"tcp_flags_ts":"1b","tcp_flags_tc":"1b"}')
    + _FLOW % (2, "UDP", "failed", "new", "false", "")
    + '{"event_type":"alert","flow_id":2,"src_ip":"10.0.0.1"}\n'
    + _FLOW.replace("+0200", "") % (3, "ICMP", "", "established", "false", "")
    + '{"event_type":"netflow","flow_id":4,"src_ip":"10.0.0.3","dest_ip":"10.0.0.4","proto":"047",'
    '"netflow":{"pkts":5,"bytes":500,"start":"2021-06-06T13:59:46Z","end":"2021-06-06T13:59:47Z"}}\n'
)
NFDUMP = (
    "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows\n"
    "2024-03-30 02:30:00.000,1.500,6,10.0.0.1,1032,10.0.0.2,80,5,500,1\n"
    "2024-03-31 02:30:00.000,0,ICMP,10.0.0.1,0,10.0.0.2,8.0,1,84,1\n"
    "2024-03-31 02:30:00.000,x,UDP,10.0.0.1,53,10.0.0.2,53,1,84,1\n"
)
NFDUMP_OLD = (
    "ts,te,td,sa,da,sp,dp,pr,flg,fwd,stos,ipkt,ibyt,opkt,obyt\n"
    "2024-03-30 02:30:00,2024-03-30 02:30:02,2.0,10.0.0.1,10.0.0.2,1032,80,TCP,...AP.SF,0,0,5,500"
    ",4,400\n"
)
ARGUS = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes"
    ",Label\n"
    "2011/08/10 09:46:53.058760,1.5,tcp,10.0.0.1,1032,  <?>,10.0.0.2,80,FSPA_FSPA,0,0,9,900,500"
    ",flow=From-Normal-V42-Grill\n"
    "2011/08/10 09:46:54,0,icmp,10.0.0.1,0x0008,  ->,10.0.0.2,0x1234,ECO,0,,1,84,84"
    ",flow=From-Botnet-V42-ICMP\n"
    "2011/08/10 09:46:55,,udp,10.0.0.1,53,  <->,10.0.0.2,53,CON,0,0,2,200,300"
    ",flow=Background-UDP\n"
    "2011/08/10 09:46:56,0,udp,10.0.0.1,53,  <->,10.0.0.2,53,INT,0,0,2,200,100"
    ",flow=To-Background-CVUT-Proxy\n"
    "2011/08/10 09:46:57,0,udp,10.0.0.1,53,  <->,10.0.0.2,53,INT,0,0,2,200,100,benign\n"
    "2011/08/10 09:46:57,0,tcp,10.0.0.1,53,   ->,10.0.0.2,53,EST,0,0,2,200,100"
    ",flow=TCP-Established-To-Microsoft-7\n"
    "2011/08/10 09:46:58,0,udp,10.0.0.1,53,  <->,10.0.0.2,53,INT,0,0,2,200,100,\n"
)
CONNECTIONS = (
    "ts,src_ip,src_port,dst_ip,dst_port,proto,service,duration,src_bytes,label,attack\n"
    "1700000001.5,10.0.0.1,5000,10.0.0.2,443,tcp,ssl,2,10,benign,\n"
    "1700000000,10.0.0.1,-,10.0.0.2,53,17,(empty),n/a,,scan,port scan\n"
    "2023-11-14T22:13:20.25Z,10.0.0.1,8,10.0.0.2,0,icmp,Unknown,(unknown),84,unknown,\n"
    "never,10.0.0.1,5000,10.0.0.2,443,tcp,ssl,2,10,benign,\n"
)
LINES = (
    '{"ts":1700000000,"src":{"ip":"10.0.0.1"},"dst":{"ip":"10.0.0.2"},"proto":"tcp","bytes":5}\n'
    '{"ts":1700000001,"src":{"ip":"10.0.0.3"},"dst":{"ip":"fe80::2"},"proto":null}\n'
)


def capture() -> bytes:
    """Make a capture of two UDP packets, there and back."""

    def packet(at: int, sides: bytes, ports: tuple[int, int]) -> bytes:
        body = struct.pack("!HHHH", *ports, 8 + 4, 0) + b"name"
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 17, 0) + sides
        frame = bytes(12) + b"\x08\x00" + ip + body
        return struct.pack("<IIII", at, 500_000, len(frame), len(frame)) + frame

    one, two = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    there, back = (
        packet(1700000000, one + two, (5000, 53)),
        packet(1700000001, two + one, (53, 5000)),
    )
    return head + there + back


# By name: the settings of a source, and a file of it.
EXAMPLES: dict[str, tuple[dict[str, Any], str | bytes]] = {
    "zeek": ({"format": "zeek"}, ZEEK_TSV),
    "zeek in JSON": ({"format": "zeek"}, ZEEK_JSON),
    "suricata": ({"format": "suricata", "alerts": "label"}, EVE),
    "nfdump": ({"format": "netflow", "zone": "Europe/Prague"}, NFDUMP),
    "old nfdump": ({"format": "netflow"}, NFDUMP_OLD),
    "argus": ({"format": "netflow"}, ARGUS),
    "argus with words": ({"format": "netflow", "benign": ["benign"], "unknown": ["x"]}, ARGUS),
    "pcap": ({"format": "pcap"}, capture()),
    "connections": ({"format": "connections", "zone": "Europe/Berlin"}, CONNECTIONS),
    "lines of connections": (
        {
            "format": "connections",
            "columns": {"ts": "ts", "src_ip": "src.ip", "dst_ip": "dst.ip", "proto": "proto"},
        },
        LINES,
    ),
}


def test_every_format_of_logs_has_an_example() -> None:
    kinds = {kind for kind in get_args(get_args(Source)[0]) if issubclass(kind, LogSource)}
    formats = {get_args(kind.model_fields["format"].annotation)[0] for kind in kinds}
    assert {settings["format"] for settings, _ in EXAMPLES.values()} == formats


def test_the_digests_are_those_of_the_readers() -> None:
    assert NUMBER == READERS, "READERS was raised: bring the digests up to date"
    assert set(DIGESTS) == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_readers_give_the_rows_that_they_gave(name: str, tmp_path: Path) -> None:
    """Or else their number is raised, and all files are read anew."""
    settings, content = EXAMPLES[name]
    if settings["format"] == "pcap" and find_spec("nfstream") is None:
        pytest.skip("captures need the extra oddwire[pcap]")
    file = tmp_path / "example.log"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = check_params({"sources": {"mine": {**settings, "files": str(file)}}}).source("mine")
    assert isinstance(source, LogSource)
    parts = list(read_parts(source, file))
    rows = [row for part in parts for row in part.connections.to_pylist()]
    refused = [one.line for part in parts for one in part.refused]
    # The words of a reason may change: what is refused may not.
    told = json.dumps([rows, refused], default=str)
    digest = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
    assert rows
    assert digest == DIGESTS.get(name), (
        f"the rows of {name} are others than those of READERS = {NUMBER}: raise READERS in"
        f" stages/ingest.py, and write {digest} here; the rows now: {rows}, refused: {refused}"
    )
