"""By which figure to choose among detectors: what a choice by it loses on later rows.

    python benchmarks/yardstick_scores.py FOLDER ...
    python benchmarks/yardstick.py FOLDER [FOLDER ...]

Reads the scores that `benchmarks/yardstick_scores.py` kept. Each candidate figure chooses a
detector on validation rows; its regret is what the choice finds less than the best choice in
hindsight on rows that chose nothing: the mean of the recall by row and by campaign (by family,
where campaigns are not known) at the target, which is 30 false incidents a day, or 1 % of benign
rows where there are no times and sources. Groups:

* simulated networks, by size: chosen on validation rows, told by the later days;
* ``last``: the same, the benign validation rows being the last in time (those of the test part);
* tables, by file: chosen by a quarter of the rows not trained on, told by the others (eight draws);
  in the order of time where there is one;
* ``families``: the same tables, half of the attack families choose, the other half tells.

Prints the mean regret and its standard error, over seeds of networks and over tables, for a choice
among the default three detectors, among these and the ensemble, and among all; or among settings of
a detector, where the scores are those of settings.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from oddwire.evaluation import yardstick
from oddwire.evaluation.families import kinds_of_attack
from oddwire.evaluation.metrics import average_precision, ranking_curve
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.traffic.schema import CAMPAIGN
from oddwire.traffic.units import Units, units_of

THREE = ("isolation_forest", "one_class_svm", "autoencoder")
DETECTORS = (*THREE, "ensemble", "kmeans", "kmeans_autoencoder", "nearest_neighbours")
CHOICES = {"three": THREE, "+ ensemble": DETECTORS[:4], "all": DETECTORS}
ALWAYS = {"one_class_svm", "ensemble", "isolation_forest 0", "one_class_svm 0"}  # 0: defaults
PER_DAY, SHARE = 30.0, 0.01
DRAWS = 8
CHOOSING, ATTACKS_CHOOSING = 0.15 / 0.55, 0.75  # as validation has of what is not trained on


@dataclass(frozen=True, eq=False)
class Seen:
    """What a figure may know of one detector on some rows.

    Parameters
    ----------
    shares
        By currency, the share of benign units or rows above each attack.
    found
        Which attacks are found at the target.
    groups
        By name, the number of each attack's campaign or family.
    """

    shares: dict[str, np.ndarray]
    found: np.ndarray
    groups: dict[str, np.ndarray]
    rows: ScoredRows

    def recall(self, each: np.ndarray, by: str) -> float:
        """Return the mean of something per attack, by row or over groups."""
        return sum(_mean(each, self.groups.get(name)) for name in by.split("+")) / (
            by.count("+") + 1
        )


def _mean(each: np.ndarray, groups: np.ndarray | None) -> float:
    if groups is None:
        return float(each.mean())
    return float((np.bincount(groups, each) / np.bincount(groups)).mean())


Figure = Callable[[Seen], float]


def between(low: float, high: float, currency: str, by: str) -> Figure:
    """Return the recall averaged over the levels of a range, evenly in logarithms."""

    def figure(seen: Seen) -> float:
        shares = np.maximum(seen.shares[currency], low)
        return seen.recall(np.clip(np.log(high / shares) / np.log(high / low), 0, 1), by)

    return figure


def at_target(by: str) -> Figure:
    """Return the recall at the target alone."""
    return lambda seen: seen.recall(seen.found.astype(float), by)


def by_precision(seen: Seen) -> float:
    """Return the average precision."""
    return average_precision(ranking_curve(seen.rows.labels == 1, seen.rows.scores))


def figures() -> dict[str, Figure]:
    """Return every candidate by its name."""
    found: dict[str, Figure] = {
        "ROC AUC, families": lambda seen: seen.recall(1 - seen.shares["rows"], "families"),
        "average precision": by_precision,
        "log AUC from 0.3 %, families (0017)": between(0.003, 1, "rows", "families"),
        "log AUC from 0.3 %, rows": between(0.003, 1, "rows", "rows"),
    }
    for by in ("rows", "families", "campaigns", "rows+campaigns"):
        found[f"recall at the target, {by}"] = at_target(by)
    for low, high in ((0.005, 0.02), (0.0025, 0.04), (0.005, 0.08), (0.01, 0.16), (0.001, 0.1)):
        for currency in ("rows", "units"):
            for by in ("rows", "families", "campaigns", "rows+campaigns"):
                name = f"{100 * low:g} to {100 * high:g} % of {currency}, {by}"
                found[name] = between(low, high, currency, by)
    return found | {"the yardstick": lambda seen: yardstick.value(seen.rows) or 0.0}


@dataclass(frozen=True, eq=False)
class Cell:
    """Labelled rows, the scores of all detectors among their columns.

    Parameters
    ----------
    days
        How many days of traffic the benign rows stand for; None where there are no times.
    """

    frame: pd.DataFrame
    days: float | None

    def seen(self) -> dict[str, Seen]:
        """Return what every detector shows."""
        attack = self.frame["label"].to_numpy(dtype=float) == 1
        benign, attacks = self.frame[~attack], self.frame[attack]
        units = None if self.days is None else units_of(benign)
        groups = _groups(attacks)
        rows = ScoredRows.of(self.frame, np.zeros(len(self.frame)))
        return {
            name: _seen(
                benign[name].to_numpy(), attacks[name].to_numpy(), units, self.days, groups,
                replace(rows, scores=self.frame[name].to_numpy()),
            )
            for name in self.frame
            if name.split(" ")[0] in DETECTORS
        }  # fmt: skip


def _groups(attacks: pd.DataFrame) -> dict[str, np.ndarray]:
    names = attacks["attack"].astype(str).to_numpy()
    families = kinds_of_attack(np.ones(len(attacks)), names, len(attacks))[1]
    are_known = CAMPAIGN in attacks and attacks[CAMPAIGN].notna().all()
    campaigns = pd.factorize(attacks[CAMPAIGN])[0] if are_known else families
    return {"families": families, "campaigns": campaigns}


def _seen(
    benign: np.ndarray, attacks: np.ndarray, units: Units | None, days: float | None,
    groups: dict[str, np.ndarray], rows: ScoredRows,
) -> Seen:  # fmt: skip
    worst = benign if units is None else pd.Series(benign).groupby(units.codes).max().to_numpy()
    shares = {"rows": _shares(benign, attacks), "units": _shares(worst, attacks)}
    found = attacks >= _threshold(benign, units, days)
    return Seen(shares, found, groups, rows)


def _shares(benign: np.ndarray, attacks: np.ndarray) -> np.ndarray:
    ranked = np.sort(-benign)
    sides = (np.searchsorted(ranked, -attacks, side=side) for side in ("left", "right"))
    return sum(sides) / 2 / len(benign)


def _threshold(benign: np.ndarray, units: Units | None, days: float | None) -> float:
    """Return the lowest threshold that keeps the target on these very rows."""
    levels = np.unique(benign)[::-1]
    if units is None or days is None:
        counts = len(benign) - np.searchsorted(np.sort(benign), levels)
        allowed = SHARE * len(benign)
    else:
        before = np.sort(np.minimum(benign, units.before(benign)))
        counts = np.searchsorted(before, levels) - np.searchsorted(np.sort(benign), levels)
        allowed = PER_DAY * days
    over = np.flatnonzero(counts > allowed + 1e-9)
    return np.nextafter(levels[over[0]], np.inf) if len(over) else levels[-1]


def worth(seen: Seen) -> float:
    """Return what people care about: rows and campaigns found at the target."""
    groups = seen.groups["campaigns"]
    hits = np.bincount(groups, seen.found)
    any_of_it = groups.max() > seen.groups["families"].max()
    by_campaign = (hits > 0).mean() if any_of_it else (hits / np.bincount(groups)).mean()
    return float(seen.found.mean() + by_campaign) / 2


def cells(name: str, frame: pd.DataFrame) -> Iterator[tuple[str, Cell, Cell]]:
    """Yield group, rows that choose and rows that tell."""
    frame = frame[frame["label"].notna()].reset_index(drop=True)
    group = name.rsplit("-", 1)[0]
    if (frame["part"] == "later").any():
        yield from _networks(f"simulated, {group} a day", frame)
    else:
        yield from _tables(group, frame)


def _networks(group: str, frame: pd.DataFrame) -> Iterator[tuple[str, Cell, Cell]]:
    if CAMPAIGN not in frame:  # scores whose families carry the campaign's number
        frame = frame.assign(campaign=frame["attack"])
        frame["attack"] = frame["attack"].str.split("#").str[0]
    benign = frame["label"] == 0
    part = {each: frame["part"] == each for each in frame["part"].unique()}
    pool = benign & ~part["test"] & ~part["later"]
    span = frame.loc[pool, "end"].max() - frame.loc[pool, "end"].min()
    days = span / pd.Timedelta(days=1) / pool.sum()  # per row
    tells = Cell(frame[part["later"]], days * (benign & part["later"]).sum())
    chooses = frame[part["validation"]]
    yield group, Cell(chooses, days * (chooses["label"] == 0).sum()), tells
    last = frame[(benign & part["test"]) | (~benign & part["validation"])]
    yield f"last: {group}", Cell(last, days * (benign & part["test"]).sum()), tells


def _tables(group: str, frame: pd.DataFrame) -> Iterator[tuple[str, Cell, Cell]]:
    rest = frame[frame["part"] != "train"].reset_index(drop=True)
    timed = any(name in rest and rest[name].notna().any() for name in ("ts", "end"))
    rest = rest.drop(columns=["ts", "end", "src_ip"], errors="ignore")
    if timed or group == "nsl-kdd-official":
        yield group, *(Cell(rest[rest["part"] == each], None) for each in ("validation", "test"))
        return
    attack = rest["label"].to_numpy(dtype=float) == 1
    families = rest.loc[attack, "attack"].dropna().unique()
    for draw in range(DRAWS):
        random = np.random.default_rng(draw)
        first = random.random(len(rest)) < np.where(attack, ATTACKS_CHOOSING, CHOOSING)
        yield group, Cell(rest[first], None), Cell(rest[~first], None)
        half = random.permutation(families)[: len(families) // 2]
        if len(half) > 1:
            mine = np.where(attack, rest["attack"].isin(half), first)
            yield f"families: {group}", Cell(rest[mine], None), Cell(rest[~mine], None)


def choices(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return what there is to choose from: detectors, or the settings of each."""
    by_detector: dict[str, tuple[str, ...]] = {}
    for name in names:
        detector = name.split(" ")[0]
        by_detector[detector] = (*by_detector.get(detector, ()), name)
    if all(len(each) == 1 for each in by_detector.values()):
        found = {among: [n for n in each if n in by_detector] for among, each in CHOICES.items()}
        return {among: tuple(each) for among, each in found.items()}
    return {f"settings of {name}": each for name, each in by_detector.items()}


def regrets(file: Path) -> Iterator[dict[str, object]]:
    """Yield a row per group, set to choose from and figure."""
    for group, chooses, tells in cells(file.stem, pd.read_parquet(file)):
        before = chooses.seen()
        value = {name: worth(seen) for name, seen in tells.seen().items()}
        for name, figure in figures().items():
            by = {detector: figure(seen) for detector, seen in before.items()}
            for among, detectors in choices(value).items():
                choice = max(detectors, key=lambda detector: by[detector])
                yield _row(file, group, among, name, choice, detectors, value)
        for among, detectors in choices(value).items():
            for name in ALWAYS & set(detectors):
                yield _row(file, group, among, f"always {name}", name, detectors, value)


def _row(
    file: Path, group: str, among: str, figure: str, choice: str, detectors: tuple[str, ...],
    value: dict[str, float],
) -> dict[str, object]:  # fmt: skip
    best = max(value[detector] for detector in detectors)
    return {
        "file": file.stem, "group": group, "among": among, "figure": figure, "choice": choice,
        "regret": best - value[choice],
    }  # fmt: skip


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return mean and standard error of the regret as text, a row per figure."""
    kinds = found["group"].str.split("[:,]", n=1).str[0]
    table = ~kinds.isin(["simulated", "last", "families"])
    found = found.assign(
        kind=kinds.mask(table, "tables"),
        one=found["file"].where(kinds.isin(["simulated", "last"]), found["group"]),
    )
    keys = ["among", "figure", "kind"]
    by_one = found.groupby([*keys, "one", "file"])["regret"].mean().groupby([*keys, "one"]).mean()
    each = by_one.groupby(keys).agg(["mean", "sem", "count"]).reset_index()
    each["regret"] = each["mean"].map("{:.3f}".format) + each["sem"].map(" ± {:.3f}".format)
    each["of"] = each["kind"] + each["count"].map(" ({})".format) + ", " + each["among"]
    return each.pivot_table("regret", "figure", "of", aggfunc="first")


def main() -> None:
    """Print the regrets."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folders", type=Path, nargs="+")
    options.add_argument("--matching", default="*.parquet", help="files of the folders")
    options.add_argument("--out", type=Path, help="where every single regret goes, as CSV")
    chosen = options.parse_args()
    files = sorted(file for folder in chosen.folders for file in folder.glob(chosen.matching))
    if not files:
        options.error(f"no folder has a file like {chosen.matching}")
    found = pd.DataFrame([row for file in files for row in regrets(file)])
    if chosen.out is not None:
        found.to_csv(chosen.out, index=False)
    print(summary(found).to_string())
    by_group = found.groupby(["among", "figure", "group"])["regret"].mean().round(3)
    print(by_group.unstack("group").to_string())  # noqa: PD010


if __name__ == "__main__":
    main()
