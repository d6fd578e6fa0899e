"""Test rows that were seen before: counted in whatever pieces they come, and told where many."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from oddwire.params import SplitSettings
from oddwire.params.sources import NslKddSource, TableSource
from oddwire.traffic.sources import read_source
from oddwire.traffic.splitting import shared_rows
from oddwire.traffic.splitting.parts import split_rows
from oddwire.traffic.splitting.shared_rows import SharedRows, count_shared, same_rows


def rows(count, *, seed, repeats=0.0):
    """Benign rows of which a share repeats one of few others, and attacks."""
    rng = np.random.default_rng(seed)
    repeated = rng.random(count) < repeats
    return pd.DataFrame({
        "bytes": np.where(repeated, rng.integers(0, 5, count), rng.normal(size=count)),
        "proto": pd.array(np.where(repeated | (rng.random(count) < 0.5), "tcp", None), "string"),
        "label": pd.array((np.arange(count) % 10 == 0).astype(int), dtype="Int8"),
    })  # fmt: skip


def test_copied_rows_are_counted_and_told_with_their_share():
    before = rows(2000, seed=0)
    test = pd.concat([rows(600, seed=1), before.sample(400, random_state=0)])
    found = count_shared([before], [test])
    assert (found.rows, found.of, found.share) == (400, 1000, 0.4)
    assert found.remarkable
    assert found.sentence.startswith("400 of 1,000 test rows (40 %) also occur before")


@pytest.mark.parametrize("repeats", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("seed", range(5))
def test_honest_repeats_are_not_remarkable(repeats, seed):
    every = rows(4000, seed=seed, repeats=repeats)
    found = count_shared([every[:3000]], [every[3000:]])
    assert found.share == pytest.approx(repeats, abs=0.05)
    assert not found.remarkable


@pytest.mark.parametrize("repeats", [0.0, 0.3, 0.7])
def test_copies_among_honest_repeats_are_remarkable(repeats):
    every = rows(4000, seed=3, repeats=repeats)
    copied = every[:3000].sample(500, random_state=0)
    assert count_shared([every[:3000]], [every[3000:], copied]).remarkable


def test_attacks_that_repeat_one_another_explain_no_shared_benign_rows():
    before, test = rows(2000, seed=0), rows(1000, seed=1)
    attack = before["label"] == 1
    before.loc[attack, ["bytes", "proto"]] = [7.0, "tcp"]  # a flood
    test = pd.concat([test[test["label"] == 0], before[~attack].head(200)])
    found = count_shared([before], [test])
    assert (found.expected, found.rows) == (0.0, 200)
    assert found.remarkable


def test_the_same_rows_in_another_order_and_of_other_types_are_the_same(monkeypatch):
    monkeypatch.setattr(shared_rows, "_CHUNK", 7)
    before = rows(500, seed=0)
    other = before.sample(frac=1, random_state=1)[["label", "proto", "bytes"]]
    other = other.astype({"proto": object, "label": "float64"})
    assert count_shared([before[:13], before[13:]], [other]).rows == 500
    assert same_rows([before[:13], before[13:]], [other])
    assert not same_rows([before], [other.head(499)])
    assert not same_rows([before], [pd.concat([other.head(499), other.head(1)])])


def test_another_label_or_time_is_another_row():
    before = rows(100, seed=0)
    assert count_shared([before], [before.assign(label=1 - before["label"])]).rows == 0
    early, late = pd.Timestamp("2026-01-01", tz="UTC"), pd.Timestamp("2026-01-02", tz="UTC")
    assert count_shared([before.assign(ts=early)], [before.assign(ts=late)]).rows == 0
    assert count_shared([before.assign(ts=early)], [before.assign(ts=early)]).rows == 100


def test_no_rows_and_parts_of_before_it_was_counted_say_nothing():
    nothing = count_shared([rows(10, seed=0)], [rows(0, seed=0)])
    for found in (nothing, SharedRows.from_summary(None)):
        assert (found.share, found.excess, found.remarkable, found.sentence) == (0, 0, False, "")
    kept = SharedRows(3, 10, 0.5)
    assert SharedRows.from_summary(kept.summary()) == kept


PUBLIC = {
    "nsl-kdd": NslKddSource(
        format="nsl-kdd", train="nsl-kdd/KDDTrain+_20Percent.txt", test="nsl-kdd/KDDTest+.txt"
    ),
    "unsw-nb15": TableSource(
        format="table", train="unsw-nb15/UNSW_NB15_sample.csv", label="label",
        attack="attack_cat", drop=("id",),
    ),
    "cicids2017": TableSource(
        format="table", train="cicids2017/cicids2017_improved_sample.csv", label="Label",
        benign=("BENIGN",),
        drop=(
            "id", "Flow ID", "Src IP", "Dst IP", "Src Port", "Dst Port", "Timestamp",
            "Attempted Category",
        ),
    ),
}  # fmt: skip


@pytest.mark.data
@pytest.mark.parametrize("name", PUBLIC)
def test_public_data_that_repeat_themselves_are_not_remarkable(name, shared_data):
    read = read_source(PUBLIC[name], root=shared_data)
    shared = 0
    for seed in range(5):
        split = split_rows(read.train, read.test, SplitSettings(), seed=seed, source=name)
        parts = ("train", "calibration", "validation")
        before = [read.train.iloc[split.of(part)] for part in parts]
        test = read.train.iloc[split.of("test")] if read.test is None else read.test
        found = count_shared(before, [test])
        assert not found.remarkable
        shared += found.rows
    assert shared


def test_whose_row_it_was_makes_no_row_another():
    before = pd.DataFrame({"bytes": [1.0, 2.0], "unit": ["a", "b"], "campaign": [None, "x 1"]})
    test = pd.DataFrame({"bytes": [2.0, 3.0], "unit": ["c", "b"], "campaign": ["x 2", None]})
    assert count_shared([before], [test]).rows == 1
