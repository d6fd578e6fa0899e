"""Score a file with a source's champion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import flow, get_run_logger, task
from pydantic import Field

from flows.progress import logged_progress
from oddwire.operations.scoring.score_file import ScoredFile, score_file
from oddwire.project import Project

score_rows = task(name="score", persist_result=False)(score_file)


@flow(name="scoring", flow_run_name="scoring-{source}", persist_result=False)
def score(
    file: str,
    source: str = "simulated",
    out: str = "scored.parquet",
    fdr: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    adaptive: bool = False,
    explain: Annotated[int, Field(ge=0)] = 0,
) -> ScoredFile:
    """Score every row of a file, and write rows, anomaly scores, p-values and alerts.

    Args:
        file: Rows in the source's format.
        source: A source of params.yaml with a champion.
        out: Where to write: .csv, .csv.gz or .parquet.
        fdr: False-discovery rate: average share of benign rows among those marked as
            discoveries; 0 marks none.
        adaptive: Whether to add alerts of a threshold that follows the file's drift.
        explain: Explain at most so many alerts, the most anomalous first; 0 explains none.
    """
    logger = get_run_logger()
    with logged_progress(logger):
        result = score_rows(
            Project.find(), source, Path(file), Path(out),
            max_fdr=fdr or None, adaptive=adaptive, explain_most=explain,
        )  # fmt: skip
    logger.info("%s rows, %s alerts, written to %s", result.rows, result.alerts, result.out)
    return result
