"""Scoring on order: what somebody else than the user of the command line may have read and write.

An order comes from the Prefect page. It writes in the project, or in a folder that `params.yaml`
names, and learns nothing of what is in other files of the machine.
"""

from __future__ import annotations

from pathlib import Path

from oddwire.errors import DataError, ParameterError
from oddwire.operations.data.elsewhere import telling_little
from oddwire.operations.scoring.folders.period import score_period
from oddwire.operations.scoring.folders.scored_parts import ScoredParts
from oddwire.operations.scoring.replacing import check_replaced
from oddwire.operations.scoring.score_file import ScoredFile, score_file
from oddwire.operations.scoring.scored_files import check_targets
from oddwire.params import load_params
from oddwire.params.stage_settings import PeriodSettings
from oddwire.params.values.paths import file_fault
from oddwire.project import Project
from oddwire.traffic.sources.reading.files import locate
from oddwire.traffic.wire_text import shown_path

# The project's own things.
_KEPT = {".git", ".dvc", "data", "mlruns"}


def score_on_order(
    project: Project,
    source: str,
    file: str,
    out: str,
    *,
    max_fdr: float | None,
    adaptive: bool,
    explain_most: int,
) -> ScoredFile:
    """Score a file as `score_file` does, within bounds; relative paths are in the project.

    Raises
    ------
    ParameterError
        If ``out`` is in no folder that may be written to.
    DataError
        If the file is not what the source promises, or may not be written over.
    """
    target = ordered_target(project, out)
    # What `score_file` would say of these paths as well, but in words that an order is told.
    path = locate(Path(file), project.root)
    if (fault := file_fault(path)) is not None:
        raise DataError(f"{shown_path(path)} {fault}")
    check_targets(path, target, explained=explain_most > 0)
    check_replaced(target, explained=explain_most > 0)
    with telling_little(project, path, source, "oddwire score"):
        return score_file(
            project, source, path, target,
            max_fdr=max_fdr, adaptive=adaptive, explain_most=explain_most,
        )  # fmt: skip


def score_period_on_order(
    project: Project, source: str, since: str, until: str, out: str, *, adaptive: bool = False
) -> ScoredParts:
    """Score a period of a source's rows as `score_period` does, within bounds.

    Raises
    ------
    ParameterError
        If ``out`` is in no folder that may be written to, or a time is none.
    DataError
        As by `score_period`.
    """
    period = PeriodSettings.asked(since, until) or PeriodSettings()
    target = ordered_target(project, out)
    return score_period(project, source, *period.moments, target, adaptive=adaptive)


def ordered_target(project: Project, out: str) -> Path:
    """Return where an order writes, symbolic links followed.

    Raises
    ------
    ParameterError
        If it may not write there.
    """
    root = project.root.resolve()
    try:
        target = (root / out).resolve()
        folders = load_params(project.params_file).scoring.folders
        places = [(root / Path(folder).expanduser()).resolve() for folder in folders]
    except (OSError, RuntimeError, ValueError) as error:  # a circle of links, a NUL
        raise ParameterError(f"out: cannot write there: {error}") from error
    kept = root in target.parents and target.relative_to(root).parts[0] in _KEPT
    # A folder that holds the project does not open what the project keeps for itself.
    named = any(
        target.is_relative_to(place) and not (kept and root.is_relative_to(place))
        for place in places
    )
    if not (named or (root in target.parents and not kept)):
        raise ParameterError(
            f"out must be in the project, but not in {', '.join(sorted(_KEPT))}, or in a folder "
            f"that scoring.folders in params.yaml names, got {out!r}"
        )
    return target
