"""Days of a small organisation's connections, made from a seed; files are tables of connections."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from oddwire.params import SimulatedSource
from oddwire.traffic.archive import SourceBatches
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources.connection_table import open_connections
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.simulated.later import later_days
from oddwire.traffic.sources.simulated.simulator import simulate

__all__ = ["later_days", "open_file", "open_source", "read_scenario", "simulate"]

_SCENARIO_DAYS = 2


def open_source(
    source: SimulatedSource,
    *,
    root: Path,  # noqa: ARG001
    rows: int | None = None,  # noqa: ARG001 - they are made all at once
) -> SourceBatches:
    """Make the connections of all days."""
    return SourceBatches(iter([simulate(source)]))


def open_file(
    _: SimulatedSource,
    file: Path,
    *,
    schema: FeatureSchema | None = None,  # noqa: ARG001
    rows: int | None = None,
) -> FileBatches:
    """Open a file of connections, at most so many rows at once.

    Raises
    ------
    DataError
        If the file cannot be read, a required column is absent, or a value breaks a rule.
    """
    return open_connections(file, rows=rows)


def read_scenario(source: SimulatedSource, scenario: str) -> tuple[pd.DataFrame, pd.Timestamp]:
    """Make the connections of the source's days and two more, changed by a scenario or not.

    Returns
    -------
    The connections, and the first moment of the days that are new.
    """
    later = source.model_copy(
        update={
            "days": source.days + _SCENARIO_DAYS,
            "drift": () if scenario == "none" else (scenario,),
            "drift_from_day": source.days,
        }
    )
    return simulate(later), pd.Timestamp(source.start, tz="UTC") + pd.Timedelta(days=source.days)
