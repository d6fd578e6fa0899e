"""Score a file with a source's champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger, task
from pydantic import Field

from flows.watching import logged_progress
from oddwire.operations.scoring import score_file
from oddwire.project import Project

score_rows = task(name="score", persist_result=False)(score_file.score_file)


@flow(name="scoring", flow_run_name="scoring-{source}", persist_result=False)
def score(
    file: Annotated[str, Field(description="Rows in the source's format.")],
    source: Annotated[str, Field(description="A source with a champion.")] = "simulated",
    out: Annotated[str, Field(description=".csv, .csv.gz or .parquet")] = "scored.parquet",
    fdr: Annotated[
        float, Field(ge=0, lt=1, description="False-discovery rate to mark by; 0 for none.")
    ] = 0.0,
    adaptive: Annotated[
        bool, Field(description="Add alerts of a threshold that follows drift.")
    ] = False,
    explain: Annotated[
        int, Field(ge=0, description="Explain so many alerts, the most unusual; 0 for none.")
    ] = 0,
) -> score_file.ScoredFile:
    """Score every row of a file, and write rows, anomaly scores, p-values and alerts.

    Parameters
    ----------
    file
        Rows in the source's format.
    source
        A source of params.yaml with a champion.
    out
        Where to write: .csv, .csv.gz or .parquet.
    fdr
        Share of benign rows among those marked as discoveries, on average; 0 marks none.
    adaptive
        Whether to add alerts of a threshold that follows the file's drift.
    explain
        Explain at most so many alerts, the most unusual ones.
    """
    logger = get_run_logger()
    with logged_progress(logger):
        result = score_rows(
            Project.find(), source, Path(file), Path(out),
            max_fdr=fdr or None, adaptive=adaptive, explain_most=explain,
        )  # fmt: skip
    logger.info("%s rows, %s alerts, written to %s", result.rows, result.alerts, result.out)
    return result
