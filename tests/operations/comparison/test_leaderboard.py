"""Which detector won, which is champion, and why: also where the test rows disagree."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison.leaderboard import explain_choice, marked

ROWS = [
    {"detector": "kmeans", "model_version": "3", "f1": 0.5},
    {"detector": "autoencoder", "model_version": "4"},
]


def scored(merit, *, labels=True, rows=2000):
    rng = np.random.default_rng(0)
    attack = np.arange(rows) < rows / 4
    scores = rng.normal(size=rows) + merit * attack
    known = attack.astype(float) if labels else np.full(rows, np.nan)
    return ScoredRows(known, scores, np.where(attack, "scan", None))


def told(on_validation, on_test, *, later=True):
    return explain_choice(
        max(on_validation, key=on_validation.get), on_validation, on_test,
        criterion="mean recall", later=later, seed=0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("champion", "marks"), [(None, [False, False]), ("2", [False, False]), ("4", [False, True])]
)
def test_winner_and_champion_are_marked_and_nothing_else_changes(champion, marks):
    rows = marked(ROWS, winner="kmeans", champion=champion)
    assert [row["is_winner"] for row in rows] == [True, False]
    assert [row["is_champion"] for row in rows] == marks
    assert rows[0]["f1"] == 0.5
    assert "is_winner" not in ROWS[0]


def test_one_detector_alone_is_no_choice():
    assert told({"kmeans": 0.5}, {"kmeans": scored(1)}) == ""


def test_where_nothing_measured_the_detectors_the_order_is_the_reason():
    blind = scored(1, labels=False)
    on_test = {"ensemble": blind, "kmeans": blind}
    text = explain_choice("ensemble", {}, on_test, criterion="", later=True, seed=0)
    assert text == (
        "ensemble was chosen by a fixed order of detectors with their default hyperparameters: "
        "fewer than 10 attacks or no benign rows are labelled before the test, too few to tell "
        "which detectors or hyperparameters are better."
    )
    alone = explain_choice("kmeans", {}, {"kmeans": blind}, criterion="", later=True, seed=0)
    assert alone.startswith("kmeans has its default hyperparameters: fewer than 10 attacks")
    known = explain_choice("kmeans", {}, {"kmeans": scored(1)}, criterion="", later=True, seed=0)
    assert known == alone, "one alone leads nobody"


def test_where_the_test_rows_agree_the_sentence_says_so():
    text = told({"a": 0.8, "b": 0.7}, {"a": scored(3), "b": scored(1)})
    assert text.startswith(
        "a was chosen on validation rows by mean recall: 0.8000; next is b with 0.7000. "
        "On the later test rows it leads (mean recall 0."
    )


def test_a_tie_on_the_test_rows_is_no_lead():
    text = told({"a": 0.8, "b": 0.7}, {"a": scored(2), "b": scored(2)})
    assert "None finds more on the later test rows (mean recall 0." in text
    assert "leads" not in text


def test_where_the_test_rows_disagree_the_lead_has_its_interval_and_the_reason():
    text = told({"a": 0.8, "b": 0.7}, {"a": scored(1), "b": scored(3)}, later=False)
    assert "On the test rows, which choose nothing, b leads by 0." in text
    assert "95 % interval +0." in text
    assert text.endswith(
        "more than chance among these rows explains: those of the validation are unlike them, or "
        "too few to tell."
    )


def test_a_lead_that_may_be_chance_is_called_so():
    same = scored(1)
    nearly = ScoredRows(same.labels, same.scores.copy(), same.attack)
    attacks = np.flatnonzero(same.labels == 1)
    nearly.scores[attacks[:3]] += 0.2
    nearly.scores[attacks[3:5]] -= 0.1
    text = told({"a": 0.8, "b": 0.7}, {"a": same, "b": nearly})
    assert text.endswith("within chance.")


def test_without_labelled_test_rows_nothing_is_said_of_them():
    blind = scored(1, labels=False)
    assert told({"a": 0.8, "b": 0.7}, {"a": blind, "b": blind}).endswith("b with 0.7000.")
