from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from oddwire.errors import DataError
from oddwire.params import TableSource
from oddwire.traffic.sources import open_source

BATCH = 7  # rows: fewer than any of these tables has


@pytest.fixture
def table(tmp_path):
    """Read a table as a whole and in batches, which must give the same, and return it once."""

    def read(content, *, name="train.csv", **keys):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        source = TableSource(format="table", train=name, **keys)
        read = [open_source(source, root=tmp_path, rows=rows) for rows in (None, BATCH)]
        whole, batches = (opened.together() for opened in read)
        assert whole.schema == batches.schema
        assert read[0].remarks == read[1].remarks
        pd.testing.assert_frame_equal(whole.train, batches.train)
        return SimpleNamespace(schema=whole.schema, rows=whole.train, remarks=read[0].remarks)

    return read


@pytest.fixture
def refused(tmp_path):
    """Return the message that refuses a table, the same as a whole and in batches."""

    def refuse(content, **keys):
        file = tmp_path / "train.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        source = TableSource(format="table", train=file.name, **keys)
        said = set()
        for rows in (None, BATCH):
            with pytest.raises(DataError) as raised:
                open_source(source, root=tmp_path, rows=rows).together()
            said.add(str(raised.value))
        (message,) = said
        assert "\n" not in message
        return message.replace(f"{tmp_path}/", "")

    return refuse
