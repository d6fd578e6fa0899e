"""A promotion is a decision with a reason: a better model only, and none that breaks a limit."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oddwire.errors import DataError
from oddwire.operations.registry.promotion import (
    MIN_FAMILY_ROWS,
    Candidate,
    decide,
)
from oddwire.params import PromotionSettings
from oddwire.traffic.splitting.shared_rows import SharedRows

LIMITS = PromotionSettings(
    confidence=0.95,
    resamples=60,
    max_family_loss=0.1,
    max_false_positive_rate=0.1,
    max_milliseconds_per_row=1.0,
    max_megabytes=200,
)


def candidate(merit=2.0, *, name="version 2", rows=1200, seed=0, fpr=0.02, **changes):
    """Score the same rows as all others do, the better the more merit it has."""
    rng = np.random.default_rng(1)
    labels = (rng.random(rows) < 0.2).astype(int)
    families = np.where(labels == 1, rng.choice(["scan", "flood"], rows), None)
    scores = np.random.default_rng(seed).normal(size=rows) + merit * labels
    threshold = float(np.quantile(scores[labels == 0], 1 - fpr))
    made = Candidate(
        name=name,
        labels=labels,
        scores=scores,
        threshold=threshold,
        families=families,
        milliseconds_per_row=0.05,
        megabytes=10.0,
    )
    return replace(made, **changes)


def check(decision, name):
    return next(found for found in decision.checks if found.name == name)


CHAMPION = candidate(name="version 1")


def test_the_first_model_needs_no_champion_to_beat():
    got = decide(candidate(), None, LIMITS, seed=0)
    assert got.promote
    assert got.reason.startswith("Promoted: version 2 is the first model")
    assert "false-positive rate 2." in got.reason
    assert all(found.passed for found in got.checks)


def test_a_better_model_is_promoted_with_its_interval_as_reason():
    got = decide(candidate(4.0), CHAMPION, LIMITS, seed=0)
    assert got.promote
    assert "version 2 is better than version 1" in got.reason
    assert "95 % interval +" in got.reason
    assert check(got, "better").figure > 0


@pytest.mark.parametrize("champion", [None, CHAMPION])
def test_nothing_is_promoted_by_rows_that_it_was_trained_on(champion):
    copied, honest = SharedRows(600, 1200, 0.0), SharedRows(600, 1200, 590.0)
    got = decide(candidate(4.0), champion, LIMITS, seed=0, shared=copied)
    assert not got.promote
    assert "50 % of the test rows also occur before the test part" in got.reason
    assert not check(got, "unseen_test_rows").passed
    assert decide(candidate(4.0), champion, LIMITS, seed=0, shared=honest).promote
    few = decide(candidate(4.0), champion, LIMITS, seed=0, shared=SharedRows(60, 1200, 0.0))
    assert few.promote


def test_a_worse_model_is_not_promoted():
    got = decide(candidate(1.0, fpr=0.09), CHAMPION, LIMITS, seed=0)
    assert not got.promote
    assert "not shown that version 2 is better than version 1" in got.reason


def test_an_equal_model_is_not_promoted():
    got = decide(candidate(2.0, seed=9), replace(CHAMPION, families=None), LIMITS, seed=0)
    assert not got.promote
    better = check(got, "better")
    assert not better.passed
    assert better.figure < 0


@pytest.mark.parametrize(
    ("changes", "broken", "words"),
    [
        ({"scores": np.full(1200, np.nan)}, "finite_scores", "1200 of 1200 scores are not finite"),
        ({"threshold": np.nan}, "finite_scores", "the threshold is not a number"),
        ({"scores": np.full(1200, 3.0)}, "spread_scores", "collapsed"),
        ({"scores": np.zeros(1200)}, "spread_scores", "collapsed"),
        ({"scores": 5 + 1e-8 * np.arange(1200.0) / 1200}, "spread_scores", "collapsed"),
        ({"threshold": -5.0}, "false_positive_rate", "100 % (limit 10 %)"),
        ({"milliseconds_per_row": 1.5}, "milliseconds_per_row", "1.5 milliseconds per row"),
        ({"megabytes": 201.0}, "megabytes", "201 megabytes (limit 200)"),
        ({"megabytes": np.nan}, "megabytes", "limit 200"),
    ],
)
@pytest.mark.parametrize("champion", [None, CHAMPION], ids=["first", "baseline"])
def test_a_model_that_breaks_a_limit_is_never_promoted(changes, broken, words, champion):
    got = decide(candidate(6.0, **changes), champion, LIMITS, seed=0)
    assert not got.promote
    assert not check(got, broken).passed
    assert words in got.reason


def test_scores_that_collapsed_but_for_a_few_rows_have_collapsed():
    scores = np.full(20_000, 1.0)
    scores[:4] = 1e6
    got = decide(candidate(rows=20_000, scores=scores, threshold=2.0), None, LIMITS, seed=0)
    assert not check(got, "spread_scores").passed


def test_no_test_rows_at_all_promote_nothing():
    got = decide(candidate(labels=[], scores=[], families=[]), None, LIMITS, seed=0)
    assert not got.promote


def test_a_limit_that_is_met_exactly_holds():
    got = decide(candidate(megabytes=200.0, milliseconds_per_row=1.0), None, LIMITS, seed=0)
    assert got.promote


def lose(share):
    """Make a far better candidate that misses a share of the scans."""
    made = candidate(8.0)
    scans = np.flatnonzero(made.families == "scan")
    scores = made.scores.copy()
    scores[scans[: round(share * len(scans))]] = -3.0
    return replace(made, scores=scores)


def test_a_family_that_is_lost_blocks_a_model_that_is_better_on_the_whole():
    champion = candidate(1.5, fpr=0.09, name="version 1")
    assert decide(lose(0.0), champion, LIMITS, seed=0).promote
    got = decide(lose(0.6), champion, LIMITS, seed=0)
    assert not got.promote
    assert check(got, "better").passed
    assert "'scan' from" in got.reason
    assert check(got, "family_recall").figure > 0.1


def test_a_hostile_name_of_a_family_makes_no_long_reason():
    """It goes into the ledger, tags, states and logs."""
    hostile = "\x1b[31m" + "x" * 1_000_000
    families = np.where(CHAMPION.labels == 1, hostile, None)
    lost = candidate(0.0, name="version 2", families=families)
    got = decide(lost, replace(CHAMPION, families=families), LIMITS, seed=0)
    assert not got.promote
    assert "largest loss of recall in a family: '\\x1b[31mxxx" in got.reason
    assert len(got.reason) < 500


def test_a_family_of_few_rows_blocks_nothing():
    def with_rare(made, score):
        families, scores = made.families.copy(), made.scores.copy()
        rare = np.flatnonzero(made.labels == 1)[: MIN_FAMILY_ROWS - 1]
        families[rare], scores[rare] = "rare", score
        return replace(made, families=families, scores=scores)

    champion = with_rare(candidate(0.5, fpr=0.09, name="version 1"), 9.0)
    got = decide(with_rare(candidate(8.0), -3.0), champion, LIMITS, seed=0)
    assert got.promote
    assert check(got, "family_recall").passed


def test_a_loss_of_exactly_the_limit_is_allowed():
    # 0.9 - 0.8 is a little over 0.1 in floats.
    labels = np.repeat([0, 1], [100, 100])
    before = np.where(np.arange(200) >= 110, 5.0, 0.0) + np.linspace(0, 0.1, 200)
    after = np.where(np.arange(200) >= 120, 5.0, 0.0) + np.linspace(0, 0.1, 200)
    pair = [
        Candidate(name=name, labels=labels, scores=scores, threshold=4.0)
        for name, scores in (("new", after), ("old", before))
    ]
    assert check(decide(*pair, LIMITS, seed=0), "family_recall").passed


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": 1 - CHAMPION.labels},
        {"labels": pd.Series(CHAMPION.labels).where(np.arange(1200) > 5)},
        {"labels": None},
        {"labels": CHAMPION.labels[:900], "scores": np.arange(900.0), "families": None},
    ],
    ids=["other-labels", "fewer-labels", "no-labels", "fewer-rows"],
)
def test_figures_on_different_rows_do_not_compare(changes):
    got = decide(candidate(6.0), replace(CHAMPION, **changes), LIMITS, seed=0)
    assert not got.promote
    assert not check(got, "same_test_rows").passed
    assert "different rows" in got.reason


@pytest.mark.parametrize("label", [None, 0, 1])
def test_without_labels_of_both_classes_the_champion_stays(label):
    labels = None if label is None else np.full(1200, label)
    first = candidate(3.0, labels=labels, threshold=99.0)
    assert decide(first, None, LIMITS, seed=0).promote
    got = decide(first, replace(CHAMPION, labels=labels, threshold=99.0), LIMITS, seed=0)
    assert not got.promote
    assert "nothing shows that version 2 is better" in got.reason


def test_some_missing_labels_do_not_hinder_a_comparison():
    labels = pd.array(np.where(np.arange(1200) % 4 == 0, None, CHAMPION.labels), dtype="Int8")
    got = decide(candidate(4.0, labels=labels), replace(CHAMPION, labels=labels), LIMITS, seed=0)
    assert got.promote


@pytest.mark.parametrize(
    "changes",
    [
        {"scores": np.full(1200, np.inf)},
        {"scores": np.full(1200, 1.0), "threshold": 0.5},
        {"threshold": float(np.quantile(CHAMPION.scores[CHAMPION.labels == 0], 0.7))},
    ],
    ids=["not-finite", "collapsed", "false-alarms"],
)
def test_a_champion_that_breaks_a_limit_gives_way_to_a_model_that_is_not_worse(changes):
    champion = replace(CHAMPION, **changes)
    # As many true alarms as the champion, so that no family is lost.
    challenger = candidate(2.0, seed=9, fpr=0.09)
    lenient = LIMITS.model_copy(update={"max_family_loss": 0.9})
    got = decide(challenger, champion, lenient, seed=0)
    assert got.promote
    assert "version 1 itself breaks a limit" in got.reason or check(got, "better").passed
    assert not decide(champion, challenger, lenient, seed=0).promote


def test_a_collapsed_champion_gives_way_without_labels_too():
    champion = replace(CHAMPION, scores=np.full(1200, 1.0), labels=None)
    got = decide(candidate(labels=None), champion, LIMITS, seed=0)
    assert got.promote
    assert "version 1 itself breaks a limit on these rows (the scores have collapsed" in got.reason


def test_a_champion_that_breaks_a_limit_does_not_give_way_to_a_worse_model():
    champion = replace(CHAMPION, threshold=float(np.quantile(CHAMPION.scores, 0.6)))
    lenient = LIMITS.model_copy(update={"max_family_loss": 0.99})
    assert not decide(candidate(0.5), champion, lenient, seed=0).promote


def test_the_cost_of_the_champion_is_not_held_against_it():
    slow = replace(CHAMPION, milliseconds_per_row=50.0, megabytes=900.0)
    assert not decide(candidate(2.0, seed=9), slow, LIMITS, seed=0).promote


models = st.builds(
    candidate,
    merit=st.floats(-1, 6),
    rows=st.just(300),
    seed=st.integers(0, 1000),
    fpr=st.floats(0.001, 0.3),
    families=st.sampled_from([None, np.tile(["scan", "flood", "beacon"], 100)]),
    name=st.just("one"),
)


@given(models, st.integers(0, 100))
@settings(max_examples=30, deadline=None)
def test_a_model_is_never_promoted_over_itself(model, seed):
    assert not decide(model, replace(model, name="other"), LIMITS, seed=seed).promote


@given(models, models, st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_of_two_models_never_both_beat_the_other(first, second, seed):
    lenient = LIMITS.model_copy(update={"max_family_loss": 0.99, "confidence": 0.5})
    there = decide(first, second, lenient, seed=seed)
    back = decide(second, first, lenient, seed=seed)
    assert not (there.promote and back.promote)


def test_the_same_input_gives_the_same_decision_and_it_is_fit_for_json():
    pair = candidate(2.2, seed=4), CHAMPION
    got = decide(*pair, LIMITS, seed=3)
    assert got == decide(*pair, LIMITS, seed=3)
    kept = json.loads(json.dumps(got.to_dict(), allow_nan=False))
    assert (kept["promote"], kept["reason"]) == (got.promote, got.reason)
    assert [check["name"] for check in kept["checks"]] == [check.name for check in got.checks]


def test_labels_that_do_not_fit_the_scores_are_an_error():
    with pytest.raises(DataError, match="one label per row"):
        decide(candidate(labels=[0, 1]), None, LIMITS, seed=0)
