"""How much memory a watch takes as it goes on: a million connections through standard input.

    python benchmarks/live_memory.py --rows 1000000

The same benign day is written again and again, each time a day later, with uids of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pandas as pd
import psutil

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
FAR = 0.2  # of the rows, where memory is looked at first
MEGABYTE = 1 << 20


def days(rows: int) -> Iterator[str]:
    from tests.live_traffic import traffic
    from tests.watched import zeek_lines

    given = traffic().rows
    benign = given[given["label"] == 0]
    for day in range(-(-rows // len(benign))):
        later = benign.assign(
            ts=benign["ts"] + pd.Timedelta(days=2 * day), uid=benign["uid"] + str(day)
        )
        yield "".join(zeek_lines(later.iloc[: rows - day * len(benign)]))


def write(into: IO[str], rows: int) -> None:
    from tests.watched import HEADER

    into.write(HEADER)
    for text in days(rows):
        into.write(text)
    into.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    asked = parser.parse_args()
    from tests.watched import COMMAND, make_watched

    with tempfile.TemporaryDirectory() as folder:
        project = make_watched(Path(folder))
        command = [*COMMAND, "-", "--until-end", "--json", "--sink", "told.jsonl"]
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"ODDWIRE_PROJECT": folder, "PYTHONPATH": path},
        ) as running:  # fmt: skip
            writer = threading.Thread(
                target=write, args=(cast("IO[str]", running.stdin), asked.rows)
            )
            writer.start()
            began, far = time.monotonic(), False
            for line in cast("IO[str]", running.stdout):
                beat = json.loads(line)
                if beat["state"] == "stopped" or (not far and beat["rows"] >= FAR * asked.rows):
                    far = True
                    taken = psutil.Process(running.pid).memory_info().rss / MEGABYTE
                    print(
                        f"{beat['rows']:>10,} rows, {time.monotonic() - began:5.0f} s: "
                        f"{taken:6,.0f} MB, {beat['alerts']:,} alerts", flush=True,
                    )  # fmt: skip
            writer.join()
        size = (project.live / "alerts.db").stat().st_size / MEGABYTE
        print(f"exit code {running.returncode}; the store has {size:,.0f} MB")


if __name__ == "__main__":
    main()
