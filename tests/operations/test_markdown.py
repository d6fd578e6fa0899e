"""Markdown for the Prefect page: hostile names show as they are, and break no table."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rendered import rendered, shown

from oddwire.operations.drift.page import drift_markdown
from oddwire.operations.drift.result import DriftResult, Subject
from oddwire.operations.drift.verdict import ColumnDrift, DriftCheck
from oddwire.operations.markdown import escaped, escaped_for_mlflow
from oddwire.operations.scoring.page import scoring_markdown
from oddwire.operations.scoring.score_file import ScoredFile
from oddwire.operations.scoring.unusual import UnusualAlert
from oddwire.operations.training.page import leaderboard_markdown
from oddwire.operations.training.results import TrainingResult
from oddwire.traffic.wire_text import printable

HOSTILE = (
    "<script>alert(1)</script> | [click](javascript:alert(1)) `code` **bold** ![x](http://e/x)"
    "\n\n# heading\n| a | b |"
)
ROW = {
    "detector": "isolation_forest", "validation": 0.95, "roc_auc": 0.91234567,
    "average_precision": None, "f1": 0.5, "recall_at_fpr": 1.0, "false_positive_rate": 0.0123,
    "model_version": "3", "criterion": "mean_recall", "mean_recall": 0.4567,
    "recall_at_fpr_0.01": 0.6,
}  # fmt: skip


MARKDOWN_TABLE = "| a | b |\n| --- | --- |\n| {} | |"


def training(**changes):
    given = {
        "source": "desk", "run_id": "abc123", "leaderboard": (ROW,), "version": "3",
        "detector": "isolation_forest", "promoted": True, "reason": "Promoted: better.",
    }  # fmt: skip
    return TrainingResult(**(given | changes))


def drift(columns, *, verdict="No drift.", current="rows.csv", drifted=False):
    check = DriftCheck(
        drifted=drifted, verdict=verdict, columns=tuple(columns), share=0.0, min_share=0.1,
        reference_rows=10, current_rows=10, method="stretches",
    )  # fmt: skip
    subject = Subject(
        source="desk", current=current, kind="file", version="3", detector="isolation_forest",
        file="", start=None, end=None, rows=10, alert_rate=0.01, alert_p_value=0.01,
    )  # fmt: skip
    return DriftResult(subject, "abc123", check, "report.html")


def table(markdown):
    return [line for line in markdown.splitlines() if line.startswith("|")]


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]


def test_a_leaderboard_is_a_table_with_a_row_per_detector():
    other = {**ROW, "detector": "one_class_svm", "model_version": "2", "is_winner": True}
    head, rule, *rows = table(leaderboard_markdown(training(leaderboard=(ROW, other))))
    assert cells(head)[:3] == ["detector", "", "validation mean recall"]
    assert set(cells(rule)) == {"---"}
    assert cells(rows[0]) == [
        "isolation_forest", "", "0.9500", "0.4567", "0.6000", "1.23 %", "undefined", "0.9123", "3",
    ]  # fmt: skip
    assert cells(rows[1])[:2] == ["one_class_svm", "**winner**"]
    assert len(rows) == 2


def test_a_leaderboard_names_version_reason_choice_and_run():
    text = leaderboard_markdown(training(choice="It was chosen.", link="http://x/1"))
    assert text.startswith("## Training on desk\n")
    assert "Version 3: Promoted: better." in " ".join(shown(text).split())
    assert "It was chosen." in shown(text)
    assert text.endswith("[Open the training in MLflow](http://x/1)")


def test_a_leaderboard_shows_the_target_and_what_each_is_good_at():
    row = {
        **ROW, "target": {"false_incidents_per_day": 30.0}, "target_sentence": "24 are kept",
        "false_incidents_per_day": 24.2, "strengths": f"isolation_forest misses most of {HOSTILE}.",
    }  # fmt: skip
    text = leaderboard_markdown(training(leaderboard=(row,)))
    assert "**Target:** 30 false incidents a day." in text
    assert "\n- isolation_forest: 24 are kept" in text
    assert "| 24.2 |" in text
    assert "\n- isolation\\_forest misses most of " in text
    assert "<script" not in rendered(text)
    assert len(table(text)) == 3


def test_a_leaderboard_tells_what_a_threshold_cannot_promise_and_who_is_noisy():
    row = {**ROW, "threshold_notes": ["27 units cannot promise 1 %", f"noisiest: {HOSTILE} 53 %"]}
    text = leaderboard_markdown(training(leaderboard=(row,)))
    assert "**Threshold:**\n\n- isolation_forest: 27 units cannot promise 1 \\%\n" in text
    assert "- isolation_forest: noisiest\\: " in text
    assert "<script" not in rendered(text)
    assert "**Threshold:**" not in leaderboard_markdown(training(leaderboard=(ROW,)))


def test_a_leaderboard_says_which_campaigns_are_found_where_they_are_known():
    found = {
        "campaigns_found": 27, "campaigns": 35, "campaigns_by_chance": 7.7,
        "campaign_recall": 27 / 35, "minutes_to_first_alert": 1.15,
    }  # fmt: skip
    text = leaderboard_markdown(
        training(leaderboard=({**ROW, **found},), cut_campaigns="rows hold 1 of the 35 campaigns")
    )
    assert (
        "- isolation_forest: 27 of 35 campaigns found (7.7 would be by chance), half of all within"
        " 69 s of their first connection" in text
    )
    assert "**Campaigns in two parts:** rows hold 1 of the 35 campaigns." in text
    none = {**ROW, **dict.fromkeys(found)}
    assert "ampaign" not in leaderboard_markdown(training(leaderboard=(none,)))


def test_mlflow_s_page_is_given_entities_instead():
    text = leaderboard_markdown(training(reason=HOSTILE), escaped_for_mlflow)
    assert "&#60;script&#62;" in text
    assert "<script" not in text
    assert "\\" not in text


def test_a_scored_file_shows_counts_and_the_most_unusual_alerts():
    alert = UnusualAlert(7, 0.9, 0.0001, False, (("dst_ip", HOSTILE),), (f"{HOSTILE} (90 %)",))
    scored = ScoredFile(
        out=Path("scored.csv"), rows=1200, alerts=12, alerting_units=5, incidents=4, days=2.0,
        target={"false_incidents_per_day": 3.0}, alert_p_value=0.01, version="3",
        detector="isolation_forest", missing=1, infinite=0, unseen=2, seconds=0.1,
        unusual=(alert,),
    )  # fmt: skip
    text = scoring_markdown("desk", Path("a*b*.csv"), scored)
    assert "a*b*.csv scored as desk" in shown(text)
    for row in (
        "| incidents | 4 |", "| incidents a day | 2 |", "| target | 3 false incidents a day |",
        "| share of rows that alert | 1 % |",
    ):  # fmt: skip
        assert row in text
    assert cells(table(text)[-1])[:2] == ["7", r"about 1 in 10\,000 benign"]
    assert not re.search(r"<(script|a|img|code|strong|em)\b", rendered(text))


def test_a_drift_check_shows_the_verdict_and_the_most_drifted_columns_first():
    moved = [ColumnDrift(f"c{at}", at / 100, 0.05, at >= 5, "numeric") for at in range(20)]
    text = drift_markdown(drift(moved, verdict="Drift: much moved.", drifted=True))
    assert text.startswith("## Drift check of desk: drift\n")
    assert "Drift: much moved." in shown(text)
    assert "champion: version 3" in text
    _, _, *rows = table(text)
    assert len(rows) == 15
    assert cells(rows[0]) == ["c19", "Kolmogorov-Smirnov", "0.1900", "0.0500", "yes"]
    assert cells(rows[-1]) == ["c5", "Kolmogorov-Smirnov", "0.0500", "0.0500", "yes"]
    assert "## Drift check of desk: no drift\n" in drift_markdown(drift(moved))


def _without_ours(page):
    return page.replace("<strong>Version 3:</strong>", "")


@pytest.mark.parametrize("place", ["column", "verdict", "current", "reason"])
def test_hostile_text_is_shown_and_not_obeyed(place):
    columns = [ColumnDrift(HOSTILE if place == "column" else "a", 0.5, 0.1, True, "numeric")]
    if place == "reason":
        text = leaderboard_markdown(training(reason=HOSTILE))
        harmless = leaderboard_markdown(training(reason="plain"))
    else:
        named = {} if place == "column" else {place: HOSTILE}
        text = drift_markdown(drift(columns, **named))
        harmless = drift_markdown(drift([ColumnDrift("a", 0.5, 0.1, True, "numeric")]))
    page = rendered(text)
    assert not re.search(r"<(script|a|img|code|strong)\b", _without_ours(page))
    assert page.count("<h") == rendered(harmless).count("<h")
    assert len(table(text)) == len(table(harmless)), "a line end makes no row of its own"
    assert [len(cells(line)) for line in table(text)] == [
        len(cells(line)) for line in table(harmless)
    ]
    assert "<script>alert(1)</script> | [click]" in shown(text)


@given(st.text() | st.text(alphabet=string.punctuation + "ab1 \n"))
def test_escaped_text_is_shown_as_it_is(text):
    safe, plain = escaped(text), printable(" ".join(text.split()))
    assert "\n" not in safe
    assert shown(f"x{safe}").strip() == f"x{plain}"
    assert shown(MARKDOWN_TABLE.format(f"x{safe}")).split() == ["a", "b", *f"x{plain}".split()]


def test_a_text_without_end_is_cut():
    assert len(escaped("x" * 1_000_000)) < 2000
