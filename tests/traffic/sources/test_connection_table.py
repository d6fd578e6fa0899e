"""Files of connections."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from oddwire.errors import DataError
from oddwire.params import SimulatedSource
from oddwire.traffic.sources import read_file
from oddwire.traffic.sources.connection_table import open_connections
from oddwire.traffic.sources.simulated import simulate

SIMULATED = SimulatedSource(format="simulated", days=1, connections_per_day=300)


@pytest.mark.parametrize("name", ["new.csv", "new.csv.gz", "new.parquet"])
def test_connections_written_to_a_file_are_read_back(tmp_path, name):
    file = tmp_path / name
    connections = simulate(SIMULATED)
    if name.endswith("parquet"):
        connections.to_parquet(file)
    else:
        connections.to_csv(file, index=False)
    pd.testing.assert_frame_equal(read_file(SIMULATED, file).rows, connections)


@pytest.mark.parametrize("kind", [pa.large_string(), pa.string_view(), pa.binary()], ids=str)
def test_text_of_connections_may_be_stored_in_any_way(tmp_path, kind):
    connections = simulate(SIMULATED)
    stored = pa.Table.from_pandas(connections, preserve_index=False)
    for at, field in enumerate(stored.schema):
        if field.type in (pa.string(), pa.large_string()):
            stored = stored.set_column(at, field.name, stored.column(at).cast(kind))
    pq.write_table(stored, tmp_path / "new.parquet")
    pd.testing.assert_frame_equal(read_file(SIMULATED, tmp_path / "new.parquet").rows, connections)


def test_a_file_of_connections_loses_no_row_to_a_quote(tmp_path):
    file = tmp_path / "new.csv"
    rows = [f"{at},10.0.0.1,10.0.0.2,80,{chr(34) * (at in (20, 30))}tcp,7" for at in range(40)]
    file.write_text("\n".join(["ts,src_ip,dst_ip,dst_port,proto,src_bytes", *rows, ""]))
    with pytest.raises(DataError, match=r"new\.csv, line 22, column 'proto': .* holds whole rows"):
        read_file(SIMULATED, file)


def test_a_file_of_connections_may_have_other_columns_and_lack_optional_ones(tmp_path):
    file = tmp_path / "few.csv"
    file.write_text(
        "ts,src_ip,dst_ip,dst_port,proto,src_bytes,note\n"
        "1772445601.5,10.0.0.1,10.0.0.2,80,tcp,-,a\n"
        "1772445600,10.0.0.1,10.0.0.2,443,tcp,7,b\n"
    )
    read = read_file(SIMULATED, file)
    rows = read.rows
    assert rows["dst_port"].tolist() == [443, 80]
    assert read.places.tolist() == [1, 0]
    assert read.raw.frame()["note"].tolist() == ["a", "b"]
    assert rows["src_bytes"].tolist() == [7, pd.NA]
    assert rows["label"].isna().all()
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"few\.csv.* needs the column 'ts', got 'a', 'b'$"):
        read_file(SIMULATED, file)
    file.write_text("ts,src_ip\n1,10.0.0.1\n")
    with pytest.raises(DataError, match=r"few\.csv.*dst_ip"):
        read_file(SIMULATED, file)


@pytest.mark.parametrize("rows", [None, 2])
@pytest.mark.parametrize("given", ["20240610", "20240610131415", "45453.5", "133624512000000000"])
def test_a_number_that_is_no_time_since_1970_is_refused(tmp_path, given, rows):
    file = tmp_path / "new.csv"
    times = ["1772445600", "1772445600", given, "1772445601", "1772445602"]
    lines = [f"{time},10.0.0.1,10.0.0.2,80,tcp" for time in times]
    file.write_text("\n".join(["ts,src_ip,dst_ip,dst_port,proto", *lines, ""]))
    opened = open_connections(file, rows=rows)
    with pytest.raises(DataError, match=rf"line 4, column 'ts': '{given}' is no time since 1970"):
        list(opened.batches())
    file.write_text(file.read_text().replace(given, "soon"))
    opened = open_connections(file, rows=rows)
    with pytest.raises(DataError, match=r"column 'ts': '.*' is no(t a number| time)"):
        list(opened.batches())
