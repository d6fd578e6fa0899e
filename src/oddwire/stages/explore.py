"""Stage ``explore``: statistics and pictures of a source, made from what training may look at.

The test rows are left alone: whoever picks features by these pictures has not seen them.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pandas as pd

from oddwire.errors import DataError
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.running import run, whole_folder
from oddwire.traffic.exploring import describe, sample
from oddwire.traffic.pictures import draw
from oddwire.traffic.schema import FeatureSchema

if TYPE_CHECKING:
    from pathlib import Path

PARTS = ("train", "calibration", "validation")


def main(source: str) -> None:
    """Explore a source of this project."""
    explore(Project.find(), source)


def explore(project: Project, source: str) -> None:
    """Write ``data/explored/SOURCE``: ``statistics.json`` and its pictures.

    Raises
    ------
    DataError
        If the stage ``prepare`` has not run.
    """
    params = load_params(project.params_file)
    params.source(source)
    rows, schema = _load(project.prepared(source))
    looked_at = sample(rows, max_rows=params.explore.max_rows)
    statistics = {"source": source, **describe(rows, looked_at, schema)}
    with whole_folder(project.explored(source)) as folder:
        text = json.dumps(statistics, indent=2) + "\n"
        (folder / "statistics.json").write_text(text, encoding="utf-8")
        draw(statistics, looked_at, schema, folder)


def _load(folder: Path) -> tuple[pd.DataFrame, FeatureSchema]:
    file = folder / "split.json"
    if not file.is_file():
        raise DataError(f"{file} does not exist: run the stage `prepare` first")
    content = json.loads(file.read_text(encoding="utf-8"))
    parts = [pd.read_parquet(folder / f"{part}.parquet") for part in PARTS]
    rows = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return rows, FeatureSchema.from_dict(content["schema"])


if __name__ == "__main__":
    sys.exit(run(main))
