"""Columns that may leak the label."""

from __future__ import annotations

import numpy as np
import pytest

from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.sample import AllRows
from oddwire.exploration.statistics import describe
from oddwire.traffic.schema import FeatureSchema


def kinds(rows, schema):
    found = find_suspects(AllRows.of(rows), rows, schema, describe(AllRows.of(rows), rows, schema))
    return {(suspect["column"], suspect["kind"]) for suspect in found}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("copy", "separates"), ("id", "row number"), ("offset", "order"), ("epoch", "timestamp"),
        ("Src Port", "port"), ("dsport", "port"), ("flow", "unique"), ("host", "address"),
        ("mac", "address"), ("when", "timestamp"),
    ],
)  # fmt: skip
def test_columns_that_leak_are_suspected(rows, column, kind):
    random = np.random.default_rng(1)
    ports = random.integers(1, 65_536, 600).astype(float)
    made = rows.assign(
        **{
            "copy": rows["label"].astype(float),
            "id": random.permutation(600).astype(float),
            "offset": np.sort(random.random(600)) * 86_400,
            "epoch": 1.7e9 + random.random(600) * 1e6,
            "Src Port": ports,
            "dsport": ports,
            "flow": [f"f{at}" for at in range(600)],
            "host": random.choice(["10.0.0.1", "2001:db8::7", "192.0.2.3"], 600),
            "mac": random.choice(["00:11:22:aa:bb:cc", "00:11:22:aa:bb:cd"], 600),
            "when": [f"2017-07-03 12:{at % 60:02d}:00.5" for at in range(600)],
        }
    )
    text = isinstance(made[column].iloc[0], str)
    schema = FeatureSchema(() if text else (column,), (column,) if text else ())
    assert (column, kind) in kinds(made, schema)


def test_plain_columns_are_not_suspected(rows, schema):
    # Whole numbers in the range of ports, under a name that only holds the word.
    made = rows.assign(transport=np.random.default_rng(1).integers(0, 100, 600) * 30.0)
    wider = FeatureSchema((*schema.numeric, "transport"), schema.categorical)
    assert kinds(made, wider) == set()
