"""A training that loses MLflow is shown and kept; the next one tells it, training nothing twice."""

from __future__ import annotations

import shutil

import pytest
from journals import finished_trials

from oddwire.detection.detectors.isolation_forest.detector import IsolationForestDetector
from oddwire.errors import ServiceError
from oddwire.operations.registry.versions import Registry
from oddwire.operations.tracking.store import Tracking
from oddwire.operations.training import (
    finishing,
    fitting,
    opening,
    registering,
    searching,
)
from oddwire.operations.training.evaluating import choose_best
from oddwire.operations.training.outages import fitted_models
from oddwire.operations.training.outages.unrecorded import (
    UnrecordedError,
    recorded_if_back,
    recorded_or_kept,
)
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare

MOMENTS = ("search", "fit", "register", "promote", "finish")


@pytest.fixture
def desk(bare, make_rows, small_forest, monkeypatch):
    """A project that can be trained, and how often its model was fitted."""
    make_rows(600, seed=2).to_csv(bare.root / "rows.csv", index=False)
    for stage in (link, ingest, prepare):
        stage(bare, "desk")
    fits = []
    fit = IsolationForestDetector.fit

    def counted(*given, **named):
        fits.append(1)
        return fit(*given, **named)

    monkeypatch.setattr(IsolationForestDetector, "fit", counted)
    return bare, fits


def reconnect():
    """Let MLflow open its database anew, as another process would."""
    from mlflow.store.model_registry import sqlalchemy_store as registry
    from mlflow.store.tracking import sqlalchemy_store as tracking

    for store in (tracking.SqlAlchemyStore, registry.SqlAlchemyStore):
        for engine in store._engine_map.values():
            engine.dispose()


def damage(project):
    (project.mlruns / "mlflow.db").rename(project.mlruns / "kept.db")
    (project.mlruns / "mlflow.db").write_bytes(b"this is no database" * 100)
    reconnect()


def mend(project):
    (project.mlruns / "kept.db").replace(project.mlruns / "mlflow.db")
    reconnect()


def train(project, *, lost_before=""):
    """Take the steps of the training flow; MLflow is lost before one of them."""

    def lose(moment):
        if moment == lost_before:
            damage(project)

    with opening.open_training(project, "desk", trials=2, started_by="a test") as run:
        lose("search")
        searched = searching.search_detector(run, "isolation_forest")
        lose("fit")
        evaluated = [fitting.fit_and_evaluate(run, searched)]
        best = choose_best(evaluated)
        with recorded_or_kept(run, evaluated, best):
            lose("register")
            versions = registering.register_all(run, evaluated, best)
            lose("promote")
            version = versions[best.detector]
            decision = registering.settle_promotion(run, best, version, promote=True)
            lose("finish")
            return finishing.finish_training(run, [searched], evaluated, best, versions, decision)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_lost_training_is_shown_and_the_next_one_tells_it(desk, moment):
    project, fits = desk
    with pytest.raises(UnrecordedError) as raised:
        train(project, lost_before=moment)
    (row,) = raised.value.result.leaderboard
    assert row["is_winner"]
    assert 0 < row["roc_auc"] <= 1
    assert raised.value.result.version == ""
    told = str(raised.value)
    assert "not a database" in told
    assert "; so MLflow was not told of this training" in told
    assert "the same command again" in told
    assert "\n" not in told
    assert len([*fitted_models.waiting(project)]) == 1
    trained = len(fits)
    mend(project)
    result = train(project)
    assert len(fits) == trained, "nothing is trained twice"
    tracking = Tracking.connect(project)
    assert tracking.newest_training("desk").info.run_id == result.run_id
    assert not tracking._runs(tracking.experiment("desk"), "attributes.status = 'RUNNING'")
    registry = Registry.of(tracking, project)
    champion = registry.champion("desk")
    registry.load(champion)
    assert champion.number == result.version == "1"
    assert len(registry._search("desk")) == 1
    assert finished_trials(project.studies / "desk.isolation_forest.journal") == 2
    assert not [*fitted_models.waiting(project)]


def test_a_store_that_is_back_at_the_end_is_told_at_once(desk):
    project, fits = desk
    lost = []

    def once():
        if lost:
            return train(project)
        try:
            return train(project, lost_before="search")
        except UnrecordedError:
            lost.append(len(fits))
            mend(project)
            raise

    assert recorded_if_back(project, once).promoted
    assert len(fits) == lost[0]


def test_a_store_that_stays_away_is_told(desk):
    project, _ = desk
    with pytest.raises(UnrecordedError):
        recorded_if_back(project, lambda: train(project, lost_before="fit"))


def test_without_a_store_no_training_begins(desk):
    project, fits = desk
    damage(project)
    with pytest.raises(ServiceError, match="not a database"):
        train(project)
    assert not fits


def test_a_kept_model_that_was_altered_is_fitted_again(desk):
    project, fits = desk
    with pytest.raises(UnrecordedError):
        train(project, lost_before="register")
    trained = len(fits)
    (facts,) = fitted_models.waiting(project)
    shutil.copy(facts, next(facts.with_suffix("").glob("*.json")))
    mend(project)
    assert train(project).version == "1"
    assert len(fits) == trained + 1
