"""The steps of a training as plain functions: a real store, real studies, no Prefect, no DVC."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pandas as pd
import pytest

from oddwire.detection.supervised_baselines import SUPERVISED_BASELINES
from oddwire.errors import DataError, NoModelError, ServiceError
from oddwire.operations.progress import watched_by
from oddwire.operations.search.column_selection import split_validation
from oddwire.operations.training import failing, releasing, steps
from oddwire.operations.training.fitting import Prepared
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare


class Steps:
    """Remembers the steps that were begun."""

    def __init__(self):
        self.begun = []

    def begin(self, step, total=None):
        del total
        self.begun.append(step)

    def advance(self, step, note=""):
        pass

    def end(self, step, *, failed=False):
        pass


def runs(desk, kind):
    return desk.tracking._runs(desk.tracking.experiment("desk"), f"tags.kind = '{kind}'")


def test_a_training_leaves_finished_runs_a_champion_and_no_working_files(desk):
    found = desk.tracking.newest_training("desk")
    assert found.info.run_id == desk.result.run_id
    assert found.data.tags["best_detector"] == "isolation_forest"
    assert found.data.params["effective_target_fpr"] == "0.05"
    assert {run.info.status for run in runs(desk, "trial")} == {"FINISHED"}
    assert len(runs(desk, "trial")) == 2
    assert desk.result.promoted
    assert desk.registry.champion("desk").number == desk.result.version
    assert not desk.run.workplace.exists()


def test_the_reference_holds_benign_rows_that_the_model_was_not_fitted_to(desk, tmp_path):
    version = desk.registry.champion("desk")
    file = desk.tracking.download(version.run_id, f"reference/{releasing.REFERENCE_FILE}", tmp_path)
    reference = pd.read_parquet(file)
    assert (reference["label"] == 0).all()
    held_out = pd.concat(
        Prepared(desk.project.prepared("desk")).part(name) for name in ("calibration", "validation")
    )
    assert len(reference) == (held_out["label"] == 0).sum()
    model = desk.registry.load(version)
    assert reference["anomaly_score"].tolist() == model.anomaly_score(reference).tolist()


@pytest.mark.slow
def test_an_equal_model_is_no_champion_and_every_training_begins_new_studies(train):
    first = train()
    second = train()
    assert first.result.promoted
    assert not second.result.promoted
    assert "not shown" in second.result.reason
    assert second.registry.champion("desk").number == first.result.version == "1"
    studies = [run.data.tags["study"] for run in runs(second, "study")]
    assert len(set(studies)) == 2
    assert [run.data.metrics["trials_resumed"] for run in runs(second, "study")] == [0, 0]


@pytest.mark.slow
def test_promotion_can_be_switched_off_and_says_so(train):
    made = train(promote=False)
    assert not made.result.promoted
    assert "switched off" in made.result.reason
    with pytest.raises(NoModelError):
        made.registry.champion("desk")
    assert made.registry.version("desk", "challenger").number == "1"


@pytest.mark.slow
def test_a_champion_of_other_columns_is_no_rival(train, bare):
    train()
    table = (bare.root / "rows.csv").read_text().replace("duration", "seconds")
    (bare.root / "rows.csv").write_text(table)
    again = train()
    assert "seconds" in Prepared(bare.prepared("desk")).schema.columns
    assert again.result.promoted
    assert "version 1 was made for other columns" in again.result.reason


def test_an_error_ends_the_run_as_failed_and_frees_the_lock(desk):
    def fail():
        with steps.open_training(desk.project, "desk", trials=1, started_by="") as run:
            run.workplace.mkdir(parents=True)
            raise ValueError(run.run_id)

    with pytest.raises(ValueError, match=r"^\w{32}$") as raised:
        fail()
    run = desk.tracking.client.get_run(str(raised.value))
    assert run.info.status == "FAILED"
    assert not (desk.project.root / "data" / "work" / run.info.run_id).exists()
    with steps.source_lock(desk.project, "desk"):
        pass
    assert desk.tracking.newest_training("desk").info.run_id == desk.result.run_id


def test_a_second_training_of_a_source_waits_and_one_of_another_does_not(bare):
    watched, order = Steps(), []

    def second():
        with watched_by(watched), steps.source_lock(bare, "desk"):
            order.append("second")

    thread = threading.Thread(target=second)
    with steps.source_lock(bare, "desk"):
        thread.start()
        deadline = time.monotonic() + 10
        while not watched.begun and time.monotonic() < deadline:
            time.sleep(0.01)
        with steps.source_lock(bare, "other"):
            order.append("other")
        order.append("first")
    thread.join(10)
    assert watched.begun == ["waiting for another training of desk"]
    assert order == ["other", "first", "second"]


def test_a_detector_that_fails_is_left_out_and_the_others_go_on(desk):
    steps = Steps()
    with watched_by(steps):
        worked = failing.leave_out_failed(desk.run, ["a", "b"], [DataError("no\nrows"), "found"])
    assert worked == ["found"]
    assert steps.begun == ["a failed and is left out: DataError: no rows"]
    tags = desk.tracking.client.get_run(desk.run.run_id).data.tags
    assert tags["failed.a"] == "DataError: no rows"


def test_what_was_left_out_stands_in_the_result(desk):
    assert desk.result.failed == {}
    failing.leave_out_failed(desk.run, ["c", "d"], [DataError("too few rows"), "found"])
    assert failing.failed_detectors(desk.run)["c"] == "DataError: too few rows"


def test_an_outage_is_no_detector_s_fault(desk):
    with pytest.raises(ServiceError, match="gone"):
        failing.leave_out_failed(desk.run, ["a", "b"], ["found", ServiceError("it is gone")])


def test_an_interrupt_ends_the_studies_before_the_training_ends(desk):
    waits = []

    def wait():
        waits.append(desk.run.stopped.is_set())
        if len(waits) == 1:
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            failing.wait_for_studies(desk.run, wait)
    finally:
        desk.run.stopped.clear()
    assert waits == [False, True]


@pytest.mark.slow
def test_without_a_search_the_best_is_still_the_best_on_validation(bare, make_rows, small_forest):
    make_rows(600, seed=2).to_csv(bare.root / "rows.csv", index=False)
    for stage in (link, ingest, prepare):
        stage(bare, "desk")
    with steps.open_training(bare, "desk", trials=0, started_by="a test") as run:
        names = ["isolation_forest", "one_class_svm", "kmeans"]
        evaluated = [steps.fit_and_evaluate(run, steps.search_detector(run, n)) for n in names]
        values = [one.validation.value for one in evaluated]
        metrics = run.tracking().client.get_run(evaluated[2].searched.run_id).data.metrics
    assert all(0 < value <= 1 for value in values)
    assert steps.choose_best(evaluated).validation.value == max(values)
    assert metrics["validation_family_log_auc"] == values[2]
    assert -1 <= metrics["silhouette"] <= 1
    assert metrics["davies_bouldin"] > 0


def test_where_all_detectors_fail_the_first_error_is_told(desk):
    with pytest.raises(DataError, match="first"):
        failing.leave_out_failed(desk.run, ["a", "b"], [DataError("first"), DataError("second")])


def test_rivals_are_kept_apart_from_the_leaderboard(desk, report):
    told = steps.evaluate_baselines_beside(desk.run, replace(desk.evaluated, report=report))
    assert [sentence.split()[0] for sentence in told] == list(SUPERVISED_BASELINES)
    assert "isolation_forest without them" in told[0]
    assert "families that labels named" in told[0]
    assert "paired on the same test rows" in told[0]
    run = runs(desk, "baselines")[0]
    assert run.data.tags["supervised"] == "yes"
    assert 0 <= run.data.metrics["random_forest_roc_auc"] <= 1
    table = desk.tracking.read_json(run.info.run_id, "baselines.json")
    leads = pd.DataFrame(table["data"], columns=table["columns"]).set_index("baseline")
    assert set(leads["beside"]) == {"isolation_forest"}
    assert (leads["roc_auc_difference_low"] <= leads["roc_auc_difference_high"]).all()
    assert {row["detector"] for row in desk.result.leaderboard} == {"isolation_forest"}


def test_features_are_ranked_only_where_the_search_is_to_select(desk):
    params = desk.run.params
    assert steps.rank_features(desk.project, "desk", params) == ()
    search = params.search.model_copy(update={"feature_selection": "mutual_information"})
    ranked = steps.rank_features(desk.project, "desk", params.model_copy(update={"search": search}))
    assert set(ranked) == set(Prepared(desk.project.prepared("desk")).schema.columns)


def test_trials_are_evaluated_on_validation_rows_that_ranked_no_feature(desk):
    validation = desk.run.prepared.part("validation")
    ranking_rows, evaluation_rows = split_validation(validation, seed=desk.run.params.seed)
    ranked = steps.validation_objective(replace(desk.run, ranking=("src_bytes",))).rows
    assert ranked.index.equals(evaluation_rows.index)
    assert ranked.index.intersection(ranking_rows.index).empty
    assert steps.validation_objective(desk.run).rows.index.equals(validation.index)
