"""Whether rows that come in any pieces, with kills between, get the numbers of all at once.

    python benchmarks/live_parity.py --batchings 200

Each batching cuts two days of simulated traffic at random; of four, three are killed now and then,
one of these with a threshold that follows drift, and one with time windows that are full.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
FULL = 40  # rows in time windows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batchings", type=int, default=200, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    from tests.live_traffic import traffic
    from tests.parity_runs import Case, at_once, check_equal, in_pieces

    cases = [Case(kills=False), Case(), Case(adaptive=True), Case(most_rows=FULL)]
    given = traffic()
    wanted = [at_once(given, case) for case in cases]
    batches = differ = 0
    began = time.process_time()
    for seed in range(asked.first, asked.first + asked.batchings):
        one = in_pieces(given, seed, cases[seed % len(cases)])
        batches += len(one.taken)
        try:
            check_equal(one, wanted[seed % len(cases)])
        except AssertionError as error:
            differ += 1
            print(f"seed {seed}, {cases[seed % len(cases)]}: {error}", flush=True)
    print(
        f"{asked.batchings} batchings of {len(given.rows):,} rows, {batches:,} micro-batches, "
        f"{len(wanted[0].told):,} alerts and changes of incidents each: {differ} differ "
        f"({time.process_time() - began:.0f} s of CPU)"
    )
    return differ > 0


if __name__ == "__main__":
    sys.exit(main())
