"""Whether ``oddwire watch`` on a growing log of Zeek finds what its code finds without a log.

    python benchmarks/live_zeek.py --seed 101

The two weeks of a simulated source are written as labelled logs of Zeek, a day each; a champion is
trained on them, and ``oddwire watch`` started. Then the log of the following days grows in pieces
that end anywhere in a line, and the watch is told to stop when it has read all. Its alerts and
incidents are compared with those that `live_traffic` makes of the same rows: scores to the last
bit.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from live_campaigns import DAYS, FOLDER, TARGET, figures
from live_traffic import Found, days_after, found_in
from orchestration import make_project

from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.incident import Incident
from oddwire.live.scoring.champion import load_to_score
from oddwire.live.state import AlertStore, alert_of, incident_of, store_address
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.params import SimulatedSource, load_params
from oddwire.project import Project
from oddwire.traffic.schema import ATTACK, END, LABEL
from oddwire.traffic.sources.simulated.simulator import simulate

SOURCE = "office"
FIELDS = {
    "ts": "ts", "uid": "uid", "src_ip": "id.orig_h", "src_port": "id.orig_p", "dst_ip": "id.resp_h",
    "dst_port": "id.resp_p", "proto": "proto", "service": "service", "duration": "duration",
    "src_bytes": "orig_bytes", "dst_bytes": "resp_bytes", "conn_state": "conn_state",
    "src_packets": "orig_pkts", "dst_packets": "resp_pkts",
}  # fmt: skip
HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
)
LABELS = {LABEL: "label", ATTACK: "detailed-label"}
PIECE = 40_000  # bytes of a growing log
PATIENCE = 300  # seconds


def zeek_log(rows: pd.DataFrame, *, labelled: bool) -> bytes:
    """Return connections as a log of Zeek, in their order."""
    named = FIELDS | (LABELS if labelled else {})
    log = rows[list(named)].rename(columns=named)
    micros = rows["ts"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]").astype("int64")
    log["ts"] = [f"{at // 1_000_000}.{at % 1_000_000:06d}" for at in micros.tolist()]
    if labelled:
        log["label"] = log["label"].map({0: "benign", 1: "malicious"})
    lines = log.to_csv(sep="\t", na_rep="-", header=False, index=False, float_format="%.6f")
    return (HEADER + "#fields\t" + "\t".join(log) + "\n" + lines).encode()


def trained(root: Path, source: SimulatedSource, *options: str) -> None:
    """Train on the source's days, written as logs, where that is not done yet."""
    if (root / "logs").is_dir():
        return
    make_project(root)
    (root / "logs").mkdir()
    own = simulate(source)
    own = own[own[END] < source.ends]  # what ends later is known later
    for day, rows in own.groupby(own[END].dt.date):
        (root / "logs" / f"conn.{day}.log").write_bytes(zeek_log(rows, labelled=True))
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["sources"] = {SOURCE: {"format": "zeek", "files": "logs/conn.*.log"}}
    params["drift"].pop("sources", None)
    params["alerts"] = {"target": {"false_incidents_per_day": TARGET}}
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    command = [*_oddwire("train"), *options]
    subprocess.run(command, cwd=root, check=True, env=_environment(root))


def _oddwire(command: str) -> list[str]:
    return [sys.executable, "-m", "oddwire.cli", command, SOURCE]


def _environment(root: Path) -> dict[str, str]:
    return os.environ | {"ODDWIRE_PROJECT": str(root), "PYTHONUNBUFFERED": "1"}


def watched(root: Path, log: bytes, rows: int) -> dict[str, Any]:
    """Let a log grow under a watch, and return its last heartbeat."""
    file, sent = root / "logs" / "conn.later.log", root / "incidents.jsonl"
    heartbeat: dict[str, Any] = {}
    with subprocess.Popen(
        [*_oddwire("watch"), "--json", "--sink", str(sent)],
        cwd=root, env=_environment(root), stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None  # noqa: S101
        json.loads(process.stdout.readline())  # it follows: what is written from now on is new
        begun = time.monotonic()
        with file.open("ab", buffering=0) as growing:
            for begin in range(0, len(log), PIECE):
                growing.write(log[begin : begin + PIECE])
                time.sleep(0.02)
        for line in process.stdout:
            heartbeat = json.loads(line)
            if heartbeat["rows"] == rows or time.monotonic() - begun > PATIENCE:
                process.send_signal(signal.SIGTERM)
                break
        for line in process.stdout:
            heartbeat = json.loads(line)
    return heartbeat | {"seconds": time.monotonic() - begun}


def stored(root: Path) -> tuple[list[Alert], list[Incident]]:
    """Return what a watch kept."""
    with AlertStore(store_address(Project(root).live)) as store:
        alerts = store.alerts(source=SOURCE, limit=10**6)
        incidents = store.incidents(source=SOURCE, limit=10**6)
    return [alert_of(each) for each in alerts], [incident_of(each) for each in incidents]


def differences(found: Found, alerts: list[Alert], incidents: list[Incident]) -> dict[str, int]:
    """Count what a watch and its code without a log do not have in common."""
    ours = {_alert(alert) for alert, _ in found.alerts.values()}
    theirs = {_alert(alert) for alert in alerts}
    grouped = {_incident(each) for each in found.incidents.values()}
    kept = {_incident(each) for each in incidents}
    return {
        "alerts": len(theirs), "alerts that differ": len(ours ^ theirs),
        "incidents": len(kept), "incidents that differ": len(grouped ^ kept),
    }  # fmt: skip


def _alert(alert: Alert) -> tuple[Any, ...]:
    return alert.uid, alert.clock, alert.score, alert.p_value, alert.unit_p_value, alert.kind


def _incident(incident: Incident) -> tuple[Any, ...]:
    return (
        incident.unit, incident.opened, incident.last, incident.kind, incident.count,
        incident.unit_p_value, incident.severity, incident.sources, incident.destinations,
    )  # fmt: skip


def main() -> None:
    """Train, watch, and print what was found and what differs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--trials", default="0")
    parser.add_argument("--detectors", default="one_class_svm,isolation_forest")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    root = chosen.folder / f"zeek-{chosen.seed}"
    source = SimulatedSource(
        format="simulated", days=14, connections_per_day=4000, seed=chosen.seed
    )
    trained(root, source, "--trials", chosen.trials, "--detectors", chosen.detectors)
    project = Project(root)
    registry = Registry.of(Tracking.connect(project), project)
    unit = load_params(project.params_file).source(SOURCE).unit_columns
    champion = load_to_score(registry, SOURCE, unit or ("src_ip",))
    traffic = days_after(source, DAYS)
    found = found_in(traffic, champion.model, champion.made_by)
    heartbeat = watched(root, zeek_log(traffic.rows, labelled=False), len(traffic.rows))
    print(json.dumps(heartbeat, indent=1))
    print(json.dumps(differences(found, *stored(root)), indent=1))
    print(json.dumps(figures(traffic, found, float(DAYS))[0], indent=1))


if __name__ == "__main__":
    main()
