"""A project with a source of Zeek logs and a small champion, and watches of it."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import OddwireError
from oddwire.live.vitals.heartbeat import Heartbeat
from oddwire.live.watching.options import WatchOptions
from oddwire.live.watching.watch import watch
from oddwire.operations.registry.versions import CHAMPION, Registry, Version, model_name
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project
from tests.live_traffic import traffic
from tests.small_projects import empty_store, write_params

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
    project.mlruns.mkdir()
    (project.mlruns / "mlflow.db").write_bytes(empty_store())
    crown(project, model or traffic().model)
    return project


def crown(project: Project, model: Model, *, damaged: bool = False) -> Version:
    """Register a model, and make it the champion; `damaged`, of its files one is not what it was.

    Others see it when it is as it should be for the test.
    """
    registry = Registry.of(Tracking.connect(project), project)
    saved = project.root / "data" / "model"
    digest = model.save(saved)
    with registry.tracking.run(SOURCE, "study", kind="study") as run:
        example = traffic().features.head(10)
        version = registry.register(SOURCE, run, model, saved, digest, example)
    if damaged:
        kept = project.mlruns.glob("artifacts/*/models/*/artifacts/data/*/units.npy")
        newest = max(kept, key=lambda file: file.stat().st_mtime_ns)
        newest.write_bytes(newest.read_bytes()[:-1])
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


class Watching:
    """A watch that goes on in a thread while a block runs, and is then told to stop.

    Parameters
    ----------
    project
        Whose source it watches.
    options
        Of `WatchOptions`.
    """

    def __init__(self, project: Project, **options: object) -> None:
        self.heard, self.error = Heard(), None
        self._project, self._options = project, WatchOptions(from_start=True, **options)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            watch(
                self._project, SOURCE, self._options, stopped=self._stopped, view=self.heard
            )  # fmt: skip
        except OddwireError as error:
            self.error = error

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def wait(self, true: Callable[[], object], what: str, seconds: float = 60) -> None:
        """Wait for something to come true while the watch goes on."""
        until = time.monotonic() + seconds
        while not true():
            assert self.error is None, self.error
            assert self._thread.is_alive(), "the watch has ended"
            assert time.monotonic() < until, f"not within {seconds:g} s: {what}"
            time.sleep(0.05)

    def wait_for_rows(self, rows: int) -> None:
        """Wait until so many rows have been scored and committed."""
        self.wait(lambda: self.last is not None and self.last.rows >= rows, f"{rows} rows")

    @property
    def last(self) -> Heartbeat | None:
        """The last heartbeat."""
        return self.heard.beats[-1] if self.heard.beats else None


COMMAND = [sys.executable, "-m", "oddwire.cli", "watch", SOURCE]
