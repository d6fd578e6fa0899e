"""Trainings side by side: paired where the test rows are the same, and never where they are not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from oddwire.errors import NoModelError
from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison import records
from oddwire.operations.comparison.training_history import (
    COMPARISON_FILE,
    load_training,
    newest_pair,
)
from oddwire.operations.comparison.trainings import (
    COMPARED,
    TrainingRecord,
    compare_trainings,
    fingerprint_rows,
    verdict,
    why_other_rows,
)
from oddwire.operations.tracking.items import Table, Tags


def frame(count=400, seed=0):
    rng = np.random.default_rng(seed)
    label = (rng.random(count) < 0.3).astype(int)
    return pd.DataFrame({
        "bytes": rng.normal(size=count) + label,
        "proto": rng.choice(["tcp", "udp", None], count),
        "label": pd.array(label, dtype="Int8"),
    })  # fmt: skip


def kept(run, merits, *, test=None, best=None, seed=0):
    """Return a training whose detectors tell attacks apart so well."""
    test = frame() if test is None else test
    labels = test["label"].to_numpy(dtype=float, na_value=np.nan)
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=len(labels))
    nameless = np.full(len(labels), None, dtype=object)
    return TrainingRecord(
        run_id=run,
        name=f"training {run}",
        best=best or next(iter(merits)),
        rows={
            name: {"detector": name, "roc_auc": merit / 10, "f1": None, "threshold": 1.0}
            for name, merit in merits.items()
        },
        scores={
            name: ScoredRows(labels, noise + merit * np.nan_to_num(labels), nameless)
            for name, merit in merits.items()
        },
        fingerprint=fingerprint_rows(test),
    )


def test_a_better_detector_is_shown_to_be_better_and_an_equal_one_is_not():
    earlier = kept("a", {"forest": 1.0, "network": 2.0})
    later = kept("b", {"forest": 3.0, "network": 2.0})
    forest, network = compare_trainings(earlier, later).detectors
    assert (forest.detector, network.detector) == ("forest", "network")
    assert verdict(forest.difference("roc_auc")) == "better"
    assert verdict(network.difference("roc_auc")) == "no difference shown"
    assert network.difference("roc_auc").estimate == 0
    back = compare_trainings(later, earlier).detectors[0]
    assert verdict(back.difference("average_precision")) == "worse"
    assert verdict(None) == "not paired"


def test_a_figure_that_an_earlier_release_did_not_keep_is_measured_by_its_scores():
    earlier, later = kept("a", {"forest": 1.0}), kept("b", {"forest": 3.0})
    later.rows["forest"]["mean_recall"] = 0.875
    (forest,) = compare_trainings(earlier, later).detectors
    difference = forest.difference("mean_recall")
    assert forest.earlier["mean_recall"] == difference.champion > 0
    assert forest.later["mean_recall"] == 0.875, "what was kept stays"
    assert forest.earlier["roc_auc"] == 0.1
    later.fingerprint["rows"] += 1
    assert compare_trainings(earlier, later).detectors[0].earlier["mean_recall"] is None


def test_false_alarms_stand_side_by_side_in_the_units_that_either_knows():
    earlier, later = kept("a", {"forest": 1.0}), kept("b", {"forest": 3.0})
    later.rows["forest"] |= {"false_incidents_per_day": 31.5, "share_of_units": 0.02}
    (forest,) = compare_trainings(earlier, later).detectors
    assert forest.metrics == (*COMPARED, "false_incidents_per_day", "share_of_units")
    assert forest.later["false_incidents_per_day"] == 31.5
    assert forest.difference("share_of_units") is None


def test_campaigns_found_are_compared_where_they_are_known():
    earlier, later = kept("a", {"forest": 1.0}), kept("b", {"forest": 3.0})
    assert compare_trainings(earlier, later).detectors[0].metrics == COMPARED
    found = {"a": 0.4, "b": 0.9}
    for training in (earlier, later):
        rows = training.scores["forest"]
        number = np.arange(len(rows.labels)) // 10
        names = np.where(rows.labels == 1, number.astype(str).astype(object), None)
        training.scores["forest"] = replace(rows, campaign=names)
        training.rows["forest"]["campaign_recall"] = found[training.run_id]
    (forest,) = compare_trainings(earlier, later).detectors
    assert forest.metrics == (*COMPARED, "campaign_recall")
    assert (forest.earlier["campaign_recall"], forest.later["campaign_recall"]) == (0.4, 0.9)
    difference = forest.difference("campaign_recall")
    alerts = [each.scores["forest"].scores >= 1.0 for each in (later, earlier)]
    attack = rows.labels == 1
    by_name = pd.DataFrame(np.column_stack(alerts)[attack]).groupby(names[attack]).any().mean()
    assert difference.estimate == pytest.approx(by_name[0] - by_name[1])
    assert verdict(difference) == "better"
    table = compare_trainings(earlier, later).to_frame()
    assert table["metric"].tolist()[-1] == "campaign_recall"


def test_more_false_alarms_are_worse():
    labels = frame()["label"].to_numpy(dtype=float)
    earlier, later = kept("a", {"forest": 1.0}), kept("b", {"forest": 1.0})
    noisy = np.where(labels == 0, later.scores["forest"].scores + 1, 0.0)
    nameless = np.full(len(labels), None, dtype=object)
    later.scores["forest"] = ScoredRows(labels, noisy, nameless)
    difference = compare_trainings(earlier, later).detectors[0].difference("false_positive_rate")
    assert difference.estimate > 0
    assert verdict(difference) == "worse"


def test_no_threshold_raises_no_alert():
    earlier, later = kept("a", {"forest": 1.0}), kept("b", {"forest": 1.0})
    later.rows["forest"]["threshold"] = None
    forest = compare_trainings(earlier, later).detectors[0]
    assert forest.difference("recall").challenger == 0
    assert forest.difference("precision") is None


def test_the_best_are_compared_where_they_differ():
    earlier = kept("a", {"forest": 1.0, "network": 0.5}, best="forest")
    later = kept("b", {"forest": 1.0, "network": 3.0, "svm": 1.0}, best="network")
    got = compare_trainings(earlier, later)
    best = got.detectors[-1]
    assert best.detector == "best (forest, then network)"
    assert best.earlier["roc_auc"] == 0.1
    assert best.later["roc_auc"] == 0.3
    assert verdict(best.difference("roc_auc")) == "better"
    assert (got.only_earlier, got.only_later) == ((), ("svm",))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: rows.head(300), "400 and 300 test rows"),
        (lambda rows: rows.assign(label=1 - rows["label"]), "labels of their test rows differ"),
        (lambda rows: rows.assign(bytes=rows["bytes"] + 1), "differ in the column 'bytes'"),
        (lambda rows: rows[["label"]], "no column in common"),
    ],
    ids=["count", "labels", "values", "columns"],
)
def test_other_test_rows_are_not_paired(change, words):
    got = compare_trainings(
        kept("a", {"forest": 1}), kept("b", {"forest": 3}, test=change(frame()))
    )
    assert words in got.unpaired
    (forest,) = got.detectors
    assert forest.differences == ()
    assert (forest.earlier["roc_auc"], forest.later["roc_auc"]) == (0.1, 0.3)


def test_rows_are_the_same_with_more_columns_and_other_ones_in_another_order():
    test = frame()
    assert why_other_rows(fingerprint_rows(test), fingerprint_rows(test.assign(extra=1))) == ""
    shuffled = test.sample(frac=1, random_state=0)
    assert why_other_rows(fingerprint_rows(test), fingerprint_rows(shuffled)) != ""
    assert "not kept" in why_other_rows(None, fingerprint_rows(test))


def test_what_was_not_kept_or_is_of_one_class_is_not_paired():
    earlier, later = kept("a", {"forest": 1.0}), kept("b", {"forest": 3.0})
    earlier.scores.clear()
    assert "scores of forest of training a" in compare_trainings(earlier, later).unpaired
    benign = frame().assign(label=pd.array([0] * 400, dtype="Int8"))
    one_class = [kept(run, {"forest": 1.0}, test=benign) for run in "ab"]
    assert "both classes" in compare_trainings(*one_class).unpaired


def test_a_comparison_is_plain_json_and_a_table():
    got = compare_trainings(kept("a", {"forest": 1.0}), kept("b", {"forest": 3.0}))
    plain = json.loads(json.dumps(got.to_dict(), allow_nan=False))
    assert plain["paired"] is True
    assert plain["detectors"][0]["differences"][0]["metric"] == "mean_recall"
    tags, table = records.comparison_items(got)
    assert tags == Tags({"compared_with": "a"})
    assert isinstance(table, Table)
    assert table.frame["metric"].tolist() == list(COMPARED)
    json.dumps(table.frame.to_dict("records"), allow_nan=False)


def test_a_training_reads_back_what_it_kept_and_pairs_with_itself(desk, tmp_path):
    read = load_training(desk.tracking, desk.result.run_id, tmp_path)
    assert read.best == "isolation_forest"
    expected = desk.evaluated.report.scored
    np.testing.assert_array_equal(read.scores["isolation_forest"].scores, expected.scores)
    np.testing.assert_array_equal(read.scores["isolation_forest"].p_values, expected.p_values)
    got = compare_trainings(read, read)
    assert got.unpaired == ""
    assert {each.estimate for each in got.detectors[0].differences} == {0.0}
    assert got.detectors[0].later["roc_auc"] == desk.result.leaderboard[0]["roc_auc"]


@pytest.mark.slow
def test_every_training_keeps_a_table_beside_the_one_before_it(train):
    first, second = train(), train()
    store = second.tracking
    assert not store.has_file(first.result.run_id, COMPARISON_FILE)
    table = store.read_json(second.result.run_id, COMPARISON_FILE)
    assert len(table["data"]) == len(COMPARED)
    assert set(pd.DataFrame(**table)["verdict"]) == {"no difference shown"}
    tags = store.client.get_run(second.result.run_id).data.tags
    assert tags["compared_with"] == first.result.run_id
    runs = first.result.run_id, second.result.run_id
    champion = first.evaluated.searched.run_id
    assert newest_pair(store, "desk", champion) == newest_pair(store, "desk", None) == runs
    third = train().result.run_id
    assert newest_pair(store, "desk", champion) == (runs[0], third)
    assert newest_pair(store, "desk", second.evaluated.searched.run_id) == (runs[1], third)
    assert newest_pair(store, "desk", third) == newest_pair(store, "desk", None) == (runs[1], third)


def test_too_few_trainings_are_told(desk, tracking, tmp_path):
    with pytest.raises(NoModelError, match="there is one: run `oddwire train desk` again"):
        newest_pair(desk.tracking, "desk", None)
    with pytest.raises(NoModelError, match="there is none: run `oddwire train desk` twice"):
        newest_pair(tracking, "desk", None)
    with tracking.run("desk", "empty", kind="training") as run:
        pass
    with pytest.raises(NoModelError, match=r"has lost its leaderboard\.json"):
        load_training(tracking, run, tmp_path)


def test_a_run_that_is_no_finished_training_is_told(tracking):
    with pytest.raises(NoModelError, match="no MLflow run 'abc'"):
        tracking.finished_training("abc")
    with tracking.run("desk", "a study", kind="study") as study:
        pass
    with pytest.raises(NoModelError, match="got the kind 'study'"):
        tracking.finished_training(study)
    running = tracking.begin("desk", "a training", kind="training")
    with pytest.raises(NoModelError, match="status RUNNING"):
        tracking.finished_training(running)
    tracking.end(running)
    assert tracking.finished_training(running).info.run_id == running
