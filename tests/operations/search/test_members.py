"""The members of an ensemble: the default ones, unless validation shows a clear gain."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from oddwire.detection.detectors.ensemble.detector import EnsembleDetector
from oddwire.detection.model import Model
from oddwire.errors import OddwireError
from oddwire.operations.search import members
from oddwire.operations.search.members import agreeing, candidates, improved, run_selection
from oddwire.operations.search.objective import (
    FAMILY_ROC_AUC,
    SYNTHETIC_AND_SHAPE,
    Objective,
    make_objective,
)
from oddwire.operations.search.plans import StudyPlan, StudyResult
from oddwire.operations.search.studies import close_study, run_study
from oddwire.operations.tracking.store import Tracking
from oddwire.operations.training import steps
from oddwire.stages.ingest import ingest
from oddwire.stages.link import link
from oddwire.stages.prepare import prepare

FOREST = {"detector": "isolation_forest", "detector__n_estimators": 10}
SVM = {"detector": "one_class_svm"}
RANKED = {**SVM, "preprocessing__transform": "quantile_uniform"}
BROKEN = {**SVM, "detector__nu": 7.0}


@pytest.fixture(autouse=True)
def small_ensemble(monkeypatch):
    """Let the default membership be quick to fit, and no other detector a candidate."""
    monkeypatch.setattr(EnsembleDetector, "defaults", {members.MEMBERS: [FOREST, SVM, RANKED]})
    known = {"isolation_forest": None, "one_class_svm": None, "ensemble": None}
    monkeypatch.setattr(members, "DETECTORS", known)


def plan(trials=2, **changes):
    return replace(StudyPlan("desk", "ensemble", trials, 60.0, 0, "rows"), **changes)


def study(detector, value, **parameters):
    return StudyResult("s", detector, FAMILY_ROC_AUC, value, parameters, (), 0)


# -- with fits ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rows(make_rows):
    return make_rows(120, attacks=0)


@pytest.fixture(scope="module")
def objective(make_rows, schema):
    return make_objective(make_rows(150, seed=1), schema, seed=0)


@pytest.fixture
def select(rows, objective, schema, tmp_path):
    def run(trials=2, **options):
        asked = options.pop("objective", objective)
        return run_study(plan(trials), rows, asked, schema, folder=tmp_path, **options)

    return run


def test_without_trials_the_default_membership_is_taken(select):
    result = select(0)
    assert result.parameters == {"detector__members": [FOREST, SVM, RANKED]}
    assert (result.value, result.trials) == (None, ())


def test_every_candidate_and_membership_tried_is_a_trial(select):
    heard = []
    result = select(on_trial=heard.append)
    assert tuple(heard) == result.trials
    assert [trial.number for trial in heard] == list(range(len(heard)))
    alone = [trial.parameters["detector__members"] for trial in heard[:3]]
    assert alone == [[FOREST], [SVM], [RANKED]]
    assert heard[3].parameters["detector__members"] == [FOREST, SVM, RANKED]
    assert all(0 <= trial.value <= 1 and trial.seconds >= 0 for trial in heard)
    assert result.criterion == FAMILY_ROC_AUC


def test_what_is_chosen_can_be_built_and_is_worth_what_was_said(select, rows, objective, schema):
    result = select()
    parameters = json.loads(json.dumps(result.parameters))
    model = Model.build(schema, "ensemble", parameters, seed=0).fit(rows)
    assert objective.value(model.anomaly_score(objective.rows)) == pytest.approx(result.value)


def test_what_other_studies_found_is_a_candidate(select):
    found = {"preprocessing__transform": "standard", "detector__nu": 0.2}
    result = select(beside=[study("one_class_svm", 0.9, **found)])
    tried = [trial.parameters["detector__members"] for trial in result.trials]
    assert [{"detector": "one_class_svm", **found}] in tried


def test_a_candidate_that_cannot_be_fitted_is_left_out_and_recorded(select, monkeypatch):
    monkeypatch.setattr(EnsembleDetector, "defaults", {members.MEMBERS: [FOREST, BROKEN, RANKED]})
    result = select()
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert [trial.parameters["detector__members"] for trial in failed] == [[BROKEN]]
    assert "one_class_svm" in failed[0].error
    assert failed[0].value is None
    assert BROKEN not in result.parameters["detector__members"]


def test_where_no_candidate_can_be_fitted_the_reason_is_told(select, monkeypatch):
    monkeypatch.setattr(EnsembleDetector, "defaults", {members.MEMBERS: [BROKEN]})
    known = {"one_class_svm": None}
    monkeypatch.setattr(members, "DETECTORS", known)
    with pytest.raises(OddwireError, match=r"no member could be fitted.*nu"):
        select()


def test_after_the_timeout_no_further_candidate_is_fitted(rows, objective, schema):
    result = run_selection(plan(timeout=0.0), rows, objective, schema)
    assert result.parameters == {"detector__members": [FOREST]}


def test_without_labels_the_members_are_those_that_agree(select, make_rows, schema):
    unlabelled = make_rows(150, seed=1).drop(columns=["label", "attack"])
    result = select(objective=make_objective(unlabelled, schema, seed=0))
    assert result.criterion == SYNTHETIC_AND_SHAPE
    assert result.parameters["detector__members"] == [FOREST, SVM, RANKED]


def test_closing_a_selection_needs_no_study(tmp_path):
    close_study("members", plan(), tmp_path)
    assert list(tmp_path.iterdir()) == []


# -- the choice alone ---------------------------------------------------------------------------

KINDS = np.repeat([-1, 0, 1, 2, 3], [400, 40, 40, 40, 40])


def bench(*surprisal, name=FAMILY_ROC_AUC):
    ready = members._Bench(
        Objective(name, pd.DataFrame(index=range(len(KINDS))), KINDS),
        [{"detector": "one_class_svm", "detector__nu": 0.1 * n} for n in range(len(surprisal))],
    )
    ready.surprisal = dict(enumerate(surprisal))
    return ready


def noisy(strength, seed, kinds=(0, 1, 2, 3)):
    random = np.random.default_rng(seed)
    return strength * np.isin(KINDS, kinds) + random.normal(size=KINDS.size)


def test_members_that_are_worth_the_same_stay_as_they_are():
    ready = bench(*(noisy(1.5, seed) for seed in range(4)))
    assert improved(ready, (1, 1, 1, 1)) == (1, 1, 1, 1)


def test_a_member_that_knows_nothing_is_left_out():
    ready = bench(*(noisy(1.5, seed) for seed in range(4)), 3 * noisy(0, 9))
    assert improved(ready, (1, 1, 1, 1, 1))[4] == 0


def test_a_good_candidate_is_taken_in():
    ready = bench(*(noisy(1, seed) for seed in range(3)), noisy(3, 9))
    assert improved(ready, (1, 1, 1, 0))[3] > 0


@pytest.mark.parametrize(("strength", "noises"), [(0.8, 1), (0.95, 2)])
def test_a_candidate_is_taken_in_for_a_gain_of_twice_its_noise(strength, noises):
    ready = bench(*(noisy(1, seed) for seed in range(3)), noisy(strength, 9))
    without, taken = (1, 1, 1, 0), (1, 1, 1, 1)
    assert members._is_gain(ready, without, taken, noises=noises)
    assert not members._is_gain(ready, without, taken, noises=noises + 1)
    assert improved(ready, without) == (taken if noises == 2 else without)


def test_a_gain_on_one_family_alone_is_no_gain():
    ready = bench(*(noisy(0.8, seed) for seed in range(3)), noisy(5, 9, kinds=(0,)))
    assert ready.value((1, 1, 1, 1)) > ready.value((1, 1, 1, 0))
    assert improved(ready, (1, 1, 1, 0))[3] == 0


def test_three_members_stay_unless_one_is_far_ahead():
    ready = bench(noisy(2.5, 0), noisy(2.4, 1), 0.1 * noisy(0, 2))
    assert sum(weight > 0 for weight in improved(ready, (1, 1, 1))) == 3
    ahead = bench(noisy(9, 0), 5 * noisy(0, 1), 5 * noisy(0, 2))
    assert sum(weight > 0 for weight in improved(ahead, (1, 1, 1))) == 1


def test_members_that_disagree_with_the_others_are_left_out_but_three_stay():
    common = np.random.default_rng(0).normal(size=KINDS.size)
    alike = [common + 0.3 * noisy(0, seed) for seed in range(3)]
    assert agreeing(bench(*alike, noisy(0, 8), -common), (1,) * 5) == (1, 1, 1, 0, 0)
    assert agreeing(bench(*alike), (1, 1, 1)) == (1, 1, 1)
    assert agreeing(bench(*alike, np.zeros(KINDS.size)), (1,) * 4) == (1, 1, 1, 0)


def test_candidates_are_the_default_members_what_was_found_and_the_other_detectors(monkeypatch):
    monkeypatch.setattr(members, "DETECTORS", {"kmeans": None, "one_class_svm": None})
    studies = [
        study("one_class_svm", 0.9, detector__nu=0.1, features__share=0.5),
        study("isolation_forest", None, detector__n_estimators=5),
        study("ensemble", 0.9, detector__members=[SVM]),
    ]
    assert candidates([FOREST], studies) == [
        FOREST, {"detector": "one_class_svm", "detector__nu": 0.1}, {"detector": "kmeans"},
    ]  # fmt: skip


# -- within a training --------------------------------------------------------------------------


def test_a_training_shows_the_selection_as_a_study_with_its_trials(bare, make_rows, small_forest):
    make_rows(600, seed=2).to_csv(bare.root / "rows.csv", index=False)
    for stage in (link, ingest, prepare):
        stage(bare, "desk")
    with steps.open_training(bare, "desk", trials=2, started_by="a test") as run:
        forest = steps.search_detector(run, "isolation_forest")
        ensemble = steps.search_detector(run, "ensemble", [forest])
        evaluated = [steps.fit_and_evaluate(run, one) for one in (forest, ensemble)]
    metrics = Tracking.connect(bare).client.get_run(ensemble.run_id).data.metrics
    assert metrics["trials_complete"] == len(ensemble.study.trials)
    assert metrics[f"validation_{FAMILY_ROC_AUC}"] == pytest.approx(ensemble.study.value)
    tried = [trial.parameters["detector__members"] for trial in ensemble.study.trials]
    assert [{"detector": "isolation_forest", **forest.study.parameters}] in tried
    assert evaluated[1].report.detector == "ensemble"
    assert evaluated[1].report.test.roc_auc > 0.9
