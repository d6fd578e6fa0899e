"""The training flow, against a real Prefect server, a real MLflow store and real DVC stages."""

from __future__ import annotations

import json

import httpx
import numpy as np
import pytest
from prefect_client import prefect_client

from oddwire.operations.registry.versions import CHALLENGER, CHAMPION, Registry
from oddwire.operations.tracking.store import Tracking

pytestmark = pytest.mark.slow
DETECTORS = {"isolation_forest", "one_class_svm", "autoencoder"}


@pytest.fixture(scope="module")
def tracking(trained):
    return Tracking.connect(trained[0])


@pytest.fixture(scope="module")
def training_run(tracking):
    return tracking.newest_training("simulated")


def test_every_detector_gets_a_row_of_finite_figures(trained):
    _, result = trained
    assert {row["detector"] for row in result.leaderboard} == DETECTORS
    for row in result.leaderboard:
        assert 0.5 < row["roc_auc"] <= 1, row
        assert 0 < row["average_precision"] <= 1
        assert 0 <= row["false_positive_rate"] < 0.2
        assert row["rows_per_second"] > 0


def test_the_runs_are_a_training_its_studies_and_their_trials(tracking, training_run):
    studies = tracking.children(training_run)
    assert {run.data.tags["detector"] for run in studies} == DETECTORS
    for study in studies:
        trials = tracking.children(study)
        assert len(trials) == 2
        assert all(trial.data.tags["kind"] == "trial" for trial in trials)
        assert all(trial.info.status == "FINISHED" for trial in trials)


def test_a_trial_keeps_its_parameters_and_its_value(tracking, training_run):
    study = next(
        run
        for run in tracking.children(training_run)
        if run.data.tags["detector"] == "isolation_forest"
    )
    values = []
    for trial in tracking.children(study):
        assert "preprocessing__transform" in trial.data.params
        assert 0 < trial.data.metrics["average_precision"] < 1
        values.append(trial.data.metrics["family_roc_auc"])
    assert study.data.metrics["validation_family_roc_auc"] in values
    assert study.data.tags["choice"]


def test_the_lineage_travels_with_the_training(trained, tracking, training_run):
    project, _ = trained
    tags = training_run.data.tags
    assert len(tags["git_commit"]) == 40
    assert tags["git_tree_clean"] == "yes"
    locked = tracking.read_json(training_run.info.run_id, "lineage/dvc.lock.json")
    assert "prepare@simulated" in locked
    versions = tracking.read_json(training_run.info.run_id, "lineage/versions.json")
    assert versions["scikit-learn"]
    assert training_run.data.params["source.days"] == "3"
    assert training_run.data.params["search.trials"] == "2"
    outputs = locked["prepare@simulated"]["outs"]
    inputs = training_run.inputs.dataset_inputs
    assert {each.dataset.digest for each in inputs} == {outputs[0]["md5"]}
    assert (project.root / "dvc.lock").exists()


def test_pictures_and_reports_are_kept(tracking, training_run):
    study = tracking.children(training_run)[0]
    files = {
        file.path
        for folder in ("plots", "reports")
        for file in tracking.client.list_artifacts(study.info.run_id, folder)
    }
    expected = {
        "roc", "precision_recall", "confusion_test", "confusion_train", "scores",
        "optimisation_history",
    }  # fmt: skip
    assert {f"plots/{name}.png" for name in expected} <= files
    assert {"reports/test.txt", "reports/train.txt"} <= files


def test_the_page_and_the_pictures_of_the_source_stand_at_the_training(
    trained, tracking, training_run
):
    run = training_run.info.run_id
    files = tracking.client.list_artifacts(run, "exploration")
    kept = {file.path: file.file_size for file in files}
    made = trained[0].explored("simulated")
    assert kept == {f"exploration/{file.name}": file.stat().st_size for file in made.iterdir()}
    assert kept["exploration/index.html"] > 0
    pictures = [size for path, size in kept.items() if path.endswith(".png")]
    assert pictures
    assert all(pictures), "no picture is empty"


def test_the_first_model_is_promoted_with_a_reason(trained, tracking):
    project, result = trained
    assert result.promoted
    registry = Registry.of(tracking, project)
    champion = registry.champion("simulated")
    assert champion.number == result.version
    assert registry.version("simulated", CHALLENGER) is None
    tags = tracking.client.get_model_version("oddwire-simulated", champion.number).tags
    assert tags["promotion"] == "promoted"
    assert "first" in tags["promotion_reason"]
    entries = [json.loads(line) for line in registry.ledger.read_text().splitlines()]
    assert [entry["action"] for entry in entries] == ["promoted"]
    assert entries[0]["version"] == champion.number


def test_the_registered_model_gives_the_scores_that_were_evaluated(trained, tracking):
    project, result = trained
    from oddwire.evaluation.metrics import evaluate
    from oddwire.operations.data.prepared import Prepared
    from oddwire.traffic.labels import labels_of

    registry = Registry.of(tracking, project)
    model = registry.load(registry.champion("simulated"))
    test = Prepared(project.prepared("simulated")).part("test")
    scored = model.score(test)
    again = evaluate(
        labels_of(test),
        scored["anomaly_score"].to_numpy(),
        threshold=model.threshold,
        alert_p_value=model.alert_p_value,
    )
    row = next(row for row in result.leaderboard if row["detector"] == result.detector)
    assert again.roc_auc == row["roc_auc"]
    assert again.false_positive_rate == row["false_positive_rate"]
    assert scored["alert"].to_numpy().sum() == again.alerts


def test_the_pyfunc_gives_the_same_scores(trained, tracking, monkeypatch):
    import mlflow

    project, _ = trained
    from oddwire.operations.data.prepared import Prepared

    registry = Registry.of(tracking, project)
    version = registry.champion("simulated")
    model = registry.load(version)
    rows = Prepared(project.prepared("simulated")).part("test").head(20)
    features = rows[list(model.schema.columns)]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.uri)
    loaded = mlflow.pyfunc.load_model(f"models:/oddwire-simulated@{CHAMPION}")
    assert loaded.metadata.signature is not None
    answer = loaded.predict(features)
    np.testing.assert_array_equal(
        answer["anomaly_score"].to_numpy(), model.score(rows)["anomaly_score"].to_numpy()
    )


def test_the_prefect_page_shows_the_run_and_its_leaderboard(trained, prefect_server):
    runs = (
        prefect_client(prefect_server)
        .post("/flow_runs/filter", json={"flows": {"name": {"any_": ["training"]}}})
        .json()
    )
    # Other tests' trainings, some of which are meant to fail, stand on the same page.
    states = [run["state"]["type"] for run in runs if run["parameters"]["trials"] == 2]
    assert states == ["COMPLETED"]
    artifact = httpx.get(f"{prefect_server}/artifacts/leaderboard-simulated/latest").json()
    assert "isolation" in artifact["data"]
