"""Bring a source's new rows into its archive."""

from __future__ import annotations

import logging

from prefect import flow, task

from flows.outcomes import Outcome, ended
from flows.progress import shown_on_the_page
from flows.run_names import run_name
from oddwire.operations.data.ingesting import Ingested, ingest_source
from oddwire.params import load_params
from oddwire.project import Project

bring_in = task(name="ingest", task_run_name="ingest", persist_result=False)(ingest_source)


@flow(name="ingest", flow_run_name=run_name("ingest", "source"), persist_result=False)
def ingest(source: str = "simulated") -> Ingested:
    """Bring a source's new rows in, as trainings and drift checks do by themselves.

    Args:
        source: The source whose files are read: a block under `sources:` in params.yaml.
    """
    return ended(lambda: _ingest(source), _outcome)


def _ingest(source: str) -> Ingested:
    project = Project.find()
    settings = load_params(project.params_file).source(source)
    with shown_on_the_page():
        return bring_in(project, source, settings)


def _outcome(result: Ingested) -> Outcome:
    sentence = f"Files read now: {result.new:,}. Rows: {result.rows:,}."
    if result.refused:
        sentence += f" Lines refused: {result.refused:,}."
    if result.late:
        sentence += f" Rows that came late: {result.late:,}."
    return Outcome(
        name="Ingested",
        sentence=sentence,
        links={"refused lines": result.refusals[0].kept_in} if result.refusals else {},
        level=logging.WARNING if result.refusals else logging.INFO,
    )
