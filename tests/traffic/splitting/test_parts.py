"""Rows become training, calibration, validation and test."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from oddwire.errors import DataError
from oddwire.params import SplitSettings
from oddwire.traffic.splitting.block_split import STRETCHES
from oddwire.traffic.splitting.parts import LEAST_ROWS, split_rows

PARTS = ("train", "calibration", "validation", "test", "dropped")
START = pd.Timestamp("2026-03-02", tz="UTC")


def rows_of(count, *, timed=True, attack_share=0.1, unknown_share=0.0, seed=0):
    """Make rows of labels, with a number of their own in column ``row``."""
    random = np.random.default_rng(seed)
    labels = pd.array((random.random(count) < attack_share).astype(int), dtype="Int8")
    labels[random.random(count) < unknown_share] = pd.NA
    rows = pd.DataFrame({"row": np.arange(count), "label": labels})
    if timed:
        rows["ts"] = START + pd.to_timedelta(np.sort(random.random(count)) * 10, unit="D")
    return rows


def split(rows, official=None, *, seed=1, **options):
    """Split rows, and take the rows of each part."""
    found = split_rows(rows, official, SplitSettings(**options), seed=seed, source="office")
    frames = {part: rows.iloc[found.of(part)].reset_index(drop=True) for part in PARTS}
    if official is not None:
        assert frames["test"].empty
        frames["test"] = official
    return SimpleNamespace(
        **frames,
        summary=found.summary,
        method=found.method,
        connections_per_day=found.connections_per_day,
    )


class TestEverySplit:
    @settings(deadline=None, max_examples=40)
    @given(
        count=st.integers(400, 900),
        timed=st.booleans(),
        labelled=st.booleans(),
        unknown=st.sampled_from([0.0, 0.3]),
        train_on=st.sampled_from(["benign", "all"]),
        calibration=st.floats(0.15, 0.3),
        validation=st.floats(0.1, 0.3),
        test=st.floats(0.1, 0.3),
        seed=st.integers(0, 5),
    )
    def test_puts_each_row_into_one_part(
        self, count, timed, labelled, unknown, train_on, calibration, validation, test, seed
    ):
        rows = rows_of(count, timed=timed, unknown_share=unknown, seed=seed)
        if not labelled:
            rows = rows.drop(columns="label")
        parts = split(
            rows,
            seed=seed,
            train_on=train_on,
            calibration=calibration,
            validation=validation,
            test=test,
        )
        together = pd.concat([getattr(parts, part) for part in PARTS])
        assert sorted(together["row"]) == list(range(count))
        summary = parts.summary()
        assert sum(summary[part]["rows"] for part in PARTS) == count
        for part in PARTS:
            counts = summary[part]
            assert counts["rows"] == counts["benign"] + counts["attacks"] + counts["unlabelled"]
        if labelled:
            assert set(parts.calibration["label"]) == {0}
            assert parts.validation["label"].notna().all()
        if labelled and train_on == "benign":
            assert set(parts.train["label"]) == {0}

    @pytest.mark.parametrize("timed", [True, False])
    def test_is_the_same_for_the_same_seed_and_another_for_another(self, timed):
        rows = rows_of(2000, timed=timed)
        first, again, other = split(rows), split(rows), split(rows, seed=2)
        for part in PARTS:
            assert_frame_equal(getattr(first, part), getattr(again, part))
        assert first.calibration["row"].tolist() != other.calibration["row"].tolist()

    @pytest.mark.parametrize("timed", [True, False])
    @pytest.mark.parametrize(("calibration", "validation"), [(0.2, 0.2), (0.1, 0.35), (0.05, 0.9)])
    def test_holds_the_shares_to_the_row(self, timed, calibration, validation):
        rows = rows_of(3000, timed=timed, attack_share=0)
        parts = split(rows, calibration=calibration, validation=validation, test=0.2)
        assert len(parts.test) == 600
        assert len(parts.calibration) == round(2400 * calibration)
        assert len(parts.validation) == round(2400 * validation)

    def test_keeps_all_columns_types_and_the_order_of_time(self):
        rows = rows_of(1000)
        for part in PARTS[:-1]:
            frame = getattr(split(rows), part)
            assert frame.dtypes.equals(rows.dtypes)
            assert frame["ts"].is_monotonic_increasing
            assert frame.index.tolist() == list(range(len(frame)))

    def test_can_be_written_as_json(self):
        summary = split(rows_of(1000, unknown_share=0.1)).summary()
        assert json.loads(json.dumps(summary)) == summary
        assert summary["method"] == "time"


class TestTheTestPart:
    def test_is_the_official_file_where_there_is_one(self):
        rows, official = rows_of(500), rows_of(7, seed=9)
        parts = split(rows, official)
        assert parts.method == "official"
        assert_frame_equal(parts.test, official)
        assert sorted(pd.concat([getattr(parts, p) for p in PARTS if p != "test"])["row"]) == list(
            range(500)
        )

    def test_is_the_last_in_time_even_when_rows_are_not_sorted(self):
        rows = rows_of(1000).sample(frac=1, random_state=4)
        parts = split(rows, test=0.25)
        assert parts.method == "time"
        assert sorted(parts.test["row"]) == list(range(750, 1000))

    def test_is_the_last_that_was_known_of_connections_whatever_their_times(self):
        """A log may have a line later than the end of its connection says."""
        rows = rows_of(1000).assign(end=lambda rows: rows["ts"] + pd.Timedelta(hours=1))
        rows.loc[999, ["ts", "end"]] = START
        rows.loc[0, ["ts", "end"]] = START + pd.Timedelta(days=30)
        parts = split(rows, test=0.25)
        assert parts.method == "time"
        assert parts.test["row"].tolist() == list(range(750, 1000))

    def test_never_holds_a_row_of_unknown_time(self):
        rows = rows_of(1000)
        rows.loc[990:, "ts"] = pd.NaT
        parts = split(rows)
        assert parts.test["ts"].notna().all()
        assert sorted(parts.test["row"]) == list(range(740, 990))

    @pytest.mark.parametrize("empty_time", [True, False])
    def test_is_a_share_of_each_label_where_there_is_no_time(self, empty_time):
        rows = rows_of(2000, timed=False, attack_share=0.05)
        if empty_time:
            rows["ts"] = pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]")
        parts = split(rows, test=0.3)
        assert parts.method == "random"
        for label in (0, 1):
            wanted = round(0.3 * (rows["label"] == label).sum())
            assert (parts.test["label"] == label).sum() == wanted
        assert parts.summary()["connections_per_day"] is None


class TestRowsBeforeTheTest:
    def test_attacks_go_to_validation_when_training_is_on_benign_rows(self):
        rows = rows_of(1000)
        parts = split(rows)
        before = rows[~rows["row"].isin(parts.test["row"])]
        in_validation = parts.validation.loc[parts.validation["label"] == 1, "row"]
        assert in_validation.tolist() == before.loc[before["label"] == 1, "row"].tolist()

    def test_all_may_train_and_calibration_stays_benign(self):
        parts = split(rows_of(4000, attack_share=0.3), train_on="all")
        assert set(parts.train["label"]) == {0, 1}
        assert set(parts.calibration["label"]) == {0}
        assert len(parts.dropped) == 0

    def test_of_unknown_label_train_when_all_may_and_are_dropped_otherwise(self):
        rows = rows_of(2000, unknown_share=0.2)
        strict, lax = split(rows), split(rows, train_on="all")
        before = rows["label"].isna().sum() - strict.test["label"].isna().sum()
        assert strict.summary()["dropped"] == {
            "rows": before,
            "benign": 0,
            "attacks": 0,
            "unlabelled": before,
        }
        assert lax.summary()["train"]["unlabelled"] == before

    @pytest.mark.parametrize("train_on", ["benign", "all"])
    @pytest.mark.parametrize("how", ["no column", "all missing"])
    def test_without_any_label_all_take_part(self, train_on, how):
        rows = rows_of(1000)
        rows = rows.drop(columns="label") if how == "no column" else rows.assign(label=pd.NA)
        parts = split(rows, rows_of(50), train_on=train_on)
        assert [len(getattr(parts, part)) for part in PARTS] == [600, 200, 200, 50, 0]

    def test_all_benign_leave_validation_without_attacks(self):
        summary = split(rows_of(1000, attack_share=0), rows_of(50)).summary()
        assert summary["validation"]["attacks"] == 0
        assert summary["validation"]["benign"] == 200


class TestBlocksOfTime:
    def test_keep_neighbours_together(self):
        rows = rows_of(20_000, attack_share=0)
        parts = split(rows, rows_of(50))
        part_of = np.empty(len(rows), dtype=int)
        for number, part in enumerate(PARTS[:3]):
            part_of[getattr(parts, part)["row"]] = number
        changes = int((np.diff(part_of) != 0).sum())
        assert 60 <= changes <= 140

    def test_show_every_part_all_hours_of_the_day(self):
        """In ten days, each part has a share of each quarter of the day not far from its own."""
        rows = rows_of(40_000, attack_share=0)
        parts = split(rows, rows_of(50))
        for part, share in (("train", 0.6), ("calibration", 0.2), ("validation", 0.2)):
            quarter = getattr(parts, part)["ts"].dt.hour // 6
            counts = quarter.value_counts()
            all_counts = (rows["ts"].dt.hour // 6).value_counts()
            assert ((counts / all_counts - share).abs() < 0.6 * share).all()

    def test_cover_the_whole_span_in_each_part_but_for_the_first_quarter_which_trains(self):
        rows = rows_of(20_000, attack_share=0)
        parts = split(rows, rows_of(50))
        for part, days in (("train", 10), ("calibration", 8), ("validation", 8)):
            assert getattr(parts, part)["ts"].dt.floor("D").nunique() == days
        first_quarter = parts.train["ts"] < START + pd.Timedelta(days=2.45)
        assert first_quarter.sum() == (rows["ts"] < START + pd.Timedelta(days=2.45)).sum()

    def test_of_a_small_training_part_half_is_from_the_rest_of_the_time(self):
        rows = rows_of(10_000, attack_share=0)
        parts = split(rows, rows_of(50), calibration=0.4, validation=0.4)
        early = parts.train["ts"] < START + pd.Timedelta(days=1)
        assert early.mean() == pytest.approx(0.5, abs=0.03)
        assert [len(getattr(parts, part)) for part in PARTS[:3]] == [2000, 4000, 4000]


class TestTooMany:
    @pytest.mark.parametrize("timed", [True, False])
    @pytest.mark.parametrize("official", [True, False])
    def test_rows_are_left_out_of_every_part_alike(self, timed, official):
        rows = rows_of(20_000, timed=timed, unknown_share=0.05)
        test = rows_of(5_000, seed=9) if official else None
        every = split_rows(rows, test, SplitSettings(), seed=1, source="office")
        few = split_rows(rows, test, SplitSettings(max_rows=4_000), seed=1, source="office")
        before, after = every.summary(), few.summary()
        share = 4_000 / sum(before[part]["rows"] for part in PARTS[:-1])
        for part in PARTS[:-1]:
            assert after[part]["rows"] == round(share * before[part]["rows"])
            expected = share * before[part]["attacks"]
            assert abs(after[part]["attacks"] - expected) <= 6 * np.sqrt(expected + 1)
            assert set(few.of(part)) <= set(every.of(part))
        assert after["dropped"] == before["dropped"]
        left_out = sum(before[part]["rows"] - after[part]["rows"] for part in PARTS[:-1])
        assert after["left_out"]["rows"] == left_out > 0
        assert after["connections_per_day"] == before["connections_per_day"]
        if official:
            assert few.official.sum() == after["test"]["rows"]

    def test_whole_stretches_of_time_are_kept_from_all_of_it(self):
        rows = rows_of(60_000, attack_share=0)
        places = split_rows(rows, None, SplitSettings(max_rows=12_000), seed=1, source="office").of(
            "test"
        )
        gaps = np.diff(places)
        assert (gaps > 1).sum() <= STRETCHES
        assert np.median(np.diff(np.flatnonzero(gaps > 1))) >= 8, "neighbours stay together"
        assert gaps.max() <= 2 * 15_000 / STRETCHES
        assert (places[0], places[-1]) == pytest.approx((45_000, 60_000), abs=50)

    def test_as_many_as_may_be_are_all_kept(self):
        rows = rows_of(2_000)
        few = split_rows(rows, None, SplitSettings(max_rows=2_000), seed=1, source="office")
        every = split_rows(rows, None, SplitSettings(), seed=1, source="office")
        assert few.numbers.tolist() == every.numbers.tolist()
        assert few.summary()["left_out"] == {"rows": 0}


class TestTooLittle:
    def test_no_benign_row_names_the_source_and_the_rows(self):
        rows = rows_of(300, attack_share=1.1)
        with pytest.raises(DataError, match=r"^source office: at least one benign row .* 225 rows"):
            split(rows)

    @pytest.mark.parametrize("train_on", ["benign", "all"])
    @pytest.mark.parametrize("timed", [True, False])
    def test_a_hundred_benign_rows_are_enough_and_fewer_are_not(self, timed, train_on):
        enough = rows_of(100, timed=timed, attack_share=0)
        parts = split(enough, enough, train_on=train_on)
        assert len(parts.calibration) == LEAST_ROWS["calibration"]
        message = (
            r"^source office: calibration needs at least 20 benign rows"
            r" \(its share is 0\.2: that takes about 100 benign rows before the test part\), got 19"
        )
        with pytest.raises(DataError, match=message):
            split(enough.iloc[:96], enough, train_on=train_on)

    def test_a_small_test_part_says_how_many_rows_it_takes(self):
        message = r"^source office: test needs at least 10 rows .* about 40 rows in all\), got 5"
        with pytest.raises(DataError, match=message):
            split(rows_of(20))

    @pytest.mark.parametrize("count", [0, 1])
    def test_next_to_no_rows_are_an_error_and_no_crash(self, count):
        with pytest.raises(DataError, match=r"^source office: "):
            split(rows_of(count))
        with pytest.raises(DataError, match=r"^source office: "):
            split(rows_of(count), rows_of(50))

    def test_an_empty_test_file_is_an_error(self):
        with pytest.raises(DataError, match=r"^source office: test needs at least 1 rows"):
            split(rows_of(500), rows_of(0))


def test_connections_per_day_counts_rows_over_the_days_they_span():
    rows = rows_of(1001, attack_share=0)
    rows["ts"] = START + pd.to_timedelta(np.linspace(0, 10, 1001), unit="D")
    assert split(rows).connections_per_day == pytest.approx(100.1)
    rows["ts"] = START
    assert split(rows).connections_per_day is None
