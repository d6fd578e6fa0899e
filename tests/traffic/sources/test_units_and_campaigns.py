"""The reserved columns `UNIT` and `CAMPAIGN`, from the settings to the rows of all readers."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from oddwire.errors import DataError, ParameterError
from oddwire.params import check_params
from oddwire.traffic.archive import open_archive, write_rows
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.features.in_batches import FeaturesInBatches
from oddwire.traffic.sources import (
    later_days,
    open_file,
    open_source,
    read_file,
    read_scenario,
    read_source,
)

TABLE = (
    "host,port,src_ip,bytes,verdict,actor,when\n"
    "a,80,10.0.0.1,1,benign,x,1772445600\n"
    "b,80.0,10.0.0.2,2,flood,x,1772445601\n"
    ",443,10.0.0.1,3,scan,,1772445602\n"
    "a,,10.0.0.3,4,-,y,1772445603\n"
)
ZEEK = "#fields\tts\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tduration\n" + "".join(
    f"{1772445600 + at}.5\t10.0.0.{at % 3}\t5000\t10.0.1.1\t{[80, 443][at % 2]}\ttcp\t1.0\n"
    for at in range(12)
)


def source_of(**keys):
    return check_params({"sources": {"lab": keys}}).source("lab")


def table_of(**keys):
    return source_of(format="table", train="train.csv", label="verdict", **keys)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "conn.log").write_text(ZEEK)
    return tmp_path


class TestTheUnitOfATable:
    def test_is_the_text_of_a_column_which_stays_a_feature(self, folder):
        rows = read_source(table_of(unit="host"), root=folder)
        assert rows.train["unit"].tolist() == ["a", "b", None, "a"]
        assert "host" in rows.schema.columns
        assert "unit" not in rows.schema.columns

    def test_may_be_of_columns_that_are_dropped_and_of_identifiers(self, folder):
        rows = read_source(table_of(unit=["src_ip", "port"], drop=["port"]), root=folder)
        assert rows.train["unit"].tolist() == [
            "10.0.0.1,80", "10.0.0.2,80", "10.0.0.1,443", "10.0.0.3,",
        ]  # fmt: skip
        assert not {"port", "src_ip"} & set(rows.schema.columns)

    def test_is_no_column_where_the_source_names_none(self, folder):
        assert "unit" not in read_source(table_of(), root=folder).train

    @pytest.mark.parametrize("rows", [1, 3, None])
    def test_is_there_when_a_file_is_scored_in_batches_of_any_size(self, folder, rows):
        source = table_of(unit=["host", "port"], time="when")
        schema = read_source(source, root=folder).schema
        opened = open_file(source, folder / "train.csv", schema=schema, rows=rows)
        found = pd.concat(opened.frames(), ignore_index=True)
        assert found["unit"].tolist() == ["a,80", "b,80", ",443", "a,"]

    def test_is_missing_where_a_scored_file_lacks_its_column_which_a_train_file_may_not(
        self, folder
    ):
        source = table_of(unit="host", drop=["host"])
        schema = read_source(source, root=folder).schema
        content = pd.read_csv(folder / "train.csv").drop(columns=["host", "verdict"])
        content.to_csv(folder / "new.csv", index=False)
        assert read_file(source, folder / "new.csv", schema=schema).rows["unit"].isna().all()
        with pytest.raises(DataError, match=r"lacks the column 'hosts', .* names under unit; it"):
            read_source(table_of(unit="hosts"), root=folder)

    def test_takes_a_column_called_unit_for_itself_alone(self, folder):
        (folder / "train.csv").write_text(TABLE.replace("host", "unit"))
        with pytest.raises(DataError, match="'unit' is reserved; if it is the unit, say `unit: un"):
            read_source(table_of(), root=folder)
        rows = read_source(table_of(unit="unit"), root=folder)
        assert rows.train["unit"].tolist() == ["a", "b", None, "a"]
        assert "unit" not in rows.schema.columns

    def test_does_not_follow_from_the_label(self):
        with pytest.raises(ParameterError, match=r"other columns than label, .*, got 'verdict'"):
            table_of(unit=["host", "verdict"])


class TestTheCampaignsOfATable:
    def test_are_those_of_its_attacks_and_no_feature(self, folder):
        rows = read_source(table_of(campaign="actor"), root=folder)
        assert rows.train["campaign"].tolist() == [None, "x", None, None]
        assert not {"actor", "campaign"} & set(rows.schema.columns)

    def test_need_a_label(self):
        with pytest.raises(ParameterError, match="campaign needs a label beside it, got 'actor'"):
            source_of(format="table", train="train.csv", campaign="actor")

    def test_need_not_be_in_a_file_that_is_scored(self, folder):
        source = table_of(campaign="actor")
        schema = read_source(source, root=folder).schema
        pd.read_csv(folder / "train.csv").drop(columns="actor").to_csv(folder / "new.csv")
        assert read_file(source, folder / "new.csv", schema=schema).rows["campaign"].isna().all()
        with pytest.raises(DataError, match="lacks the column 'actor'"):
            read_file(source, folder / "new.csv")

    def test_are_no_feature_though_nobody_named_them(self, folder):
        (folder / "train.csv").write_text(TABLE.replace("actor", "campaign"))
        with pytest.raises(DataError, match="'campaign' is reserved; if it is the campaign, say"):
            read_source(table_of(), root=folder)
        rows = read_source(table_of(drop=["campaign"]), root=folder)
        assert "campaign" not in rows.train


class TestTheUnitOfConnections:
    def test_is_no_column_where_the_source_names_none(self, folder):
        source = source_of(format="zeek", files="conn.log")
        assert "unit" not in read_source(source, root=folder).train
        assert "unit" not in read_file(source, folder / "conn.log").rows

    @pytest.mark.parametrize("rows", [1, 5, None])
    def test_is_there_in_archives_files_and_features(self, folder, rows):
        source = source_of(format="zeek", files="conn.log", unit=["src_ip", "dst_port"])
        expected = [f"10.0.0.{at % 3},{[80, 443][at % 2]}" for at in range(12)]
        assert read_source(source, root=folder).train["unit"].tolist() == expected
        opened = open_file(source, folder / "conn.log", rows=rows)
        features = FeaturesInBatches("connections", CONNECTION_FEATURES)
        found = pd.concat(map(features.of, opened.frames()), ignore_index=True)
        assert found["unit"].tolist() == expected
        assert "unit" not in CONNECTION_FEATURES.columns
        write_rows(open_source(source, root=folder), folder)
        archive = open_archive(folder)
        assert archive.read("train")["unit"].tolist() == expected
        assert list(archive.read("train", ["label", "ts"])) == ["ts", "label"]
        assert archive.read("train", until=archive.first)["unit"].tolist() == []

    def test_is_there_in_simulated_days_own_later_and_drifting(self):
        source = source_of(
            format="simulated", days=1, connections_per_day=200, unit=["src_ip", "service"]
        )
        none, day = dt.timedelta(0), dt.timedelta(days=1)
        for rows in (
            read_source(source, root=None).train,
            read_scenario(source, "none", name="lab")[0],
            later_days(source, source.ends, source.ends + day, reach=none),
        ):
            known = rows[rows["service"].notna()]
            assert (known["unit"] == known["src_ip"] + "," + known["service"]).all()


def test_connections_in_a_table_may_name_the_campaigns_of_their_attacks(tmp_path):
    (tmp_path / "a.csv").write_text(
        "ts,src_ip,dst_ip,dst_port,proto,label,actor\n"
        "1772445600,10.0.0.1,10.0.0.2,443,tcp,1,7\n"
        "1772445601,10.0.0.1,10.0.0.2,443,tcp,0,7\n"
        "1772445602,10.0.0.1,10.0.0.2,443,tcp,1,-\n"
    )
    source = source_of(format="connections", files="a.csv", campaign="actor")
    assert read_source(source, root=tmp_path).train["campaign"].tolist() == ["7", None, None]
    own = (tmp_path / "a.csv").read_text().replace("actor", "campaign")
    (tmp_path / "a.csv").write_text(own)
    source = source_of(format="connections", files="a.csv")
    assert read_source(source, root=tmp_path).train["campaign"].tolist() == ["7", None, None]
    (tmp_path / "a.csv").write_text(own.replace("label", "verdict"))  # of unknown label
    assert read_source(source, root=tmp_path).train["campaign"].isna().all()
