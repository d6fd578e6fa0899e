"""``oddwire compare`` against a real store that holds trainings made by hand."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from oddwire.evaluation.scored_rows import ScoredRows
from oddwire.operations.comparison.records import rows_items
from oddwire.operations.comparison.training_history import LEADERBOARD_FILE, SCORES_FILE
from oddwire.operations.comparison.trainings import fingerprint_rows
from oddwire.operations.tracking.items import File, Tags, Text, as_json
from oddwire.operations.tracking.store import Tracking


@pytest.fixture
def keep(stored, tmp_path):
    """Return a function that keeps a training as a finished one keeps itself."""
    tracking = Tracking.connect(stored)

    def kept(merit, *, rows=300):
        rng = np.random.default_rng(0)
        labels = (np.arange(rows) < rows / 3).astype(float)
        scores = rng.normal(size=rows) + merit * labels
        file = tmp_path / "scores.parquet"
        ScoredRows(labels, scores, np.full(rows, None, dtype=object)).save(file)
        test = pd.DataFrame({"bytes": np.arange(rows), "label": labels})
        with tracking.run("simulated", f"merit [b]{merit}", kind="training") as run:
            with tracking.run("simulated", "forest", kind="study", parent=run) as study:
                tracking.log(study, [File(SCORES_FILE, file)])
            row = {
                "detector": "isolation_forest", "run_id": study, "threshold": 1.0,
                "roc_auc": merit / 10, "false_positive_rate": 0.03,
                "intervals": {"roc_auc": {"low": 0.0123, "high": 0.9876}},
            }  # fmt: skip
            tracking.log(run, [
                Text(LEADERBOARD_FILE, as_json([row])),
                Tags({"best_detector": "isolation_forest"}),
                *rows_items(fingerprint_rows(test)),
            ])  # fmt: skip
        return run

    return kept


def make_champion(tracking, training):
    """Register the study of a training as the champion, by MLflow's own means."""
    client, name = tracking.client, "oddwire-simulated"
    study = tracking.children(client.get_run(training))[0].info.run_id
    client.create_registered_model(name)
    tags = {"manifest_sha256": "0", "detector": "isolation_forest"}
    version = client.create_model_version(name, source="nowhere", run_id=study, tags=tags)
    client.set_registered_model_alias(name, "champion", version.version)


def test_without_a_champion_a_source_compares_its_two_newest_trainings(oddwire, keep):
    keep(5.0)
    earlier, later = keep(1.0), keep(3.0)
    ended = oddwire("compare", "simulated")
    assert ended.code == 0, ended.err
    assert re.search(rf"A  merit \[b\]1.0\W+run {earlier}", ended.out)
    assert re.search(rf"B  merit \[b\]3.0\W+run {later}", ended.out), "a name is no markup"
    assert f"{earlier}%22%2C%20%22{later}" in ended.out, "the link shows both in MLflow"
    (roc,) = [line for line in ended.out.splitlines() if "ROC AUC" in line]
    assert "better" in roc
    assert "B - A" in ended.out


def test_a_source_compares_its_newest_training_with_the_champion_s(oddwire, keep, stored):
    champion, _, newest = keep(1.0), keep(2.0), keep(3.0)
    make_champion(Tracking.connect(stored), champion)
    trainings = oddwire("compare", "simulated", "--json").json["trainings"]
    assert [each["run_id"] for each in trainings] == [champion, newest]


def test_the_same_results_are_told_in_a_sentence(oddwire, keep):
    ended = oddwire("compare", keep(2.0), keep(2.0))
    assert "B has the same figures as A to the last digit" in " ".join(ended.out.split())
    assert "ROC AUC" not in ended.out
    assert oddwire("compare", keep(2.0), keep(2.5)).out.count("last digit") == 0


def test_false_alarms_are_shown_in_percent_as_on_the_leaderboard(oddwire, keep):
    out = oddwire("compare", keep(2.0), keep(2.5)).out
    (line,) = [line for line in out.splitlines() if "test FPR" in line]
    assert line.split()[2:6] == ["3", "%", "3", "%"]
    assert "+0 % to +0 %" in line


def test_runs_are_compared_with_the_first_and_json_is_all_that_is_printed(oddwire, keep):
    runs = [keep(2.0), keep(2.0), keep(0.5)]
    ended = oddwire("compare", *runs, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert [each["run_id"] for each in ended.json["trainings"]] == runs
    same, worse = ended.json["comparisons"]
    assert [same["earlier"], same["later"]] == runs[:2]
    assert [worse["earlier"], worse["later"]] == [runs[0], runs[2]]
    assert {each["estimate"] for each in same["detectors"][0]["differences"]} == {0.0}
    found = {each["metric"]: each for each in worse["detectors"][0]["differences"]}
    assert found["roc_auc"]["high"] < 0
    assert worse["paired"] is True


def test_other_test_rows_are_shown_unpaired_and_said_so(oddwire, keep):
    ended = oddwire("compare", keep(2.0), keep(3.0, rows=200))
    assert ended.code == 0, ended.err
    assert "no paired comparison" in ended.out
    assert "300 and 200 test rows" in " ".join(ended.out.split())
    assert "0.2000 (0.0123 to 0.9876)" in ended.out
    assert "B - A" not in ended.out


def test_an_error_says_what_cannot_be_compared(oddwire, keep):
    assert "there is none" in oddwire("compare", "simulated").error
    run = keep(1.0)
    assert "there is one" in oddwire("compare", "simulated").error
    assert "unknown source" in oddwire("compare", run).error
    assert "different trainings" in oddwire("compare", run, run).error
    assert "no MLflow run 'abc'" in oddwire("compare", run, "abc").error
