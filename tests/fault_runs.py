"""A training whose servers answer badly, and the one after it: what must hold of both."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest
from bad_connections import CALM, FaultProxy, schedule_of
from small_projects import make_project

from oddwire.detection.search_space import IntRange
from oddwire.errors import OddwireError
from oddwire.project import Project
from oddwire.service_timeout import TIMEOUT_VARIABLE

SOURCE = "desk"
TIMEOUT, CALM_TIMEOUT = 3.0, 30.0
LIMIT = 120.0  # seconds in which a training must have ended, whatever its servers do
PARAMS = {
    "seed": 7,
    "sources": {SOURCE: {"format": "table", "train": "desk.csv", "label": "verdict"}},
    "split": {"train_on": "benign", "calibration": 0.2, "validation": 0.2, "test": 0.25},
    "search": {"trials": 1, "timeout": 60, "detectors": ["isolation_forest"]},
    "promotion": {"resamples": 50, "max_milliseconds_per_row": 100},
}
SMALL_SPACE = {"detector__n_estimators": IntRange(5, 15)}
SMALL_DEFAULTS = {
    "preprocessing__transform": "log_standard",
    "detector__n_estimators": 10,
    "detector__max_samples": 64,
}


@dataclass(frozen=True)
class Ran:
    """What a seed came to.

    Parameters
    ----------
    outcome
        ``finished``, or the one line that the training failed with.
    faults
        How often what happened to MLflow's connections and to Prefect's.
    broken
        What does not hold, a sentence each.
    """

    seed: int
    outcome: str
    seconds: float
    repaired_in: float
    faults: Counter[str] = field(default_factory=Counter)
    broken: tuple[str, ...] = ()


class Bench:
    """A project whose MLflow and Prefect stand behind proxies."""

    def __init__(self, project: Project, mlflow: FaultProxy, prefect: FaultProxy) -> None:
        self.project, self.proxies = project, {"mlflow": mlflow, "prefect": prefect}
        self.fits = 0

    def run(self, seed: int) -> Ran:
        """Train under the faults of a seed, then once more without any."""
        drawn = random.Random(seed)
        self._forget()
        _wait_at_most(TIMEOUT)
        for name, proxy in self.proxies.items():
            proxy.begin(f"{seed} {name}", schedule_of(drawn))
        outcome, seconds, broken = self._train()
        faults = Counter({
            f"{name}: {kind}": count
            for name, proxy in self.proxies.items()
            for kind, count in proxy.counts.items()
        })  # fmt: skip
        for proxy in self.proxies.values():
            proxy.begin(seed, CALM)
        _wait_at_most(CALM_TIMEOUT)
        if seconds > LIMIT:
            broken.append(f"ended after {seconds:.0f} s")
        after, repaired_in, more = self._train()
        broken += more
        if after != "finished":
            broken.append(f"the next training without faults: {after}")
        else:
            broken += self._left_behind(trainings=2 if outcome == "finished" else 1)
        return Ran(seed, outcome, seconds, repaired_in, faults, tuple(broken))

    def _train(self) -> tuple[str, float, list[str]]:
        from flows.training import train
        from oddwire.cli.servers.session import run_flow

        begun = time.monotonic()
        try:
            result = run_flow(
                train, source=SOURCE, trials=1, detectors=["isolation_forest"], promote=True
            )
        except OddwireError as error:
            line = str(error)
            broken = [f"more than one line: {line!r}"] if "\n" in line else []
            return line, time.monotonic() - begun, broken
        except Exception as error:  # noqa: BLE001 - what a person would see as a traceback
            return "traceback", time.monotonic() - begun, [f"{type(error).__name__}: {error}"]
        broken = [] if result.version else ["it came to no version"]
        return "finished", time.monotonic() - begun, broken

    def _forget(self) -> None:
        """Begin each seed with an experiment, a registry and studies of its own."""
        import shutil

        from oddwire.operations.registry.versions import model_name
        from oddwire.operations.tracking.store import Tracking

        for proxy in self.proxies.values():
            proxy.begin("", CALM)
        client = Tracking.connect(self.project).client
        found = client.get_experiment_by_name(SOURCE)
        if found is not None:
            client.rename_experiment(found.experiment_id, f"{SOURCE} {time.time()}")
            for each in client.search_registered_models():
                if each.name == model_name(SOURCE):
                    client.delete_registered_model(each.name)
        shutil.rmtree(self.project.studies, ignore_errors=True)
        shutil.rmtree(self.project.root / "data" / "work", ignore_errors=True)
        self.fits = 0

    def _left_behind(self, *, trainings: int) -> list[str]:
        """Return what does not hold after so many trainings that finished."""
        from oddwire.operations.comparison.training_history import LEADERBOARD_FILE
        from oddwire.operations.registry.versions import Registry
        from oddwire.operations.tracking.store import Tracking

        tracking = Tracking.connect(self.project)
        registry = Registry.of(tracking, self.project)
        broken = []
        rows = tracking.read_json(tracking.newest_training(SOURCE).info.run_id, LEADERBOARD_FILE)
        if [row["detector"] for row in rows] != ["isolation_forest"]:
            broken.append(f"the leaderboard has {len(rows)} rows")
        running = tracking._runs(tracking.experiment(SOURCE), "attributes.status = 'RUNNING'")
        if running:
            broken.append(f"{len(running)} runs are left as running")
        versions = registry._search(SOURCE)
        if len(versions) != 1:
            broken.append(f"{len(versions)} versions of one model")
        for each in versions:
            registry.load(registry.numbered(SOURCE, str(each.version)))
        if registry.number(SOURCE) != str(versions[0].version):
            broken.append("the version is not champion")
        if self.fits > trainings:
            broken.append(f"the model was fitted {self.fits} times")
        from journals import finished_trials

        trials = finished_trials(self.project.studies / f"{SOURCE}.isolation_forest.journal")
        if trials != trainings:
            broken.append(f"{trials} trials where {trainings} were asked for")
        if list((self.project.root / "data" / "work").glob("*/*")):
            broken.append("something is left in data/work")
        return broken


@contextmanager
def bench(folder: Path, prefect_api: str, patch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """Make a project, its MLflow server and proxies before it and before a Prefect server.

    Parameters
    ----------
    prefect_api
        Address of a Prefect server.
    """
    import prefect.context

    import flows.training
    from oddwire.cli.servers import processes
    from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
    from oddwire.operations.training import fitting

    project = make_project(folder / "project", PARAMS)
    with ExitStack() as stack:
        port = processes.free_port()
        server = processes.start_mlflow(project, port, f"sqlite:///{folder / 'mlflow.db'}")
        stack.callback(server.end)
        server.wait_until(f"http://{processes.HOST}:{port}/health")
        mlflow = stack.enter_context(FaultProxy(port).running())
        there = urlsplit(prefect_api).port
        assert there is not None
        page = stack.enter_context(FaultProxy(there).running())
        patch.setenv("MLFLOW_TRACKING_URI", f"http://{processes.HOST}:{mlflow.port}")
        patch.setenv("PREFECT_API_URL", f"http://{processes.HOST}:{page.port}/api")
        patch.setenv("ODDWIRE_PROJECT", str(project.root))
        for name in (TIMEOUT_VARIABLE, "PREFECT_API_REQUEST_TIMEOUT", "PREFECT_CLIENT_MAX_RETRIES"):
            patch.setenv(name, "0")  # so that the one of before comes back
        _wait_at_most(CALM_TIMEOUT)
        make_rows().to_csv(project.root / "desk.csv", index=False)
        for stage in _stages():
            stage(project, SOURCE)
        # DVC finds nothing to do, and takes seconds for it.
        patch.setattr(flows.training, "prepare", lambda *_, **__: None)
        made = Bench(project, mlflow, page)
        fit = fitting.fit_model

        def counted(*arguments: object) -> object:
            fitted = fit(*arguments)
            made.fits += 1
            return fitted

        patch.setattr(fitting, "fit_model", counted)
        patch.setattr(IsolationForestDetector, "search_space", SMALL_SPACE)
        patch.setattr(IsolationForestDetector, "defaults", SMALL_DEFAULTS)
        yield made
    prefect.context.refresh_global_settings_context()


def _wait_at_most(seconds: float) -> None:
    import prefect.context

    os.environ[TIMEOUT_VARIABLE] = os.environ["PREFECT_API_REQUEST_TIMEOUT"] = str(seconds)
    os.environ["PREFECT_CLIENT_MAX_RETRIES"] = "1"
    prefect.context.refresh_global_settings_context()


def make_rows() -> pd.DataFrame:
    """Return rows with attacks that stand out."""
    drawn = np.random.default_rng(2)
    attack = np.arange(600) % 6 == 0
    return pd.DataFrame({
        "sent": drawn.lognormal(5, 1, 600) * np.where(attack, 500, 1),
        "received": drawn.lognormal(7, 1, 600),
        "service": drawn.choice(["web", "dns", "ssh"], 600),
        "verdict": np.where(attack, "scan", "normal"),
    })  # fmt: skip


def _stages() -> tuple:
    from oddwire.stages.explore import explore
    from oddwire.stages.ingest import ingest
    from oddwire.stages.link import link
    from oddwire.stages.prepare import prepare

    return link, ingest, prepare, explore
