"""Supervised baselines: what labels add, evaluated apart from the detectors."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.detection.supervised_baselines import (
    BALANCES,
    SUPERVISED_BASELINES,
    attack_scores,
    build_baseline,
)
from oddwire.errors import DataError, ParameterError
from oddwire.evaluation.metrics import check_scores
from oddwire.operations.data.prepared import BEFORE_TEST, Prepared
from oddwire.operations.training.baselines import fitting
from oddwire.operations.training.baselines.fitting import evaluate_baselines


@pytest.fixture(scope="module")
def prepared(desk):
    return Prepared(desk.project.prepared("desk"))


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("name", SUPERVISED_BASELINES)
def test_a_baseline_finds_again_what_labels_showed_it(name, balance, make_rows, schema):
    rows = make_rows(seed=1)
    labels = rows["label"].to_numpy(dtype=int)
    baseline = build_baseline(name, schema, balance=balance, seed=0).fit(rows, labels)
    scores = check_scores(attack_scores(baseline, rows))
    assert scores[labels == 1].mean() > scores[labels == 0].mean()


def test_unknown_names_are_refused(schema):
    with pytest.raises(ParameterError, match=r"unknown baseline 'oracle'.*decision_tree"):
        build_baseline("oracle", schema, balance="class_weight", seed=0)
    with pytest.raises(ParameterError, match="balance must be class_weight or oversample"):
        build_baseline("decision_tree", schema, balance="smote", seed=0)


def test_every_baseline_is_evaluated_once_on_the_test_rows(prepared, monkeypatch):
    read, part = [], Prepared.part

    def watched(self, name):
        read.append(name)
        return part(self, name)

    monkeypatch.setattr(Prepared, "part", watched)
    reports = evaluate_baselines(prepared, seed=0, share_of_rows=0.05, minutes=30)
    assert read.count("test") == len(SUPERVISED_BASELINES)
    assert [one.baseline for one in reports] == list(SUPERVISED_BASELINES)
    for one in reports:
        assert one.test.rows == len(prepared.part("test"))
        assert one.balance in BALANCES
        assert one.scores.units.minutes == 30
        share = one.observed.own
        assert share.value == one.test.false_positive_rate
        assert one.intervals.bounds["false_positive_rate"] == (share.low, share.high)
        assert 0 <= one.validation_average_precision <= 1


def test_the_threshold_comes_from_benign_rows_before_the_test(prepared, monkeypatch):
    """Other test labels must not move it."""
    first = evaluate_baselines(prepared, seed=0, share_of_rows=0.05, names=["decision_tree"])[0]
    part = Prepared.part

    def turned(self, name):
        rows = part(self, name)
        return rows.assign(label=1 - rows["label"]) if name == "test" else rows

    monkeypatch.setattr(Prepared, "part", turned)
    second = evaluate_baselines(prepared, seed=0, share_of_rows=0.05, names=["decision_tree"])[0]
    assert second.test.threshold == first.test.threshold
    assert second.test.roc_auc == pytest.approx(1 - first.test.roc_auc)


def test_oversampling_sees_the_fold_alone(prepared, monkeypatch):
    """Each fold's copies come from the rows that it learns from."""
    seen = []
    build = fitting.build_baseline

    def watched(name, schema, *, balance, seed):
        baseline = build(name, schema, balance=balance, seed=seed)
        fit = baseline.fit

        def remember(rows, labels):
            seen.append(len(rows))
            return fit(rows, labels)

        baseline.fit = remember
        return baseline

    monkeypatch.setattr(fitting, "build_baseline", watched)
    evaluate_baselines(prepared, seed=0, share_of_rows=0.05, names=["decision_tree"])
    rows = sum(len(prepared.part(name)) for name in BEFORE_TEST)
    assert max(seen[:-1]) < rows, "a fold learns from fewer rows than there are"
    assert seen[-1] == rows


def test_too_few_attacks_are_named(prepared, monkeypatch):
    part = Prepared.part

    def without_attacks(self, name):
        rows = part(self, name)
        return rows[rows["label"] == 0].reset_index(drop=True)

    monkeypatch.setattr(Prepared, "part", without_attacks)
    with pytest.raises(DataError, match=r"at least 3 attacks.*got 0 and"):
        evaluate_baselines(prepared, seed=0, share_of_rows=0.05)


def test_many_rows_are_sampled_by_class(make_rows, monkeypatch):
    monkeypatch.setattr(fitting, "_MOST_ROWS", 10)
    kept = fitting._labelled(make_rows(seed=2), seed=0)
    assert np.bincount(kept["label"].astype(int)).tolist() == [10, 10]
