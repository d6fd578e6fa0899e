"""A project whose sensor is Zeek: some days of its log to train on, and what comes after."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from small_projects import SMALL_PARAMS, make_project

from oddwire.params import SimulatedSource
from oddwire.project import Project
from oddwire.traffic.sources.simulated import simulate

SOURCE = "office"
PARAMS = {
    **SMALL_PARAMS,
    "sources": {SOURCE: {"format": "zeek", "files": "logs/*.log", "watch": True}},
}
_FIELDS = {
    "ts": "ts", "uid": "uid", "id.orig_h": "src_ip", "id.orig_p": "src_port",
    "id.resp_h": "dst_ip", "id.resp_p": "dst_port", "proto": "proto", "service": "service",
    "duration": "duration", "orig_bytes": "src_bytes", "resp_bytes": "dst_bytes",
    "conn_state": "conn_state", "orig_pkts": "src_packets", "resp_pkts": "dst_packets",
    "label": "label", "detailed-label": "attack",
}  # fmt: skip
HEADER = "#separator \\x09\n#unset_field\t-\n#path\tconn\n#fields\t" + "\t".join(_FIELDS) + "\n"


@dataclass(frozen=True)
class Watched:
    """A project, and the lines that its sensor has yet to write."""

    project: Project
    log: Path
    lines: tuple[str, ...]

    def write(self, begin: int, end: int) -> int:
        """Let the sensor write some of its lines; return how many."""
        some = self.lines[begin:end]
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines(some)
        return len(some)


def watched_project(folder: Path, *, days: int = 4, per_day: int = 800) -> Watched:
    """Make a project with all but the last day in its log, untrained."""
    rows = simulate(
        SimulatedSource(format="simulated", seed=7, days=days, connections_per_day=per_day)
    )
    project = make_project(folder, PARAMS)
    lines = [*_lines(rows)]
    known = per_day * (days - 1)
    log = project.root / "logs" / "conn.log"
    log.parent.mkdir()
    log.write_text(HEADER + "".join(lines[:known]), encoding="utf-8")
    return Watched(project, log, tuple(lines[known:]))


def _lines(rows: pd.DataFrame) -> Iterator[str]:
    told = rows[list(_FIELDS.values())].assign(
        ts=rows["ts"].map(lambda moment: f"{moment.timestamp():.6f}"),
        label=rows["label"].map({0: "benign", 1: "malicious"}),
    )
    for row in told.itertuples(index=False):
        yield "\t".join("-" if pd.isna(value) else str(value) for value in row) + "\n"
