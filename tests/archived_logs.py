"""Logs of a small sensor, and archives that are grown from them by the real readers."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pandas as pd

from oddwire.traffic.archive import open_archive
from oddwire.traffic.archive.growing import LogFile, Reading, grow
from oddwire.traffic.archive.records import read_records
from oddwire.traffic.sources.logs.contents import begins_with, identify
from oddwire.traffic.sources.logs.reading import LogSettings, read_log

HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration"
    "\torig_bytes\tresp_bytes\tconn_state\n"
)


def zeek_line(uid, began, duration, *, orig_bytes=10):
    end = "-" if duration is None else duration
    return (
        f"{began:.6f}\t{uid}\t10.0.0.1\t4000\t10.0.0.9\t443\ttcp\tssl\t{end}\t{orig_bytes}\t7\tSF\n"
    )


def zeek_log(rows):
    """Write rows (uid, began, duration) as a log of Zeek."""
    return HEADER + "".join(zeek_line(*row) for row in rows)


class Archived:
    """An archive that grows, run after run."""

    def __init__(self, folder: Path, most_refused: float = 0.5) -> None:
        self.folder = folder / "now"
        self.most_refused = most_refused
        self.read: list[str] = []
        self._runs = 0

    def grow(self, *files: Path, key: str = "a", settings: LogSettings | None = None):
        self._runs += 1
        self.read = []
        draft = self.folder.with_name(f"draft-{self._runs}")
        draft.mkdir(parents=True)

        def told(path, _at, _of):
            self.read.append(path.name)

        reading = Reading(
            key, lambda file: nullcontext(file.path), lambda file: read_log(file, settings),
            begins_with, self.most_refused, told,
        )  # fmt: skip
        there = [LogFile(file, identify(file)) for file in files]
        records = grow(self.folder, read_records(self.folder), there, reading, draft)
        if self.folder.exists():
            self.folder.rename(draft.with_name(f"before-{self._runs}"))
        draft.rename(self.folder)
        return records

    def rows(self, *, at_once=1000, **options):
        found = open_archive(self.folder).batches("train", rows=at_once, **options)
        return pd.concat(found, ignore_index=True)

    def uids(self, **options):
        return self.rows(**options)["uid"].tolist()
