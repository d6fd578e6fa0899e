"""Made once for all tests of operations: a small store, a small model, a small training."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
from oddwire.detection.model import Model
from oddwire.detection.search_space import Choice, IntRange
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.operations.training import finishing, fitting, opening, registering, searching
from oddwire.operations.training.evaluating import choose_best
from oddwire.operations.training.results import EvaluatedDetector, Training, TrainingResult
from oddwire.project import Project
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare
from oddwire.traffic.schema import FeatureSchema

SMALL_SPACE = {
    "preprocessing__transform": Choice(("standard", "log_standard")),
    "detector__n_estimators": IntRange(5, 15),
}
SMALL_DEFAULTS = {
    "preprocessing__transform": "log_standard",
    "detector__n_estimators": 10,
    "detector__max_samples": 64,
}
DESK_PARAMS = {
    "seed": 7,
    "sources": {
        "desk": {
            "format": "table",
            "train": "rows.csv",
            "label": "label",
            "benign": [0],
            "attack": "attack",
        },
        "simulated": {
            "format": "simulated",
            "seed": 7,
            "days": 10,
            "connections_per_day": 2000,
        },
    },
    "split": {"calibration": 0.25, "validation": 0.25, "test": 0.3},
    "search": {"trials": 2, "timeout": 60, "detectors": ["isolation_forest"]},
    "alerts": {"target": {"share_of_rows": 0.05}},
    "promotion": {"resamples": 50, "max_milliseconds_per_row": 100},
    "drift": {"sample_rows": 1000},
}


@dataclass(frozen=True)
class Saved:
    """A fitted model and where it was saved."""

    model: Model
    folder: Path
    digest: str


@dataclass(frozen=True)
class Desk:
    """A project with one training of a small table, and its champion."""

    project: Project
    tracking: Tracking
    registry: Registry
    run: Training
    evaluated: EvaluatedDetector
    result: TrainingResult


@pytest.fixture(scope="session")
def schema():
    return FeatureSchema(("src_bytes", "duration", "dst_packets"), ("proto",))


@pytest.fixture(scope="session")
def make_rows():
    """Return a function that makes a feature frame, the attacks far off in their bytes."""

    def make(count=200, *, seed=0, attacks=0.2):
        rng = np.random.default_rng(seed)
        label = (np.arange(count) < count * attacks).astype(int)
        rng.shuffle(label)
        family = np.where(rng.random(count) < 0.5, "scan", "flood")
        return pd.DataFrame({
            "src_bytes": rng.lognormal(5, 1, count) * np.where(label == 1, 500, 1),
            "duration": rng.exponential(2, count),
            "dst_packets": rng.poisson(8, count).astype(float),
            "proto": np.where(rng.random(count) < 0.7, "tcp", "udp").astype(object),
            "label": pd.array(label, dtype="Int8"),
            "attack": pd.array(np.where(label == 1, family, None), dtype="string"),
        })  # fmt: skip

    return make


@pytest.fixture
def small_forest(monkeypatch):
    """Let searches of the Isolation Forest take a few trees only."""
    monkeypatch.setattr(IsolationForestDetector, "search_space", SMALL_SPACE)
    monkeypatch.setattr(IsolationForestDetector, "defaults", SMALL_DEFAULTS)


@pytest.fixture(scope="session")
def fitted(tmp_path_factory, schema, make_rows):
    """A fitted and calibrated model on disk."""
    folder = tmp_path_factory.mktemp("fitted") / "model"
    model = Model.build(schema, "isolation_forest", SMALL_DEFAULTS, seed=0, alert_p_value=0.05)
    model.fit(make_rows(attacks=0)).calibrate(make_rows(100, seed=1, attacks=0))
    return Saved(model, folder, model.save(folder))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """A fresh MLflow database: making its tables is slow, copying them is not."""
    project = Project(tmp_path_factory.mktemp("store"))
    Tracking.connect(project)
    return project.mlruns / "mlflow.db"


@pytest.fixture
def bare(tmp_path, empty_store):
    """A project with settings and an empty store: no git, no DVC, nothing trained."""
    return make_bare(tmp_path / "bare", empty_store)


@pytest.fixture
def tracking(bare):
    return Tracking.connect(bare)


@pytest.fixture(scope="session")
def desk(tmp_path_factory, empty_store, make_rows):
    """A project trained by plain functions, without Prefect and DVC; tests only read it."""
    project = make_bare(tmp_path_factory.mktemp("desk") / "desk", empty_store)
    make_rows(600, seed=2).to_csv(project.root / "rows.csv", index=False)
    return train_desk(project, "desk")


@pytest.fixture
def report(desk):
    """The report of the desk's detector."""
    return desk.evaluated.report


@pytest.fixture
def train(bare, make_rows):
    """Return a function that trains a project of this test's own, as often as it is called."""
    make_rows(600, seed=2).to_csv(bare.root / "rows.csv", index=False)
    return lambda **options: train_desk(bare, "desk", **options)


@pytest.fixture(scope="session")
def simulated_desk(tmp_path_factory, empty_store):
    """The same of simulated days, as many as a drift check needs to know what is normal."""
    project = make_bare(tmp_path_factory.mktemp("simulated") / "desk", empty_store)
    return train_desk(project, "simulated")


def make_bare(root: Path, store: Path) -> Project:
    project = Project(root)
    project.mlruns.mkdir(parents=True)
    shutil.copy(store, project.mlruns / "mlflow.db")
    project.params_file.write_text(yaml.safe_dump(DESK_PARAMS))
    return project


def train_desk(project: Project, source: str, **options) -> Desk:
    """Take the steps of the training flow, with a small forest."""
    for stage in (link, ingest, prepare):
        stage(project, source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IsolationForestDetector, "search_space", SMALL_SPACE)
        patch.setattr(IsolationForestDetector, "defaults", SMALL_DEFAULTS)
        return _train(project, source, **options)


def _train(project: Project, source: str, *, promote: bool = True) -> Desk:
    with opening.open_training(project, source, trials=2, started_by="a test") as run:
        searched = searching.search_detector(run, "isolation_forest")
        evaluated = [fitting.fit_and_evaluate(run, searched)]
        best = choose_best(evaluated)
        versions = registering.register_all(run, evaluated, best)
        version = versions[best.detector]
        decision = registering.settle_promotion(run, best, version, promote=promote)
        result = finishing.finish_training(run, [searched], evaluated, best, versions, decision)
    tracking = Tracking.connect(project)
    return Desk(project, tracking, Registry.of(tracking, project), run, best, result)
