"""The scoring flow, against a real Prefect server."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from prefect.logging.handlers import APILogWorker
from prefect_client import prefect_client

from flows.scoring import score
from oddwire.errors import DataError, ParameterError
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


@pytest.fixture
def outbox(project):
    """A folder that the flow may write to."""
    with tempfile.TemporaryDirectory(dir=project.root, prefix="scored-") as folder:
        yield Path(folder)


def test_every_row_of_the_file_is_scored(trained, traffic, outbox):
    out = outbox / "scored.parquet"
    done = score(file=str(traffic), source="simulated", out=str(out))
    scored = pd.read_parquet(out)
    assert done.rows == len(scored) == 120
    assert done.version == trained[1].version
    assert done.alerts == scored["alert"].sum()
    assert (scored["alert"] == (scored["p_value"] <= done.alert_p_value)).all()


def test_connections_are_scored_in_time_and_written_in_the_order_of_the_file(
    traffic, outbox, tmp_path
):
    rows = pd.read_parquet(traffic).assign(note=[f"n{at}" for at in range(120)])
    shuffled = rows.sample(frac=1.0, random_state=3)
    shuffled.to_parquet(tmp_path / "shuffled.parquet", index=False)
    outs = []
    for name in (traffic, tmp_path / "shuffled.parquet"):
        out = outbox / f"scored-{name.name}"
        score(file=str(name), source="simulated", out=str(out))
        outs.append(pd.read_parquet(out))
    sorted_out, shuffled_out = outs
    assert shuffled_out["note"].tolist() == shuffled["note"].tolist()
    assert shuffled_out["uid"].tolist() == shuffled["uid"].tolist()
    together = sorted_out.merge(shuffled_out, on="uid", suffixes=("", "_shuffled"))
    assert len(together) == 120
    assert (together["anomaly_score"] == together["anomaly_score_shuffled"]).all()


def test_a_period_is_scored_by_days(trained, outbox):
    done = score(source="simulated", since="2026-03-03", until="2026-03-05", out=str(outbox / "p"))
    assert sorted(file.name for file in (outbox / "p").glob("*.parquet")) == [
        "2026-03-03.parquet", "2026-03-04.parquet",
    ]  # fmt: skip
    assert done.rows == sum(len(pd.read_parquet(file)) for file in (outbox / "p").glob("*.parquet"))
    assert done.version == trained[1].version
    with pytest.raises(ParameterError, match="since must be a time"):
        score(source="simulated", since="yesterday", out=str(outbox / "p"))
    with pytest.raises(ParameterError, match="fdr needs a file"):
        score(source="simulated", fdr=0.1, out=str(outbox / "p"))
    with pytest.raises(ParameterError, match="since and until need no file"):
        score(file="a.csv", source="simulated", since="2026-03-02", out=str(outbox / "p"))


def test_a_failed_run_stands_on_the_page_with_its_reason(outbox, prefect_server, tmp_path):
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        score(file=str(tmp_path / "nothing.csv"), source="simulated", out=str(outbox / "o.csv"))
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
    assert not list(outbox.iterdir())


def test_a_run_writes_nowhere_else(project, traffic, tmp_path):
    victim = tmp_path / "victim.csv"
    victim.write_text("precious")
    with pytest.raises(ParameterError, match="out must be in the project"):
        score(file=str(traffic), source="simulated", out=str(victim))
    assert victim.read_text() == "precious"


def test_the_page_does_not_show_what_is_in_a_file_elsewhere(project, prefect_server, tmp_path):
    (tmp_path / "shadow").write_text("root:$6$a-hash:19000:0:99999:7:::\n" * 2)
    with pytest.raises(DataError, match="is not what simulated promises"):
        score(file=str(tmp_path / "shadow"), source="simulated")
    APILogWorker.drain_all(timeout=10, at_exit=False)
    client = prefect_client(prefect_server)
    shown = [
        client.post(f"/{kind}/filter", json={}).text for kind in ("flow_runs", "task_runs", "logs")
    ]
    assert "is not what simulated promises" in shown[0]
    assert not [text for text in shown if "a-hash" in text]
