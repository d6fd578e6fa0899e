"""Bringing rows in as a flow: a state that says what came of it, and a form that helps."""

from __future__ import annotations

import pytest
import yaml
from archived_logs import zeek_log
from prefect.client.schemas.objects import StateType
from prefect.utilities.callables import parameter_schema

from flows.ingest import ingest


@pytest.mark.slow
def test_an_ingest_says_what_it_read_and_refused(project, prefect_server, monkeypatch):
    monkeypatch.setenv("ODDWIRE_PROJECT", str(project.root))
    lines = [(f"C{at}", 1_700_000_000 + at, 1) for at in range(200)]
    (project.root / "conn.log").write_text(zeek_log(lines) + "too\tfew\n")
    params = yaml.safe_load(project.params_file.read_text())
    params["sources"]["office"] = {"format": "zeek", "files": "conn.log"}
    project.params_file.write_text(yaml.safe_dump(params))
    state = ingest(source="office", return_state=True)
    assert (state.type, state.name) == (StateType.COMPLETED, "Ingested")
    assert state.message == "Files read now: 1. Rows: 200. Lines refused: 1."


def test_every_field_of_the_form_has_help():
    for name, field in parameter_schema(ingest.fn).properties.items():
        assert field.get("description"), name
