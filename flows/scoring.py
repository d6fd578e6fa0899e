"""Score a file, or a period of a source's rows, with the source's champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import flow, task
from pydantic import Field

from flows.artifact_keys import artifact_key
from flows.outcomes import Outcome, ended
from flows.progress import show_markdown, shown_on_the_page
from flows.run_names import run_name
from oddwire.errors import ParameterError
from oddwire.operations.scoring.folders.scored_parts import ScoredParts
from oddwire.operations.scoring.on_order import score_on_order, score_period_on_order
from oddwire.operations.scoring.page import (
    adaptive_in_words,
    alerts_in_words,
    scored_parts_markdown,
    scoring_markdown,
)
from oddwire.operations.scoring.score_file import ScoredFile
from oddwire.params import load_params
from oddwire.project import Project

score_rows = task(name="score", task_run_name="score", persist_result=False)(score_on_order)
score_days = task(name="score", task_run_name="score", persist_result=False)(score_period_on_order)


@flow(
    name="scoring",
    flow_run_name=run_name("score", "source", "file"),
    persist_result=False,
)
def score(
    file: str = "",
    source: str = "simulated",
    out: str = "scored",
    since: str = "",
    until: str = "",
    explain: Annotated[int, Field(ge=0, le=10_000)] = 20,
    fdr: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    adaptive: bool = False,
) -> ScoredFile | ScoredParts:
    """Score every row of a file or of a period, and write rows, scores, p-values and alerts.

    Args:
        file: Path of the file to score, on the machine that serves the flows: rows in the
            source's format. Empty: the rows that the source has, by days.
        source: The source whose format the file has and whose champion scores it.
        out: Path of the file to write, .csv, .csv.gz or .parquet, in the project or in a folder
            that params.yaml names as scoring.folders; without an ending, .parquet is put behind
            it. An earlier scored file is replaced as a whole, any other file is left alone. Of a
            period, the folder to write to: a .parquet file per day.
        since: Score the source's rows known from this time on, such as 2026-03-02 or
            2026-03-02T14:00, in UTC. Empty: from the first row on. Only without a file.
        until: Score the source's rows known before this time. Empty: to the last row. Only
            without a file.
        explain: How many alerts of a file to explain, the most unusual first, from 0 to 10,000.
        fdr: False-discovery rate, from 0 to below 1: mark as discoveries so many rows that on
            average this share of them is benign. 0 marks none. Only of a file.
        adaptive: Whether to add alerts of a threshold that follows drift, by a step a day. Needs a
            time in every row.
    """

    def once() -> ScoredFile | ScoredParts:
        if file and (since or until):
            raise ParameterError("since and until need no file: they are of the source's rows")
        if not file and fdr:
            raise ParameterError("fdr needs a file")
        if not file:
            return _score_period(source, since, until, out, adaptive)
        target = out if Path(out).suffix else f"{out}.parquet"
        return _score(file, source, target, explain, fdr, adaptive)

    return ended(once, _outcome)


def _score(
    file: str, source: str, out: str, explain: int, fdr: float, adaptive: bool
) -> ScoredFile:
    project = Project.find()
    load_params(project.params_file).source(source)
    with shown_on_the_page():
        result = score_rows(
            project, source, file, out,
            max_fdr=fdr or None, adaptive=adaptive, explain_most=explain,
        )  # fmt: skip
    show_markdown(
        key=artifact_key("scoring", source),
        markdown=scoring_markdown(source, Path(file), result),
        description=f"Newest scored file of {source}",
    )
    return result


def _score_period(source: str, since: str, until: str, out: str, adaptive: bool) -> ScoredParts:
    project = Project.find()
    load_params(project.params_file).source(source)
    with shown_on_the_page():
        result = score_days(project, source, since, until, out, adaptive=adaptive)
    show_markdown(
        key=artifact_key("scoring", source),
        markdown=scored_parts_markdown(source, result),
        description=f"Newest scored period of {source}",
    )
    return result


def _outcome(result: ScoredFile | ScoredParts) -> Outcome:
    adaptive = adaptive_in_words(result)
    return Outcome(
        name="Scored",
        sentence=f"{alerts_in_words(result)}, {result.rows:,} rows"
        f"{f'; {adaptive}' if adaptive else ''}. Scored by version {result.version}",
        links={"scored rows": str(result.out)},
    )
