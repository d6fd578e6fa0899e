"""False alarms and detections of the drift check, in other time zones and other weeks.

    python benchmarks/drift_verdict.py --seeds 100 101 --days 30 --out checks.jsonl
    python benchmarks/drift_verdict.py --table checks.jsonl

Four weeks of simulated traffic are split and trained on as a training does (isolation forest), so
that the reference is what three weeks leave of calibration and validation; each day after them is
checked alone, unchanged and in every scenario. A place moves the days to its clock and its weekend;
an office share thins the traffic until workstations start so large a share of the connections in
office hours, and so small a one in all others. ``--reference whole`` takes all benign rows of three
weeks instead, from a model fitted to the week before. ``--last`` leaves the reference its last days
alone, ``--hours`` checks hours of the local day alone, ``--zone`` gives the check the place's zone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from oddwire.detection.model import Model
from oddwire.operations.drift.report import check_drift
from oddwire.operations.registry.reference import SCORE, reference_rows
from oddwire.params import DRIFT_SCENARIOS, DriftSettings, SimulatedSource, SplitSettings
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.schema import END, LABEL, TIME
from oddwire.traffic.sources.simulated import simulate
from oddwire.traffic.splitting.parts import split_rows

BEFORE, LATER = 28, 30  # days of training, with a quarter for testing, and days to check
OFFICE_HOURS = range(8, 18)
SATURDAY, DAYS_OF_WEEK = 5, 7
WORKSTATIONS = r"10\.20\.(?:1[6-9]|[2-9]\d|1\d\d)\."
PLACES = {  # zone, and by how many days the simulator's Saturday and Sunday move
    "UTC": ("UTC", 0),
    "Berlin": ("Europe/Berlin", 0),
    "Los Angeles": ("America/Los_Angeles", 0),
    "Riyadh": ("Asia/Riyadh", -1),
    "Kathmandu": ("Asia/Kathmandu", 0),
}
SHARES = {"as simulated": None, ".8/.08": (0.8, 0.08), ".6/.25": (0.6, 0.25)}


@dataclass(frozen=True)
class World:
    """Where traffic comes from, and how the reference is made of it."""

    place: str
    share: str
    seed: int
    reference: str = "kept"
    last: int = 0
    hours: tuple[int, int] = (0, 24)
    start: dt.date = dt.date(2026, 1, 5)


def history(seed: int, scenario: str, start: dt.date, cache: Path | None) -> pd.DataFrame:
    """Return the features of all days, from local midnight on; a scenario begins after `BEFORE`."""
    file = cache / f"{start}-{seed}-{scenario}.parquet" if cache else None
    if file and file.is_file():
        return pd.read_parquet(file)
    source = SimulatedSource(
        format="simulated", seed=seed, start=start, days=BEFORE + LATER, connections_per_day=4000,
        drift=() if scenario == "none" else (scenario,), drift_from_day=BEFORE,
    )  # fmt: skip
    rows = connection_features(simulate(source))
    rows["office"] = rows["src_ip"].str.match(WORKSTATIONS)
    lot = pd.util.hash_array(rows["uid"].to_numpy(dtype=object))
    rows["lot"] = lot / np.float64(2**64)
    rows["local"] = rows[END].dt.tz_localize(None)
    kept = rows[["local", "office", "lot", LABEL, *CONNECTION_FEATURES.columns]]
    if file:
        kept.to_parquet(file)
    return kept


def _hour_kinds(rows: pd.DataFrame) -> pd.Series:
    weekend = rows["local"].dt.weekday >= SATURDAY
    return rows["local"].dt.hour + 24 * weekend


def thinning(rows: pd.DataFrame, share: str) -> pd.DataFrame | None:
    """Return for each kind of hour how many of a workstation's and other connections to keep."""
    targets = SHARES[share]
    if targets is None:
        return None
    counts = pd.crosstab(_hour_kinds(rows), rows["office"])
    busy = np.isin(counts.index, OFFICE_HOURS)
    wanted = np.where(busy, *targets)
    total = np.minimum(counts[True] / wanted, counts[False] / (1 - wanted))
    return pd.DataFrame({
        True: wanted * total / counts[True], False: (1 - wanted) * total / counts[False],
    })  # fmt: skip


def in_world(
    rows: pd.DataFrame, keep: pd.DataFrame | None, place: str, unchanged: pd.DataFrame
) -> pd.DataFrame:
    """Thin rows out and put them on the clock and into the week of a place.

    Of a scenario's newcomers as many stay, of the same hours, as of all others, so that they keep
    their share.
    """
    if keep is not None:
        kind = keep.index.get_indexer(_hour_kinds(rows))
        chance = keep.to_numpy()[kind, 1 - rows["office"]]
        known = rows["lot"].isin(unchanged["lot"])
        rest = pd.Series(chance)[known.to_numpy()].groupby(kind[known]).mean()
        chance = np.where(known | (len(rows) > len(unchanged)), chance, rest.reindex(kind))
        rows = rows[rows["lot"] < chance]
    zone, shift = PLACES[place]
    local = rows["local"] + pd.Timedelta(days=shift)
    utc = local.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward").dt.tz_convert(
        "UTC"
    )
    day = (rows["local"] - rows["local"].min().floor("D")).dt.days
    weekend = rows["local"].dt.weekday >= SATURDAY
    return rows.assign(**{TIME: utc, "day": day, "weekend": weekend}).sort_values(TIME)


def trained(rows: pd.DataFrame, world: World) -> tuple[Model, pd.DataFrame]:
    """Fit an isolation forest, and return the reference that its training would keep."""
    before = rows[rows["day"] < BEFORE].drop(columns=["local", "lot", "office"])
    if world.reference == "whole":
        benign = before[before[LABEL] == 0]
        train, held_out = (
            benign[benign["day"] < DAYS_OF_WEEK],
            benign[benign["day"] >= DAYS_OF_WEEK],
        )
        fitted = held_out.head(0)
    else:
        parts = split_rows(before, None, SplitSettings(), seed=world.seed, source="simulated")
        train = fitted = before.iloc[parts.of("train")].reset_index(drop=True)
        held_out = pd.concat(
            [before.iloc[parts.of(part)] for part in ("calibration", "validation")]
        )
    model = Model.build(CONNECTION_FEATURES, "isolation_forest", seed=world.seed).fit(train)
    return model, reference_rows(model, held_out, fitted)


def checks(
    world: World, *, days: int, drifted_days: int, zone: bool, cache: Path | None
) -> Iterator[dict[str, Any]]:
    """Check each later day of a world, and the first working and free days of each scenario."""
    unchanged = history(world.seed, "none", world.start, cache)
    keep = thinning(unchanged[unchanged[LABEL] == 0], world.share)
    model, reference = trained(in_world(unchanged, keep, world.place, unchanged), world)
    if world.last:
        since = reference[TIME].max() - pd.Timedelta(days=world.last)
        reference = reference[reference[TIME] >= since]
    scores = reference[SCORE].to_numpy()
    settings = DriftSettings(zone=PLACES[world.place][0] if zone else None)
    for scenario in ("none", *DRIFT_SCENARIOS):
        days_of = history(world.seed, scenario, world.start, cache)
        rows = in_world(days_of, keep, world.place, unchanged)
        count = days if scenario == "none" else drifted_days
        for day in range(BEFORE, BEFORE + count):
            now = rows[(rows["day"] == day) & rows["local"].dt.hour.isin(range(*world.hours))]
            begun = time.perf_counter()
            found = check_drift(
                reference, now, CONNECTION_FEATURES, settings=settings, seed=world.seed,
                reference_scores=scores, current_scores=model.anomaly_score(now),
            )  # fmt: skip
            yield {
                **asdict(world), "start": str(world.start),
                "scenario": scenario, "day": day - BEFORE, "attacks": float(now[LABEL].mean()),
                "weekend": bool(now["weekend"].iloc[0]), "rows": len(now),
                "drifted": found.drifted, "share_of_columns": found.share, "method": found.method,
                "median_threshold": float(np.median([one.threshold for one in found.columns])),
                "seconds": round(time.perf_counter() - begun, 3),
                "columns": [one.column for one in found.columns if one.drifted],
                "score": [found.columns[-1].statistic, found.columns[-1].threshold],
                "verdict": found.verdict,
            }  # fmt: skip


def table(files: list[Path]) -> str:
    """Return counts of verdicts per place and office share, as Markdown."""
    found = pd.concat([pd.read_json(file, lines=True) for file in files])
    found["kind"] = np.where(found["weekend"], "free", "working")
    lines = []
    for key, group in found.groupby(["reference", "place", "share"], sort=False):
        cells = []
        for scenario, kind in [
            ("none", "working"), ("none", "free"),
            *((scenario, "working") for scenario in DRIFT_SCENARIOS),
        ]:  # fmt: skip
            some = group[(group["scenario"] == scenario) & (group["kind"] == kind)]
            cells.append(f"{some['drifted'].sum()} of {len(some)}")
        some = group[(group["scenario"] != "none") & (group["kind"] == "free")]
        cells.append(f"{some['drifted'].sum()} of {len(some)}")
        threshold = group["median_threshold"].median()
        lines.append(f"| {' | '.join([*key, *cells])} | {threshold:.2f} |")
    head = [
        "reference", "place", "office share", "no drift, working days", "no drift, free days",
        *DRIFT_SCENARIOS, "drift, free days", "median threshold",
    ]  # fmt: skip
    return "\n".join([f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--places", nargs="+", default=["Berlin", "Los Angeles", "Riyadh"])
    parser.add_argument("--shares", nargs="+", default=[".8/.08", ".6/.25"], choices=SHARES)
    parser.add_argument("--reference", choices=["kept", "whole"], default="kept")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--drifted-days", type=int, default=7)
    parser.add_argument("--start", type=dt.date.fromisoformat, default=World.start)
    parser.add_argument("--last", type=int, default=0)
    parser.add_argument("--hours", type=int, nargs=2, default=(0, 24))
    parser.add_argument("--zone", action="store_true")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--table", type=Path, nargs="+")
    options = parser.parse_args()
    if options.table:
        print(table(options.table))
        return
    if options.out is None:
        parser.error("--out must name the file that the checks are written to")
    for seed in options.seeds:
        for place in options.places:
            for share in options.shares:
                world = World(
                    place, share, seed, options.reference, options.last,
                    tuple(options.hours), options.start,
                )  # fmt: skip
                for line in checks(
                    world, days=options.days, drifted_days=options.drifted_days,
                    zone=options.zone, cache=options.cache,
                ):  # fmt: skip
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(line) + "\n")
    print(table([options.out]))


if __name__ == "__main__":
    main()
