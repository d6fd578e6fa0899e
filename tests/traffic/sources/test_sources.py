"""Sources by their format."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from oddwire.errors import DataError, ParameterError
from oddwire.params import SimulatedSource
from oddwire.traffic.connections import CONNECTION_COLUMNS
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources import read_file, read_source, to_features

SOURCE = SimulatedSource(format="simulated", days=1, connections_per_day=300)


@pytest.fixture(scope="module")
def connections(tmp_path_factory):
    return read_source(SOURCE, root=tmp_path_factory.mktemp("root"))


def test_a_simulated_source_gives_connections_that_become_features(connections):
    assert connections.kind == "connections"
    assert connections.test is None
    assert tuple(connections.train) == CONNECTION_COLUMNS
    features = to_features("connections", connections.train, connections.schema)
    assert len(features) == len(connections.train)
    assert set(CONNECTION_FEATURES.columns) <= set(features)


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet"])
def test_connections_written_to_a_file_are_read_back(connections, tmp_path, name):
    file = tmp_path / name
    if name.endswith("parquet"):
        connections.train.to_parquet(file)
    else:
        connections.train.to_csv(file, index=False)
    rows = read_file(SOURCE, file, schema=CONNECTION_FEATURES).rows
    pd.testing.assert_frame_equal(rows, connections.train)


def test_a_file_of_connections_may_have_other_columns_and_lack_optional_ones(tmp_path):
    file = tmp_path / "few.csv"
    file.write_text(
        "ts,src_ip,dst_ip,dst_port,proto,src_bytes,note\n"
        "1772445601.5,10.0.0.1,10.0.0.2,80,tcp,-,a\n"
        "1772445600,10.0.0.1,10.0.0.2,443,tcp,7,b\n"
    )
    read = read_file(SOURCE, file)
    rows = read.rows
    assert rows["dst_port"].tolist() == [443, 80]
    assert read.places.tolist() == [1, 0]
    assert read.raw.frame()["note"].tolist() == ["a", "b"]
    assert rows["src_bytes"].tolist() == [7, pd.NA]
    assert rows["label"].isna().all()
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"few\.csv.* needs the column 'ts', got 'a', 'b'$"):
        read_file(SOURCE, file)
    file.write_text("ts,src_ip\n1,10.0.0.1\n")
    with pytest.raises(DataError, match=r"few\.csv.*dst_ip"):
        read_file(SOURCE, file)


def test_a_table_brings_its_features():
    frame = pd.DataFrame({"a": [1.0]})
    assert to_features("table", frame, FeatureSchema(numeric=("a",))) is frame


def test_features_of_another_version_are_refused(connections):
    with pytest.raises(ParameterError, match="no feature phase_of_moon"):
        to_features("connections", connections.train, FeatureSchema(numeric=("phase_of_moon",)))


def test_looking_for_sources_imports_no_reader():
    code = "import oddwire.traffic.sources, sys; print({'pandas', 'pyarrow'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
