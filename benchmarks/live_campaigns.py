"""Which campaigns are found in the days after a training, within a budget of false incidents.

    python benchmarks/live_campaigns.py --seeds 21:26

For each seed a project of its own is trained by the command that people type, with the settings of
``params.yaml`` (14 simulated days) but for the seed and the target of false incidents a day. Its
champion then scores the days after those, in the order in which they are known, with the memory of
the archive's last days, and alerts become incidents, by the very code of ``oddwire watch``.

A campaign is found where an incident has an alert of one of its connections; a false incident has
no alert of an attack. Which campaigns hide is what the simulator says, and counted apart.

Trained projects are kept in ``--folder``, one for each seed: what is there is not made again. The
figures go to ``results/live_campaigns.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from live_traffic import (
    Found,
    Traffic,
    campaigns_in,
    days_after,
    found_in,
    incidents_in,
)
from orchestration import make_project

from oddwire.detection.calibration.thresholds.by_target import Calibrated, by_target
from oddwire.detection.calibration.thresholds.targets import Target
from oddwire.detection.model import Model
from oddwire.live.alerts.alert import MadeBy
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.schema import LABEL

REPOSITORY = Path(__file__).resolve().parents[1]
RESULT = REPOSITORY / "benchmarks" / "results" / "live_campaigns.json"
FOLDER = REPOSITORY / "data" / "live_campaigns"  # which git ignores
PLAIN = "champion"  # the folder of one that was trained without a registry
SOURCE, DAYS, TARGET = "simulated", 3, 20.0
TARGETS = (10.0, 15.0, 20.0, 30.0)  # the same champion at other targets
MEANT = {
    "horizontal_scan": "scan", "vertical_scan": "scan", "syn_flood": "flood",
    "ssh_brute_force": "brute force", "c2_beacon": "beacon", "dns_tunnel": "tunnel",
    "slow_exfiltration": "exfiltration", "lateral_movement": "lateral movement",
}  # fmt: skip
MOST_URGENT = 10  # incidents of a day, as many as people get to


def trained(root: Path, seed: int, trials: int | None, *, plain: bool) -> float:
    """Train the project of a seed, where that is not done yet, and return the seconds it took."""
    told = root.with_suffix(".json")
    if not told.is_file():
        make_project(root)
        params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
        params["sources"] = {SOURCE: params["sources"][SOURCE] | {"seed": seed}}
        params["drift"].pop("sources", None)
        params["alerts"] = {"target": {"false_incidents_per_day": TARGET}}
        (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        begun = time.perf_counter()
        (train_plainly if plain else train)(root, trials)
        told.write_text(json.dumps({"seconds": time.perf_counter() - begun}), encoding="utf-8")
    return float(json.loads(told.read_text(encoding="utf-8"))["seconds"])


def train(root: Path, trials: int | None) -> None:
    """Train by the command that people type."""
    command = [sys.executable, "-m", "oddwire.cli", "train", SOURCE, "--json"]
    command += [] if trials is None else ["--trials", str(trials)]
    environment = os.environ | {"ODDWIRE_PROJECT": str(root)}
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL, env=environment)


def train_plainly(root: Path, trials: int | None) -> None:
    """Train by the functions that a training calls, without its servers, figures and reports."""
    from oddwire.operations.search.studies import run_study
    from oddwire.operations.training.fitting import fit_model, validate
    from oddwire.operations.training.opening import training_rows
    from oddwire.operations.training.results import Training
    from oddwire.operations.training.searching import validation_objective
    from oddwire.stages import ingest, link, prepare, settings

    project = Project(root)
    params = load_params(project.params_file)
    settings.write_settings(project)
    for stage in (link.link, ingest.ingest, prepare.prepare):
        stage(project, SOURCE)
    prepared = Prepared(project.prepared(SOURCE))
    training = Training(
        root, SOURCE, "plain", params, params.search.trials if trials is None else trials, "plain",
        prepared, training_rows(prepared, params),
    )  # fmt: skip
    objective, found = validation_objective(training), []
    for detector in params.search.detectors:
        study = run_study(
            training.plan(detector), training.train, objective, prepared.schema,
            folder=project.studies,
        )  # fmt: skip
        model, _ = fit_model(training, detector, study.parameters)
        validated = validate(training, model)
        assert validated is not None  # noqa: S101
        found.append((validated.value, model))
    max(found, key=lambda pair: pair[0])[1].save(root / PLAIN)


def champion(root: Path) -> tuple[Model, MadeBy]:
    """Return the champion of a trained project."""
    if (root / PLAIN).is_dir():
        model, version = Model.load(root / PLAIN), "1"
    else:
        project = Project(root)
        registry = Registry.of(Tracking.connect(project), project)
        known, model = registry.load_champion(SOURCE)
        version = known.number
    return model, MadeBy(SOURCE, SOURCE, version, "", model.threshold)


def at_target(model: Model, prepared: Prepared, target: float) -> Model:
    """Set a champion's threshold as its training would have for another target."""
    days = prepared.days("calibration")
    model.calibrate(prepared.part("calibration"), days=days)
    assert model.benign_alarms is not None  # noqa: S101
    calibrated = Calibrated(
        model.calibrated(),
        model.benign_alarms,
        days,
        prepared.days("train", "calibration", "validation"),
    )
    chosen = by_target(calibrated, Target("false_incidents_per_day", target))
    model.alert_p_value = chosen.alert_p_value
    return model


def figures(traffic: Traffic, found: Found, average: float) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the figures of the days after a training, and the table of campaigns.

    Parameters
    ----------
    average
        How many days of average traffic these were.
    """
    campaigns, incidents = campaigns_in(traffic, found), incidents_in(traffic, found)
    loud, is_true = campaigns[~campaigns["quiet"]], incidents["true"]
    as_meant = incidents["kind"] == incidents["family"].map(MEANT)
    is_high = incidents["severity"].isin(["high", "critical"])
    first = incidents.assign(day=incidents["opened"] // (86_400 * 1_000_000)).sort_values(
        ["level", "unit_p_value"], ascending=[False, True]
    )
    urgent = first.groupby("day").head(MOST_URGENT)["true"]
    return {
        "loud": len(loud), "loud found": float(loud["found"].mean()),
        "quiet found": float(campaigns.loc[campaigns["quiet"], "found"].mean()),
        "families": int(loud.groupby("family")["found"].any().sum()),
        "false a day": float((~is_true).sum() / DAYS),
        "false an average day": float((~is_true).sum() / average),
        "true a day": float(is_true.sum() / DAYS),
        "minutes": float(loud["minutes"].fillna(np.inf).median()),
        "kind as meant": float(as_meant[is_true].mean()),
        "true of high": float(is_true[is_high].mean()),
        "high of true": float(is_high[is_true].mean()),
        "true of urgent": float(urgent.mean()),
        "by family": {
            str(name): [len(group), int(group.sum())]
            for name, group in loud.groupby("family")["found"]
        },
    }, campaigns  # fmt: skip


def of_seed(root: Path, seed: int) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """Return the figures of a seed for each target, and its campaigns at the one trained for."""
    model, made_by = champion(root)
    settings = load_params(root / "params.yaml").source(SOURCE)
    prepared = Prepared(Project(root).prepared(SOURCE))
    traffic = days_after(settings, DAYS)
    own, lines, kept = model.alert_p_value, [], pd.DataFrame()
    calibration, days = prepared.part("calibration"), prepared.days("calibration")
    average = float((traffic.rows[LABEL] == 0).sum()) / (len(calibration) / days)
    for target in TARGETS:
        at_target(model, prepared, target)
        assert target != TARGET or model.alert_p_value == own  # noqa: S101
        found = found_in(traffic, model, made_by)
        line, campaigns = figures(traffic, found, average)
        lines.append({"seed": seed, "detector": model.detector_name, "target": target} | line)
        kept = campaigns.assign(seed=seed) if target == TARGET else kept
    return lines, kept


def by_family(campaigns: pd.DataFrame) -> pd.DataFrame:
    """Return how many campaigns of each family there were and were found."""
    return campaigns.pivot_table(
        index="family", columns="quiet", values=["found", "minutes"],
        aggfunc={"found": ["size", "sum"], "minutes": "median"},
    )  # fmt: skip


def main() -> None:
    """Train what is missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", default="21:26", help="FIRST:BEHIND")
    parser.add_argument("--trials", type=int, help="per detector; left out, as params.yaml says")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--plain", action="store_true", help="train without servers and reports")
    parser.add_argument("--train", action="store_true", help="stop after the trainings")
    parser.add_argument("--out", type=Path, default=RESULT)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")
    chosen.folder.mkdir(parents=True, exist_ok=True)
    lines: list[dict[str, Any]] = []
    tables: list[pd.DataFrame] = []
    for seed in range(*map(int, chosen.seeds.split(":"))):
        root = chosen.folder / str(seed)
        seconds = trained(root, seed, chosen.trials, plain=chosen.plain)
        print(f"seed {seed}: trained in {seconds:.0f} s", flush=True)
        if not chosen.train:
            more, campaigns = of_seed(root, seed)
            lines += [line | {"training s": seconds} for line in more]
            tables.append(campaigns)
    if chosen.train:
        return
    with pd.option_context("display.width", 200, "display.max_columns", 30):
        frame = pd.DataFrame(lines)
        print(frame[frame["target"] == TARGET].drop(columns="by family").round(3).T.to_string())
        print(frame.groupby("target").mean(numeric_only=True).round(3).T.to_string())
        print(by_family(pd.concat(tables)).round(1).to_string())
    content = {"trials": chosen.trials, "plain": chosen.plain, "figures": lines}
    chosen.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
