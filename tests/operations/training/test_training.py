"""The steps of a training as plain functions: a real store, real studies, no Prefect, no DVC."""

from __future__ import annotations

import html
import json
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from stubs import RecordedProgress

from oddwire.detection.model import Model
from oddwire.detection.supervised_baselines import SUPERVISED_BASELINES
from oddwire.errors import DataError, NoModelError, ServiceError
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.locks import source_lock
from oddwire.operations.progress import watched_by
from oddwire.operations.registry import reference
from oddwire.operations.search.column_selection import split_validation
from oddwire.operations.training import failing, fitting, opening, registering, searching
from oddwire.operations.training.baselines.evaluating import evaluate_supervised_baselines
from oddwire.operations.training.evaluating import choose_best
from oddwire.params import check_params
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare


def runs(desk, kind):
    return desk.tracking._runs(desk.tracking.experiment("desk"), f"tags.kind = '{kind}'")


def test_a_training_leaves_finished_runs_a_champion_and_no_working_files(desk):
    found = desk.tracking.newest_training("desk")
    assert found.info.run_id == desk.result.run_id
    assert found.data.tags["best_detector"] == "isolation_forest"
    assert found.data.params["alerts.target.share_of_rows"] == "0.05"
    assert found.data.params["search.trials"] == "2"
    assert 10 <= len(found.data.metrics) <= 12
    (study,) = desk.tracking.children(found)
    assert 10 <= len(study.data.metrics) <= 12
    assert {each.dataset.name for each in study.inputs.dataset_inputs} == {"desk", "desk test rows"}
    assert {run.info.status for run in runs(desk, "trial")} == {"FINISHED"}
    assert len(runs(desk, "trial")) == 2
    assert desk.result.promoted
    assert desk.registry.champion("desk").number == desk.result.version
    assert not desk.run.workplace.exists()


def test_runs_are_named_by_what_came_of_them_and_the_result_links_to_its_run(desk):
    found, result = desk.tracking.newest_training("desk"), desk.result
    assert found.info.run_name == result.name
    figure = f"{desk.evaluated.report.yardstick:.2f} mean recall"
    assert result.name.startswith(f"isolation_forest {figure} · v1 promoted · ")
    (study,) = desk.tracking.children(found)
    assert study.info.run_name.startswith(f"isolation_forest {figure} · ")
    assert result.link == desk.tracking.run_link(result.run_id)
    (row,) = result.leaderboard
    assert (row["is_winner"], row["is_champion"], result.champion) == (True, True, "1")
    assert row["mean_recall"] == desk.evaluated.report.yardstick


def test_the_reference_holds_benign_rows_and_scores_of_those_that_the_model_was_not_fitted_to(desk):
    version = desk.registry.champion("desk")
    kept = reference.load(desk.tracking, version)
    assert (kept["label"] == 0).all()
    prepared = Prepared(desk.project.prepared("desk"))
    held_out = pd.concat(prepared.part(name) for name in ("calibration", "validation"))
    scored = kept[kept["anomaly_score"].notna()]
    assert len(scored) == (held_out["label"] == 0).sum()
    assert len(kept) == len(scored) + (prepared.part("train")["label"] == 0).sum()
    model = desk.registry.load(version)
    assert scored["anomaly_score"].tolist() == model.anomaly_score(scored).tolist()


def test_a_large_reference_is_of_all_the_time_and_not_of_the_last_rows(desk, monkeypatch):
    monkeypatch.setattr(reference, "_MOST_ROWS", 100)
    model = desk.registry.load(desk.registry.champion("desk"))
    rows = Prepared(desk.project.prepared("desk")).part("train")
    rows = rows.assign(ts=pd.date_range("2026-01-05", periods=len(rows), freq="min", tz="UTC"))
    kept = reference.reference_rows(model, rows.iloc[::2], rows.iloc[1::2])
    assert len(kept) == 100
    assert kept["ts"].is_monotonic_increasing
    halfway = rows["ts"].iloc[len(rows) // 2]
    assert 30 < (kept["ts"] < halfway).sum() < 70


@pytest.mark.slow
def test_the_same_model_again_is_no_new_version_and_every_training_begins_new_studies(train):
    first = train()
    second = train()
    assert first.result.promoted
    assert not second.result.promoted
    assert second.result.reason == (
        "Kept: same model, to the last bit, as version 1, which is champion"
    )
    assert [row["model_version"] for row in second.result.leaderboard] == ["1"]
    client = second.tracking.client
    assert len(client.search_model_versions("name = 'oddwire-desk'")) == 1
    assert second.registry.champion("desk").number == first.result.version == "1"
    assert second.registry.number("desk", "challenger") is None
    assert client.get_model_version("oddwire-desk", "1").tags["promotion"] == "promoted"
    for run in (second.evaluated.searched.run_id, second.result.run_id):
        assert models_of(second, run) == [("isolation_forest", run, "1")]
    studies = [run.data.tags["study"] for run in runs(second, "study")]
    assert len(set(studies)) == 2
    searches = [
        second.tracking.read_json(run.info.run_id, "search.json") for run in runs(second, "study")
    ]
    assert [search["resumed"] for search in searches] == [0, 0]


def models_of(made, run):
    """Return what the Models column of a run shows."""
    client = made.tracking.client
    ids = [output.model_id for output in client.get_run(run).outputs.model_outputs]
    found = []
    for model in map(client.get_logged_model, ids):
        (version,) = json.loads(model.tags["mlflow.modelVersions"])
        found.append((model.name, model.source_run_id, version["version"]))
    return found


@pytest.mark.slow
def test_promotion_can_be_switched_off_and_the_same_model_promoted_later(train):
    made = train(promote=False)
    assert not made.result.promoted
    assert "switched off" in made.result.reason
    with pytest.raises(NoModelError):
        made.registry.champion("desk")
    assert made.registry.version("desk", "challenger").number == "1"
    again = train()
    assert again.result.promoted
    assert "same model, to the last bit, as version 1 of an earlier training" in again.result.reason
    assert again.registry.champion("desk").number == "1"
    assert again.registry.number("desk", "challenger") is None


def test_a_version_s_page_says_what_it_is_and_how_good(desk):
    found = desk.tracking.client.get_model_version("oddwire-desk", "1")
    metrics = desk.tracking.client.get_run(desk.evaluated.searched.run_id).data.metrics
    rows = len(desk.run.train)
    assert f"Isolation Forest for source desk, trained on {rows} benign rows." in found.description
    assert f"average precision {metrics['average_precision']:.4f}" in found.description
    assert f"/runs/{desk.result.run_id})" in found.description
    assert "**Decision:** Promoted" in found.description
    assert models_of(desk, desk.result.run_id) == [("isolation_forest", desk.result.run_id, "1")]


def test_the_page_of_a_version_that_is_not_the_best_says_which_is(desk):
    best = replace(
        desk.evaluated,
        report=replace(desk.evaluated.report, detector="kmeans"),
        validation=fitting.Validation("average_precision", 0.9),
    )
    text = registering._described(desk.run, desk.evaluated, best)
    assert "Not proposed: on the validation rows kmeans has 0" in html.unescape(text)


def test_rows_are_told_with_their_labels_and_their_period(make_rows):
    rows = make_rows(1200, attacks=0.25)
    assert registering._rows_in_words(rows) == "1,200 rows, 300 of them attacks"
    times = pd.date_range("2026-03-02 10:00", periods=1200, freq="min", tz="UTC")
    benign = rows.assign(label=0, ts=times)
    assert registering._rows_in_words(benign) == (
        "1,200 benign rows, 2026-03-02 10:00 to 2026-03-03 05:59 UTC"
    )
    assert registering._rows_in_words(rows.drop(columns=["label"])) == "1,200 rows"


@pytest.mark.slow
def test_a_champion_of_other_columns_is_not_compared_with(train, bare):
    train()
    table = (bare.root / "rows.csv").read_text().replace("duration", "seconds")
    (bare.root / "rows.csv").write_text(table)
    again = train()
    assert "seconds" in Prepared(bare.prepared("desk")).schema.columns
    assert again.result.promoted
    assert "version 1 was made for other columns" in again.result.reason


def test_a_champion_that_cannot_score_is_not_compared_with(desk, schema, make_rows):
    broken = Model.build(schema, "isolation_forest", seed=0).fit(make_rows(50, attacks=0))
    registry = SimpleNamespace(
        number=desk.registry.number,
        load_champion=lambda source: (desk.registry.version(source), broken),
    )
    champion, reason = registering._champion(desk.run, registry)
    assert champion is None
    assert "version 1 cannot be used: the model must be calibrated" in reason


def test_an_error_ends_the_run_as_failed_and_frees_the_lock(desk):
    def fail():
        with opening.open_training(desk.project, "desk", trials=1, started_by="") as run:
            run.workplace.mkdir(parents=True)
            raise ValueError(run.run_id)

    with pytest.raises(ValueError, match=r"^\w{32}$") as raised:
        fail()
    run = desk.tracking.client.get_run(str(raised.value))
    assert run.info.status == "FAILED"
    assert not (desk.project.root / "data" / "work" / run.info.run_id).exists()
    with source_lock(desk.project, "desk"):
        pass
    assert desk.tracking.newest_training("desk").info.run_id == desk.result.run_id


def test_a_second_training_of_a_source_waits_and_one_of_another_does_not(bare):
    steps, order = RecordedProgress(), []

    def second():
        with watched_by(steps), source_lock(bare, "desk"):
            order.append("second")

    thread = threading.Thread(target=second)
    with source_lock(bare, "desk"):
        thread.start()
        deadline = time.monotonic() + 10
        while not steps.begun and time.monotonic() < deadline:
            time.sleep(0.01)
        with source_lock(bare, "other"):
            order.append("other")
        order.append("first")
    thread.join(10)
    assert steps.begun == ["waiting for another training of desk to end"]
    assert order == ["other", "first", "second"]


def test_a_detector_that_fails_is_left_out_and_the_others_go_on(desk):
    steps = RecordedProgress()
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
            searching.wait_for_studies(desk.run, wait)
    finally:
        desk.run.stopped.clear()
    assert waits == [False, True]


@pytest.mark.slow
def test_without_a_search_the_best_is_still_the_best_on_validation(bare, make_rows, small_forest):
    make_rows(600, seed=2).to_csv(bare.root / "rows.csv", index=False)
    for stage in (link, ingest, prepare):
        stage(bare, "desk")
    with opening.open_training(bare, "desk", trials=0, started_by="a test") as run:
        names = ["isolation_forest", "one_class_svm", "kmeans"]
        evaluated = [
            fitting.fit_and_evaluate(run, searching.search_detector(run, n)) for n in names
        ]
        values = [one.validation.value for one in evaluated]
        metrics = run.tracking().client.get_run(evaluated[2].searched.run_id).data.metrics
    assert all(0 < value <= 1 for value in values)
    assert choose_best(evaluated).validation.value == max(values)
    assert metrics["validation_mean_recall"] == values[2]
    assert -1 <= metrics["silhouette"] <= 1
    assert metrics["davies_bouldin"] > 0


def called(desk, name):
    """Return the desk's detector under another name, measured by nothing."""
    report = replace(desk.evaluated.report, detector=name)
    return replace(desk.evaluated, report=report, validation=None)


def test_where_nothing_measures_detectors_the_ensemble_is_trained_and_chosen(desk, monkeypatch):
    names = ["isolation_forest", "kmeans"]
    assert searching.competing(desk.run, names) == names
    monkeypatch.setattr(searching, "validation_objective", lambda _: None)
    assert searching.competing(desk.run, names) == [*names, "ensemble"]
    assert searching.competing(desk.run, ["kmeans"]) == ["kmeans"]
    evaluated = [called(desk, name) for name in (*names, "ensemble")]
    best = choose_best(evaluated)
    assert best is evaluated[2]
    text = html.unescape(registering._described(desk.run, evaluated[0], best))
    assert "Not proposed: ensemble was chosen by a fixed order of detectors" in text


def test_where_all_detectors_fail_the_first_error_is_told(desk):
    with pytest.raises(DataError, match="first"):
        failing.leave_out_failed(desk.run, ["a", "b"], [DataError("first"), DataError("second")])


def test_supervised_baselines_are_kept_apart_from_the_leaderboard(desk):
    sentences = evaluate_supervised_baselines(desk.run, desk.evaluated)
    assert [sentence.split()[0] for sentence in sentences] == list(SUPERVISED_BASELINES)
    assert "isolation_forest without them" in sentences[0]
    assert "families that labels named" in sentences[0]
    assert "paired on the same test rows" in sentences[0]
    run = runs(desk, "supervised_baselines")[0]
    assert run.data.tags["supervised"] == "yes"
    assert 0 <= run.data.metrics["random_forest_roc_auc"] <= 1
    table = desk.tracking.read_json(run.info.run_id, "supervised_baselines.json")
    leads = pd.DataFrame(table["data"], columns=table["columns"]).set_index("baseline")
    assert set(leads["compared_with"]) == {"isolation_forest"}
    assert (leads["roc_auc_difference_low"] <= leads["roc_auc_difference_high"]).all()
    assert {row["detector"] for row in desk.result.leaderboard} == {"isolation_forest"}


def test_features_are_ranked_only_where_the_search_is_to_select(desk):
    params, prepared = desk.run.params, desk.run.prepared
    assert opening.rank_features(prepared, params) == ()
    search = params.search.model_copy(update={"feature_selection": "mutual_information"})
    ranked = opening.rank_features(prepared, params.model_copy(update={"search": search}))
    assert set(ranked) == set(prepared.schema.columns)


@pytest.mark.parametrize(
    ("labelled", "contamination", "left_out"),
    [(True, 0.05, 0), (False, 0.05, 10), (False, 0.1, 20), (False, 0, 0)],
)
def test_the_most_anomalous_rows_do_not_train_where_nobody_has_called_them_benign(
    tmp_path, schema, make_rows, labelled, contamination, left_out
):
    rows = make_rows(200, attacks=0)
    prepared = prepared_of(tmp_path, schema, rows if labelled else rows.drop(columns="label"))
    train = opening.training_rows(prepared, params_of(contamination))
    assert len(train) == 200 - left_out
    assert train.index.tolist() == list(range(len(train)))


@pytest.mark.parametrize(("train_on", "stay"), [("benign", 15), ("all", 0)])
def test_rows_that_somebody_judged_benign_train_however_anomalous_they_are(
    tmp_path, schema, make_rows, train_on, stay
):
    rows = make_rows(200, attacks=0).drop(columns="label")
    prepared = prepared_of(tmp_path, schema, rows.assign(row=range(200)))
    params = params_of(0.1)
    left_out = set(range(200)) - set(opening.training_rows(prepared, params)["row"])
    judged = sorted(left_out)[:15]
    label = pd.array([0 if at in judged else None for at in range(200)], dtype="Int8")
    prepared = prepared_of(tmp_path, schema, rows.assign(row=range(200), label=label))
    params = params.model_copy(
        update={"split": params.split.model_copy(update={"train_on": train_on})}
    )
    train = opening.training_rows(prepared, params)
    assert len(set(judged) & set(train["row"])) == stay
    assert len(train) == 180 + stay  # and no other row has taken their place


def test_enough_rows_are_left_to_train_on_whatever_is_left_out(tmp_path, schema, make_rows):
    prepared = prepared_of(tmp_path, schema, make_rows(30, attacks=0).drop(columns="label"))
    assert 20 <= len(opening.training_rows(prepared, params_of(0.49))) < 30


def prepared_of(folder, schema, train):
    train.to_parquet(folder / "train.parquet")
    (folder / "split.json").write_text(json.dumps({"schema": schema.to_dict(), "split": {}}))
    return Prepared(folder)


def params_of(contamination):
    return check_params(
        {"sources": {"desk": {"format": "simulated"}}, "training": {"contamination": contamination}}
    )


def test_trials_are_evaluated_on_validation_rows_that_ranked_no_feature(desk):
    validation = desk.run.prepared.part("validation")
    ranking_rows, evaluation_rows = split_validation(validation, seed=desk.run.params.seed)
    ranked = searching.validation_objective(replace(desk.run, ranking=("src_bytes",))).rows
    assert ranked.index.equals(evaluation_rows.index)
    assert ranked.index.intersection(ranking_rows.index).empty
    assert searching.validation_objective(desk.run).rows.index.equals(validation.index)
