"""What is said of a detector follows from its figures."""

from __future__ import annotations

import pytest

from oddwire.evaluation.families import evaluate_families
from oddwire.evaluation.strengths import FEW_ROWS, describe_strengths


def families(recalls, *, rows=100, seen=None):
    """Return the figures of a detector that finds such a share of each family."""
    labels, scores, names = [0], [0.0], [None]
    for family, recall in recalls.items():
        found = round(recall * rows)
        labels += [1] * rows
        scores += [1.0] * found + [0.0] * (rows - found)
        names += [family] * rows
    return evaluate_families(labels, scores, names, threshold=0.5, seen=seen)


def test_families_are_found_or_missed_by_recall():
    sentences = describe_strengths({"forest": families({"flood": 1.0, "scan": 0.7, "probe": 0.02})})
    found, missed = "finds nearly all of flood (100 % of 100)", "mostly misses probe (2 % of 100)"
    assert sentences == {"forest": f"forest {found}; {missed}."}


def test_what_validation_did_not_hold_is_marked():
    mine = families({"flood": 1.0, "probe": 0.0}, seen={"flood"})
    sentences = describe_strengths({"forest": mine})["forest"]
    assert "probe (0 % of 100, unseen in validation)" in sentences
    assert "flood (100 % of 100);" in sentences


def test_leads_and_trails_are_named_where_chance_does_not_explain_them():
    sentences = describe_strengths({
        "forest": families({"flood": 0.9, "scan": 0.52, "probe": 0.1}),
        "network": families({"flood": 0.4, "scan": 0.5, "probe": 0.8}),
        "svm": families({"flood": 0.3, "scan": 0.5, "probe": 0.7}),
    })  # fmt: skip
    assert "leads all others on flood (90 % against 40 % of network)" in sentences["forest"]
    assert "trails all others on probe (10 % against 80 % of network)" in sentences["forest"]
    assert "clearly leads all others on no family" in sentences["network"], (
        "80 and 70 % may be chance"
    )
    assert "scan" not in sentences["forest"]


def test_only_the_first_few_are_named_and_the_rest_counted():
    sentences = describe_strengths({"forest": families({f"f{at}": 1.0 for at in range(7)})})
    assert (
        "f0 (100 % of 100), f1 (100 % of 100), f2 (100 % of 100) and 4 more" in sentences["forest"]
    )


def test_tiny_families_are_left_out_unless_there_are_no_others():
    tiny = families({"rare": 0.0}, rows=FEW_ROWS - 1)
    assert "rare (0 % of 19)" in describe_strengths({"forest": tiny})["forest"]
    both = evaluate_families(
        [0] + [1] * (FEW_ROWS + 1), [0.0] + [1.0] * FEW_ROWS + [0.0],
        [None] + ["flood"] * FEW_ROWS + ["rare"], threshold=0.5,
    )  # fmt: skip
    assert "rare" not in describe_strengths({"forest": both})["forest"]


def test_without_attacks_there_is_nothing_to_say():
    none = evaluate_families([0, 0], [1, 2], None, threshold=1)
    assert "nothing is known" in describe_strengths({"forest": none})["forest"]
    assert describe_strengths({}) == {}


@pytest.mark.parametrize("name", ["line\nbreak", "tab\there", "\x1b[31mred", "x" * 500])
def test_a_hostile_name_stays_on_one_short_line(name):
    sentences = describe_strengths({"forest": families({name: 1.0})})["forest"]
    assert sentences.isprintable()
    assert len(sentences) < 200
