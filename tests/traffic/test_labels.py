"""Labels and families as plain arrays."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from oddwire.traffic.labels import LabelRule, LabelsSeen, attacks_of, labels_of


def test_labels_and_families_that_are_not_there_are_unknown():
    rows = pd.DataFrame({"a": [1.0, 2.0]})
    assert np.isnan(labels_of(rows)).all()
    assert attacks_of(rows).tolist() == [None, None]
    rows["label"] = pd.array([1, None], dtype="Int8")
    rows["attack"] = pd.array(["scan", None], dtype="string")
    assert labels_of(rows)[0] == 1
    assert np.isnan(labels_of(rows)[1])
    assert attacks_of(rows).tolist() == ["scan", None]


NOBODY_JUDGED = [
    "No Label", "no_label", "NoLabel", "NeedManualLabel", "Need Manual Label", "NEEDMANUALLABEL",
    "Background", "flow=Background", "flow=Background-UDP-Established", "flow=To-Background-CVUT",
    "flow=From-Background-Proxy", "background traffic", "", "  ", "-", "--", "\u2013", "(empty)",
    "unknown", "Unknown", "UNKNOWN ", "?", "\\N", "None", "NaN", "NULL", "#N/A", "N/A",
    "flow=TCP-Established-To-Microsoft-7", "flow=Abnormal", "unlabelled", "Un-labeled",
    "not labeled", "unclassified", "TBD",
]  # fmt: skip


@pytest.mark.parametrize("text", NOBODY_JUDGED)
def test_what_nobody_judged_is_unknown_and_no_attack(text):
    rule = LabelRule()
    assert rule.of(text) is None
    assert rule.family(text) is None
    # A log says the same as a table.
    columns = rule.columns(pa.array([text, "benign", "scan", None]))
    assert columns["label"].to_pylist() == [None, 0, 1, None]
    assert columns["attack"].to_pylist() == [None, None, "scan", None]


@pytest.mark.parametrize(
    "text",
    ["DoS Hulk", "Backdoor", "backgroundworm", "nolabelbot", "1", "-1", "2.0", "flow=From-Botnet"],
)
def test_any_other_text_is_an_attack(text):
    assert LabelRule().of(text) == 1


def test_what_the_source_says_comes_first():
    assert LabelRule(benign=("Background",)).of("background") == 0
    assert LabelRule(unknown=("to check",)).of("To Check") is None
    assert LabelRule(unknown=("to check",)).of("No Label") is None  # as always
    assert LabelRule().of("flow=From-Normal-V42-Jist") == 0
    assert LabelRule(benign=("fine",)).of("flow=From-Normal-V42-Jist") == 1


def test_ctu_13_names_the_botnet_behind_a_word_that_is_no_part_of_the_name():
    assert LabelRule().of("flow=To-Malware-V42") == 1
    assert LabelRule().family("flow=From-Botnet-V42-UDP-DNS") == "From-Botnet-V42-UDP-DNS"


def test_a_family_that_nobody_named_is_the_label():
    given = pa.array(["Malicious", "Malicious", "malicious", "Benign", "1"])
    family = pa.array(["C&C", "(empty)", None, "HTTP", "-"])
    columns = LabelRule().columns(given, family)
    assert columns["attack"].to_pylist() == ["C&C", "Malicious", "malicious", None, None]


def test_labels_seen_are_listed_by_what_they_were_taken_for():
    seen = LabelsSeen("verdict", LabelRule())
    seen.add({"BENIGN": 1200, "scan": 80, "flood": 9, "No Label": 3, "x" * 500: 1})
    assert seen.fault() is None
    assert seen.sentence.startswith(
        "labels in 'verdict': benign 'BENIGN' (1,200); attack 'scan' (80), 'flood' (9), 'xxx"
    )
    assert seen.sentence.endswith("(1); unknown 'No Label' (3)")
    assert len(seen.sentence) < 250


def test_of_many_labels_the_most_frequent_are_named():
    seen = LabelsSeen("y", LabelRule())
    for batch in range(3):
        seen.add({f"bot {batch} {n}": 1 for n in range(5000)} | {"benign": 1})
    assert seen.rows == {1: 15_000, 0: 3}
    assert "and others (14,994)" in seen.sentence
