"""What one more hour costs in an archive of 30 days, against the hour alone.

Two projects ingest the same hours of a Zeek log through ``oddwire ingest``: one holds 30 days of
hours before, the other one hour. ``python benchmarks/archive.py --rows 20000`` prints JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
BEGIN = 1_767_225_600
HEADER = (
    "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration"
    "\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\tresp_pkts\n"
)


def write_hour(folder: Path, number: int, rows: int) -> None:
    """Write an hour of connections; one in fifty lasts for hours."""
    lines = []
    for at in range(rows):
        end = BEGIN + 3600 * (number + at / rows)
        lasted = 20_000.0 if at % 50 == 0 else (at * 7919 % 1000) / 100
        host, port = at * 31 % 250, 1024 + at * 17 % 60_000
        lines.append(
            f"{end - lasted:.6f}\tC{number}x{at}\t10.0.{at % 4}.{host}\t{port}\t192.0.2.{at % 90}"
            f"\t443\ttcp\tssl\t{lasted:.6f}\t{at % 9000}\t{at * 13 % 90000}\tSF\tShADadFf"
            f"\t{at % 40}\t{at % 60}\n"
        )
    (folder / f"conn.{number:04d}.log").write_text(HEADER + "".join(lines))


class Grown:
    """A project whose archive grows by hours."""

    def __init__(self, folder: Path) -> None:
        self.root, self.logs = folder / "project", folder / "logs"
        self.logs.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(
            REPOSITORY / "src" / "oddwire", self.root / "src" / "oddwire", ignore=ignored
        )
        for name in ("dvc.yaml", ".dvcignore", ".gitignore"):
            shutil.copy(REPOSITORY / name, self.root / name)
        source = {"format": "zeek", "files": f"{self.logs}/conn.*.log"}
        (self.root / "params.yaml").write_text(json.dumps({"sources": {"office": source}}))
        subprocess.run(["git", "init", "--quiet"], cwd=self.root, check=True)

    def ingest(self) -> tuple[float, float]:
        """Return the seconds that the command takes, by the clock and of the processor."""
        environment = {
            **os.environ, "ODDWIRE_PROJECT": str(self.root),
            "PYTHONPATH": os.pathsep.join([str(self.root / "src"), str(REPOSITORY)]),
        }  # fmt: skip
        begin, before = time.perf_counter(), _processor_seconds()
        subprocess.run(
            [sys.executable, "-m", "oddwire.cli", "ingest", "office", "--json"],
            cwd=self.root, env=environment, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        return time.perf_counter() - begin, _processor_seconds() - before


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(short: Grown, long: Grown, hours: range, rows: int) -> dict[str, float]:
    """Give both the same hours one by one, by turns, and compare the medians."""
    taken: dict[str, list[tuple[float, float]]] = {"alone": [], "more": []}
    for number in hours:
        for name, project in (("alone", short), ("more", long)):
            write_hour(project.logs, number, rows)
            taken[name].append(project.ingest())
        print(number, taken["alone"][-1], taken["more"][-1], file=sys.stderr)
    figures = {}
    for at, kind in enumerate(("clock", "processor")):
        alone, more = (statistics.median(one[at] for one in taken[name]) for name in taken)
        figures |= {f"alone_{kind}": alone, f"more_{kind}": more, f"ratio_{kind}": more / alone}
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="connections of an hour")
    parser.add_argument("--hours", type=int, default=720, help="of the long archive")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        long, short = (Grown(Path(scratch) / name) for name in ("long", "short"))
        for number in range(asked.hours):
            write_hour(long.logs, number, asked.rows)
        write_hour(short.logs, asked.hours - 1, asked.rows)
        first = long.ingest()
        short.ingest()
        hours = range(asked.hours, asked.hours + asked.repeats)
        result = {
            "rows_of_an_hour": asked.rows, "hours": asked.hours, "first": first,
            **compare(short, long, hours, asked.rows), "nothing_new": long.ingest(),
        }  # fmt: skip
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
