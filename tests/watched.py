"""A project with a source of Zeek logs and a small champion, and watches of it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pandas as pd

from oddwire.detection.model import Model
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.watch import watch
from oddwire.operations.registry.versions import CHAMPION, Registry, Version, model_name
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project
from tests.live_traffic import traffic
from tests.small_projects import write_params

SOURCE = "office"
_FIELDS = {
    "ts": "ts", "uid": "uid", "src_ip": "id.orig_h", "src_port": "id.orig_p",
    "dst_ip": "id.resp_h", "dst_port": "id.resp_p", "proto": "proto", "service": "service",
    "duration": "duration", "src_bytes": "orig_bytes", "dst_bytes": "resp_bytes",
    "conn_state": "conn_state", "src_packets": "orig_pkts", "dst_packets": "resp_pkts",
}  # fmt: skip
HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\t" + "\t".join(_FIELDS.values()) + "\n"
)


def zeek_lines(rows: pd.DataFrame) -> list[str]:
    """Return connections as lines of Zeek's conn.log."""
    log = rows[list(_FIELDS)].astype(object)
    micros = rows["ts"].dt.tz_localize(None).to_numpy(dtype="datetime64[us]").astype("int64")
    log["ts"] = [f"{at // 1_000_000}.{at % 1_000_000:06d}" for at in micros.tolist()]
    log["duration"] = [f"{seconds:.6f}" for seconds in rows["duration"].tolist()]
    return [
        "\t".join("-" if pd.isna(value) else str(value) for value in row) + "\n"
        for row in log.itertuples(index=False)
    ]


def make_watched(folder: Path, model: Model | None = None, **settings: object) -> Project:
    """Make a project whose source `SOURCE` reads ``logs/conn*``, and give it a champion.

    Parameters
    ----------
    settings
        Of the source, beside its format and files.
    """
    (folder / "logs").mkdir(parents=True)
    block = {"format": "zeek", "files": "logs/conn*", **settings}
    write_params(folder, {"sources": {SOURCE: block}})
    project = Project(folder)
    crown(project, model or traffic().model)
    return project


def crown(project: Project, model: Model) -> Version:
    """Register a model, and make it the champion."""
    registry = Registry.of(Tracking.connect(project), project)
    saved = project.root / "data" / "model"
    digest = model.save(saved)
    with registry.tracking.run(SOURCE, "study", kind="study") as run:
        example = traffic().features.head(10)
        version = registry.register(SOURCE, run, model, saved, digest, example)
    registry.tracking.client.set_registered_model_alias(
        model_name(SOURCE), CHAMPION, version.number
    )
    return version


class Heard:
    """A view that keeps what it was told."""

    def __init__(self) -> None:
        self.beats: list[Heartbeat] = []
        self.changes: list[object] = []
        self.notices: list[str] = []

    def show(self, heartbeat: Heartbeat, incidents: object) -> None:  # noqa: ARG002
        self.beats.append(heartbeat)

    def incident(self, change: object) -> None:
        self.changes.append(change)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def close(self) -> None:
        """Nothing more comes."""


def watch_all(project: Project, **options: object) -> Heard:
    """Watch what there is, from where the last watch ended, to its end."""
    heard = Heard()
    asked = WatchOptions(until_end=True, from_start=True, **options)
    watch(project, SOURCE, asked, stopped=threading.Event(), view=heard)
    return heard


COMMAND = [sys.executable, "-m", "oddwire.cli", "watch", SOURCE]
