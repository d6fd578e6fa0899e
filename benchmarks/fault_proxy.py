"""Trainings whose MLflow and Prefect servers answer badly: delays, cuts, silence.

    python benchmarks/fault_proxy.py --seeds 100

Each seed draws what its two proxies do. Every training must end within its limit, finished or with
one line, and the next one, without faults, must repair what it left: see tests/fault_runs.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tests"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    asked = parser.parse_args()
    from fault_runs import bench

    from oddwire.cli.environment import quiet_tools
    from oddwire.cli.servers import processes
    from oddwire.project import Project

    quiet_tools(terminal=True)
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_HOME", str(Path(scratch) / "home"))
        port = processes.free_port()
        server = processes.start_prefect(Project(Path(scratch)), port, page=False)
        api = f"http://{processes.HOST}:{port}/api"
        try:
            server.wait_until(f"{api}/health")
            with bench(Path(scratch), api, patch) as made:
                ran = [
                    _told(made.run(seed)) for seed in range(asked.first, asked.first + asked.seeds)
                ]
        finally:
            server.end()
    broken = [each for each in ran if each.broken]
    faults = sum((each.faults for each in ran), Counter())
    finished = sum(each.outcome == "finished" for each in ran)
    print(f"{len(ran)} seeds: {finished} finished, {len(ran) - finished} failed with one line; ")
    print(f"{len(broken)} broke a rule; longest {max(each.seconds for each in ran):.1f} s")
    print(f"faults: {dict(faults.most_common())}")
    return bool(broken)


def _told(ran: Any) -> Any:
    faults = sum(ran.faults.values())
    print(
        f"seed {ran.seed}: {faults} faults, {ran.seconds:.1f} s, then {ran.repaired_in:.1f} s: "
        f"{ran.outcome[:160]}",
        *(f"BROKEN: {each}" for each in ran.broken), sep="\n  ", flush=True,
    )  # fmt: skip
    return ran


if __name__ == "__main__":
    sys.exit(main())
