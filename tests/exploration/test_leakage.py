"""Columns that may leak the label."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.leaving_out import drop_line, read_suspects
from oddwire.exploration.sample import AllRows
from oddwire.exploration.statistics import describe
from oddwire.exploration.suspect_names import named_like
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources.nsl_kdd import SCHEMA as NSL_KDD


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


NAMED = [
    ("dest_ip", "named", True), ("dest_port", "named", True), ("id.orig_p", "named", True),
    ("id.resp_h", "named", False), ("sp", "named", True), ("dp", "named", True),
    ("sa", "named", False), ("da", "named", False), ("flow.start", "named", False),
    ("Flow ID", "named", True), ("flow_id", "named", False), ("uid", "named", False),
    ("Timestamp", "named", False), (" Timestamp", "named", True), ("StartTime", "named", False),
    ("te", "named", True), ("type", "label", False), ("attack_cat", "label", False),
    ("Attack Type", "label", False), ("detailed-label", "label", False), ("class", "label", True),
    ("difficulty", "label", True), ("subcategory", "label", False), ("dstport", "named", False),
]  # fmt: skip


@pytest.mark.parametrize(("column", "kind", "numeric"), NAMED)
def test_a_name_is_enough_whatever_the_values_are(rows, column, kind, numeric):
    """Anonymous addresses, few ports, times in words: nothing in them looks like what it is."""
    values = np.arange(600) % 7
    made = rows.assign(**{column: values * 1.0 if numeric else [f"h{n}" for n in values]})
    schema = FeatureSchema((column,), ()) if numeric else FeatureSchema((), (column,))
    assert kinds(made, schema) == {(column, kind)}


def test_features_that_people_train_on_have_no_such_name():
    known = [*CONNECTION_FEATURES.columns, *NSL_KDD.columns]
    known += ["sbytes", "dttl", "ct_dst_sport_ltm", "Protocol", "Flow Duration", "dsport_entropy"]
    known += ["Fwd Packets/s", "http_method", "conn_state", "proto", "service", "dur", "sp", "sa"]
    assert [name for name in known if named_like(name, numeric=name == "sa")] == []


def test_what_is_suspected_is_a_line_to_paste():
    suspects = [{"column": name} for name in ("Flow ID", "yes", "a: b", "it's", "Größe", "a\nb")]
    line = drop_line(suspects, dropped=("n1", "yes"))
    assert "\n" not in line
    assert yaml.safe_load(line) == {
        "drop": ["n1", "yes", "Flow ID", "a: b", "it's", "Größe", "a\nb"]
    }
    assert drop_line([], dropped=("n1",)) == ""


def test_an_exploration_that_is_not_there_suspects_nothing(tmp_path):
    assert read_suspects(tmp_path) == ()
    (tmp_path / "statistics.json").write_text("{")
    assert read_suspects(tmp_path) == ()
    (tmp_path / "statistics.json").write_text('{"suspects": [{"column": "a", "kind": "label"}]}')
    assert read_suspects(tmp_path) == ({"column": "a", "kind": "label"},)
