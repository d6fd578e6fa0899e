"""The scoring flow, against a real Prefect server."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from prefect_client import prefect_client

from flows.scoring import score
from oddwire.errors import DataError
from oddwire.params import load_params
from oddwire.traffic.sources.simulated import simulate

pytestmark = pytest.mark.slow


@pytest.fixture
def project(trained, monkeypatch):
    monkeypatch.setenv("ODDWIRE_PROJECT", str(trained[0].root))
    return trained[0]


@pytest.fixture
def traffic(project, tmp_path):
    connections = simulate(load_params(project.params_file).source("simulated")).head(120)
    file = tmp_path / "today.parquet"
    connections.drop(columns=["label", "attack"]).to_parquet(file, index=False)
    return file


def test_every_row_of_the_file_is_scored(trained, traffic, tmp_path):
    out = tmp_path / "scored.parquet"
    done = score(file=str(traffic), source="simulated", out=str(out))
    scored = pd.read_parquet(out)
    assert done.rows == len(scored) == 120
    assert done.version == trained[1].version
    assert done.alerts == scored["alert"].sum()
    assert (scored["alert"] == (scored["p_value"] <= done.alert_p_value)).all()


def test_connections_are_scored_in_time_and_written_in_the_order_of_the_file(
    project, traffic, tmp_path
):
    rows = pd.read_parquet(traffic).assign(note=[f"n{at}" for at in range(120)])
    shuffled = rows.sample(frac=1.0, random_state=3)
    shuffled.to_parquet(tmp_path / "shuffled.parquet", index=False)
    outs = []
    for name in (traffic, tmp_path / "shuffled.parquet"):
        out = tmp_path / f"scored-{name.name}"
        score(file=str(name), source="simulated", out=str(out))
        outs.append(pd.read_parquet(out))
    sorted_out, shuffled_out = outs
    assert shuffled_out["note"].tolist() == shuffled["note"].tolist()
    assert shuffled_out["uid"].tolist() == shuffled["uid"].tolist()
    together = sorted_out.merge(shuffled_out, on="uid", suffixes=("", "_shuffled"))
    assert len(together) == 120
    assert (together["anomaly_score"] == together["anomaly_score_shuffled"]).all()


def test_a_failed_run_stands_on_the_page_with_its_reason(project, prefect_server, tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        score(file=str(tmp_path / "nothing.csv"), source="simulated", out=str(tmp_path / "o.csv"))
    runs = (
        prefect_client(prefect_server)
        .post(
            "/flow_runs/filter",
            json={"flows": {"name": {"any_": ["scoring"]}}, "sort": "START_TIME_DESC"},
        )
        .json()
    )
    assert runs[0]["state"]["type"] == "FAILED"
    assert "nothing.csv" in json.dumps(runs[0]["state"])
    assert not list(tmp_path.iterdir())
