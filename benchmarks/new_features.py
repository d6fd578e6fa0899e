"""What the features of the long memory and of the history add: recall at 1 % false positives.

Run ``python benchmarks/new_features.py``. Two simulated weeks of five seeds are split as a training
does it, a detector with its defaults learns the training rows, and per attack family the recall on
the test rows is printed where 1 % of the benign ones raise an alert; each set of features is tried
on the same rows, all in one run. Then the same on the head of an IoT-23 log
(``ODDWIRE_SHARED_DATA``), of which the first 60 % of the benign rows train; and what the features
cost a row.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
from features import connections_of
from tasks import shared_data

from oddwire.detection.model import Model
from oddwire.params import SimulatedSource, SplitSettings
from oddwire.traffic.connections import check_connections, type_connections
from oddwire.traffic.features.clock import Clock
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, connection_features
from oddwire.traffic.features.long_memory import LONG_MEMORY_FEATURES, LongMemory
from oddwire.traffic.schema import LABEL, FeatureSchema
from oddwire.traffic.sources.logs.reading import read_log
from oddwire.traffic.sources.simulated.simulator import simulate
from oddwire.traffic.splitting.parts import SPLIT_BY, split_rows

OLD = tuple(name for name in CONNECTION_FEATURES.numeric if name not in LONG_MEMORY_FEATURES)
GROUPS = {
    "new_dst_connections, _bytes": LONG_MEMORY_FEATURES[:2],
    "new_dst_..._evenness": LONG_MEMORY_FEATURES[2:4],
    "src_port_size_shift": LONG_MEMORY_FEATURES[4:],
}
# Kept in the log's `history`, and tried on the labelled log alone: the simulator has none.
HISTORY = {
    "history_length": "length", "history_retransmissions": "t", "history_gaps": "g",
    "history_resets": "r", "history_data": "d", "history_window": "w", "history_checksum": "c",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Trial:
    """Feature frames to learn from and to measure on."""

    train: pd.DataFrame
    test: pd.DataFrame


def simulated(seed: int) -> Trial:
    """Simulate two weeks, split as by the stage `prepare`."""
    rows = connection_features(simulate(SimulatedSource(format="simulated", days=14, seed=seed)))
    split = split_rows(rows[list(SPLIT_BY)], None, SplitSettings(), seed=7, source="simulated")
    return Trial(*(rows.iloc[split.of(part)] for part in ("train", "test")))


def iot23() -> Trial | None:
    """Read the labelled log: the first 60 % of its benign rows train, all others are measured."""
    file = shared_data() / "zeek" / "conn.log.labeled"
    if not file.is_file():
        return None
    read = pd.concat([part.connections.to_pandas() for part in read_log(file)])
    connections = type_connections(read, origin="iot-23")
    rows = connection_features(connections).assign(**history_features(connections["history"]))
    benign = np.flatnonzero(rows[LABEL] == 0)
    learnt = np.isin(np.arange(len(rows)), benign[: int(0.6 * len(benign))])
    return Trial(rows[learnt], rows[~learnt])


def history_features(history: pd.Series) -> dict[str, pd.Series]:
    """Count what Zeek's letters tell, in either case: from the originator or the responder."""
    letters = history.fillna("").astype(str).str.lower()
    return {
        name: (letters.str.len() if what == "length" else letters.str.count(what)).astype(float)
        for name, what in HISTORY.items()
    } | {"history": history}


def measure(trial: Trial, schema: FeatureSchema, detector: str, seed: int) -> dict[str, float]:
    """Return the recall at 1 % false positives of each family, and their mean."""
    model = Model.build(schema, detector, seed=seed).fit(trial.train)
    scores = model.anomaly_score(trial.test)
    attack = trial.test[LABEL].to_numpy(dtype=bool)
    benign = np.sort(scores[~attack])[::-1]
    found = scores > benign[int(0.01 * len(benign))]
    by_family = pd.Series(found[attack]).groupby(trial.test["attack"].to_numpy()[attack]).mean()
    return {**by_family.to_dict(), "mean": by_family.mean()}


def schemas() -> dict[str, FeatureSchema]:
    """Name the sets of features: the old ones, all, and all without each group."""
    chosen = {"old": (), "with the long memory": LONG_MEMORY_FEATURES}
    for name, group in GROUPS.items():
        chosen[f"  without {name}"] = tuple(set(LONG_MEMORY_FEATURES) - set(group))
    return {
        name: FeatureSchema((*OLD, *sorted(added)), CONNECTION_FEATURES.categorical)
        for name, added in chosen.items()
    }


def with_history() -> dict[str, FeatureSchema]:
    """Name sets with what the history tells."""
    categories = CONNECTION_FEATURES.categorical
    return {
        "old and history_length": FeatureSchema((*OLD, "history_length"), categories),
        "old and counts of letters": FeatureSchema((*OLD, *HISTORY), categories),
        "old and history as a category": FeatureSchema(OLD, (*categories, "history")),
    }


def cost(rows: int) -> None:
    """Print what a row costs, in two batches: the first finds the tables empty."""
    connections = check_connections(connections_of(rows), origin="benchmark")
    clocks = Clock().of(connections)
    memory = LongMemory()
    memory.update(connections[:10], clocks[:10])
    for name in ("empty", "filled"):
        begun = time.process_time()
        memory.update(connections, clocks)
        taken = (time.process_time() - begun) / rows * 1e6
        print(f"long memory, {name} tables: {taken:.2f} µs a row")
    begun = time.process_time()
    connection_features(connections)
    print(f"all features: {(time.process_time() - begun) / rows * 1e6:.2f} µs a row")
    held = sum(array.nbytes for array in memory.to_arrays().values())
    print(f"the memory holds {held / 1e6:.0f} MB")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--detectors", nargs="+", default=["isolation_forest", "one_class_svm"])
    parser.add_argument("--rows", type=int, default=300_000)
    options = parser.parse_args()
    pd.set_option("display.width", 200)
    cost(options.rows)
    log = iot23()
    for detector in options.detectors:
        found: dict[str, list[dict[str, float]]] = {}
        for seed in range(1, options.seeds + 1):
            trial = simulated(seed)
            for name, schema in schemas().items():
                found.setdefault(name, []).append(measure(trial, schema, detector, seed))
        table = pd.DataFrame({name: pd.DataFrame(one).mean() for name, one in found.items()}).T
        print(f"\n{detector}, simulated, {options.seeds} seeds\n{table.round(3).to_string()}")
        if log is None:
            continue
        print(f"\n{detector}, IoT-23")
        for name, schema in (schemas() | with_history()).items():
            recalls = [
                measure(log, schema, detector, seed)["mean"] for seed in range(options.seeds)
            ]
            print(f"{name:<48}{np.mean(recalls):.3f}", flush=True)


if __name__ == "__main__":
    main()
