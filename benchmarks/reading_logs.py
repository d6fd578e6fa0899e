"""How fast each reader of logs is on one core, and what memory it takes at two sizes of a file.

python benchmarks/reading_logs.py --lines 500000

A file of each kind is made, read once in a process of its own with one thread, and read again ten
times shorter: where the peak of the memory is the same, it does not grow with the file. Memory is
what the process takes beyond what it took before the file was opened.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from oddwire.traffic.sources.logs.reading import read_log
from oddwire.traffic.sources.logs.tables.reading import read as read_table
from oddwire.traffic.sources.logs.tables.values import TableSettings

Flow = tuple[float, str, int, int, float, int, int, int]
START = 1_700_000_000.0


def flows(count: int) -> Iterator[Flow]:
    """Give connections that vary as those of a network do."""
    rng = np.random.default_rng(0)
    hosts, ports = rng.integers(1, 65_000, count), rng.integers(1024, 65_535, count)
    durations, sizes = rng.exponential(2.0, count), rng.integers(0, 10**6, (count, 2))
    for at in range(count):
        host = f"10.0.{hosts[at] >> 8}.{hosts[at] & 255}"
        sent, received = sizes[at].tolist()
        yield (
            START + at / 100, host, int(ports[at]), 443, round(float(durations[at]), 6),
            sent, received, sent // 900 + 1,
        )  # fmt: skip


def local(seconds: float, form: str) -> str:
    """Return a time in UTC, to the millisecond or microsecond, as ``form`` says."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime(form)


def zeek_tsv(count: int) -> Iterator[str]:
    """Zeek's own form."""
    yield "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn"
    yield (
        "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration"
        "\torig_bytes\tresp_bytes\tconn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory"
        "\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\ttunnel_parents"
    )
    for at, (ts, host, port, to, lasted, sent, got, packets) in enumerate(flows(count)):
        yield (
            f"{ts:.6f}\tC{at:017x}\t{host}\t{port}\t192.0.2.7\t{to}\ttcp\tssl\t{lasted:.6f}"
            f"\t{sent}\t{got}\tSF\tT\tF\t0\tShADadfF\t{packets}\t{sent + 900}\t{packets}"
            f"\t{got + 900}\t-"
        )


def zeek_json(count: int) -> Iterator[str]:
    """Lines of JSON as Zeek writes them."""
    for at, (ts, host, port, to, lasted, sent, got, packets) in enumerate(flows(count)):
        yield (
            f'{{"ts":{ts:.6f},"uid":"C{at:017x}","id.orig_h":"{host}","id.orig_p":{port},'
            f'"id.resp_h":"192.0.2.7","id.resp_p":{to},"proto":"tcp","service":"ssl",'
            f'"duration":{lasted},"orig_bytes":{sent},"resp_bytes":{got},"conn_state":"SF",'
            f'"local_orig":true,"local_resp":false,"missed_bytes":0,"history":"ShADadfF",'
            f'"orig_pkts":{packets},"orig_ip_bytes":{sent + 900},"resp_pkts":{packets},'
            f'"resp_ip_bytes":{got + 900}}}'
        )


def _event(at: int, flow: Flow, name: str) -> dict[str, object]:
    ts, host, port, to, lasted = flow[:5]
    start, end = (local(when, "%Y-%m-%dT%H:%M:%S.%f+0000") for when in (ts, ts + lasted))
    return {
        "timestamp": end, "flow_id": 10**15 + at, "in_iface": "eth0", "event_type": name,
        "src_ip": host, "src_port": port, "dest_ip": "192.0.2.7", "dest_port": to,
        "proto": "TCP", "app_proto": "tls", "start": start, "end": end,
    }  # fmt: skip


def suricata(count: int) -> Iterator[str]:
    """Suricata's events, all of them flows."""
    for at, flow in enumerate(flows(count)):
        event, (sent, got, packets) = _event(at, flow, "flow"), flow[5:]
        times = {"start": event.pop("start"), "end": event.pop("end")}
        event["flow"] = {
            "pkts_toserver": packets, "pkts_toclient": packets, "bytes_toserver": sent,
            "bytes_toclient": got, **times, "age": 1, "state": "closed", "reason": "timeout",
            "alerted": False,
        }  # fmt: skip
        event["tcp"] = {
            "tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1b", "syn": True,
            "fin": True, "psh": True, "ack": True, "state": "closed",
        }  # fmt: skip
        yield json.dumps(event, separators=(",", ":"))


def suricata_netflow(count: int) -> Iterator[str]:
    """Suricata's records of one direction, two for each connection."""
    for at, flow in enumerate(flows(count // 2)):
        there, (sent, got, packets) = _event(at, flow, "netflow"), flow[5:]
        times = {"start": there.pop("start"), "end": there.pop("end"), "age": 1}
        back = there | {
            "src_ip": there["dest_ip"], "src_port": there["dest_port"],
            "dest_ip": there["src_ip"], "dest_port": there["src_port"],
        }  # fmt: skip
        for event, size in ((there, sent), (back, got)):
            event["netflow"] = {"pkts": packets, "bytes": size, **times}
            event["tcp"] = {"tcp_flags": "1b"}
            yield json.dumps(event, separators=(",", ":"))


def nfdump_csv(count: int) -> Iterator[str]:
    """The CSV of nfdump 1.7."""
    yield "firstSeen,duration,proto,srcAddr,srcPort,dstAddr,dstPort,packets,bytes,flows"
    for ts, host, port, to, lasted, sent, _, packets in flows(count):
        when = local(ts, "%Y-%m-%d %H:%M:%S.%f")[:-3]
        yield f"{when},{lasted:.3f},6,{host},{port},192.0.2.7,{to},{packets},{sent},1"


def nfdump_json(count: int) -> Iterator[str]:
    """One array of records over many lines."""
    for at, (ts, host, port, to, lasted, sent, _, packets) in enumerate(flows(count)):
        first, last = (local(when, "%Y-%m-%dT%H:%M:%S.%f")[:-3] for when in (ts, ts + lasted))
        yield (
            f'{"," if at else "["}\n{{\n\t"type" : "FLOW",\n\t"sampled" : 0,\n\t"export_sysid" : 1,'
            f'\n\t"first" : "{first}",\n\t"last" : "{last}",\n\t"received" : "{last}",'
            f'\n\t"in_packets" : {packets},\n\t"in_bytes" : {sent},\n\t"proto" : 6,'
            f'\n\t"tcp_flags" : "...AP.SF",\n\t"src_port" : {port},\n\t"dst_port" : {to},'
            f'\n\t"fwd_status" : 0,\n\t"src_tos" : 0,\n\t"src4_addr" : "{host}",'
            f'\n\t"dst4_addr" : "192.0.2.7",\n\t"label" : "<none>"\n}}'
        )
    yield "]"


def argus(count: int) -> Iterator[str]:
    """Bidirectional flows of Argus."""
    yield (
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos"
        ",TotPkts,TotBytes,SrcBytes,Label"
    )
    for ts, host, port, to, lasted, sent, got, packets in flows(count):
        yield (
            f"{local(ts, '%Y/%m/%d %H:%M:%S.%f')},{lasted:.6f},tcp,{host},{port},   ->,192.0.2.7"
            f",{to},FSPA_FSPA,0,0,{packets * 2},{sent + got},{sent},flow=Background-TCP"
        )


def zeek_csv(count: int) -> Iterator[str]:
    """A table of connections under Zeek's names."""
    yield (
        "ts,uid,id.orig_h,id.orig_p,id.resp_h,id.resp_p,proto,service,duration,orig_bytes"
        ",resp_bytes,conn_state,history,orig_pkts,resp_pkts"
    )
    for at, (ts, host, port, to, lasted, sent, got, packets) in enumerate(flows(count)):
        yield (
            f"{ts:.6f},C{at:017x},{host},{port},192.0.2.7,{to},tcp,ssl,{lasted:.6f},{sent},{got}"
            f",SF,ShADadfF,{packets},{packets}"
        )


def aws(count: int) -> Iterator[str]:
    """AWS VPC flow logs."""
    yield (
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes"
        " start end action log-status"
    )
    for ts, host, port, to, lasted, sent, _, packets in flows(count):
        yield (
            f"2 123456789010 eni-0a1b {host} 192.0.2.7 {port} {to} 6 {packets} {sent}"
            f" {ts:.0f} {ts + lasted:.0f} ACCEPT OK"
        )


KINDS: dict[str, Callable[[int], Iterator[str]]] = {
    "Zeek TSV": zeek_tsv,
    "Zeek JSON": zeek_json,
    "Suricata flow": suricata,
    "Suricata netflow": suricata_netflow,
    "nfdump CSV": nfdump_csv,
    "nfdump JSON": nfdump_json,
    "Argus": argus,
    "table: Zeek as CSV": zeek_csv,
    "table: AWS": aws,
}


def made(kind: str, lines: int, folder: Path) -> Path:
    """Write a file of a kind."""
    file = folder / f"{kind.replace(' ', '-').replace(':', '')}-{lines}"
    if not file.exists():
        with file.open("w") as target:
            target.writelines(f"{line}\n" for line in KINDS[kind](lines))
    return file


def read(file: Path, kind: str, results: multiprocessing.Queue[tuple[int, float, float]]) -> None:
    """Read a file; tell its rows, the seconds and the MiB that it took."""
    pa.set_cpu_count(1)
    pa.set_memory_pool(pa.system_memory_pool())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    if kind.startswith("table"):
        parts = read_table(file, TableSettings(), size=4 << 20)
    else:
        parts = read_log(file)
    rows = sum(part.connections.num_rows for part in parts)
    seconds = time.process_time() - begin
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    results.put((rows, seconds, (after - before) / 1024))


def measured(file: Path, kind: str) -> tuple[int, float, float]:
    """Read a file in a fresh process."""
    fresh = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[tuple[int, float, float]] = fresh.Queue()
    process = fresh.Process(target=read, args=(file, kind, results))
    process.start()
    result = results.get()
    process.join()
    return result


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=500_000)
    parser.add_argument("--only", default="", help="kinds whose name has this")
    parser.add_argument("--folder", type=Path, help="where files are kept")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        print("| kind | rows | rows/s | MiB of the file | MiB at a tenth | MiB |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |")
        for kind in KINDS:
            if given.only in kind:
                small = measured(made(kind, given.lines // 10, folder), kind)
                file = made(kind, given.lines, folder)
                rows, seconds, memory = measured(file, kind)
                print(
                    f"| {kind} | {rows:,} | {rows / seconds:,.0f} | {file.stat().st_size >> 20:,}"
                    f" | {small[2]:,.0f} | {memory:,.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
