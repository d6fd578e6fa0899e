"""Stage ``explore``: statistics, pictures and a page of a source, of what training may look at.

The test rows are left alone: whoever picks features by these pictures has not seen them.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pandas as pd

from oddwire.detection.contamination import forest_scores
from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.errors import DataError
from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.page.gallery import draw_all, write
from oddwire.exploration.projections import Maps, draw_up
from oddwire.exploration.sample import sample
from oddwire.exploration.statistics import describe
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.running import run, whole_folder
from oddwire.traffic.schema import FeatureSchema

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

PARTS = ("train", "calibration", "validation")
_CELLS = 4_000_000  # rows of many columns are looked at in smaller numbers
_FEWEST_ROWS = 2_000


def explore(project: Project, source: str) -> None:
    """Write ``data/explored/SOURCE``: ``index.html``, ``statistics.json`` and the pictures.

    Raises
    ------
    DataError
        If the stage ``prepare`` has not run.
    """
    params = load_params(project.params_file)
    params.source(source)
    settings, seed = params.explore, params.seed
    parts, schema = _load(project.prepared(source))
    rows = pd.concat([part for part in parts.values() if len(part)], ignore_index=True)
    most = max(_FEWEST_ROWS, _CELLS // len(schema.columns))
    looked_at = sample(rows, max_rows=min(settings.max_rows, most))
    on_map = sample(looked_at, max_rows=settings.map_rows)
    statistics = {"source": source, "seed": seed, **describe(rows, looked_at, schema)}
    statistics["suspects"] = find_suspects(rows, looked_at, schema, statistics)
    maps = _maps(on_map, schema, seed=seed)
    statistics["maps"] = maps.to_dict() if isinstance(maps, Maps) else {"none": maps}
    scores = _scores(sample(parts["train"], max_rows=settings.max_rows), on_map, schema, seed=seed)
    pictures = draw_all(statistics, looked_at, schema, on_map=on_map, maps=maps, scores=scores)
    with whole_folder(project.explored(source)) as folder:
        write(statistics, pictures, folder)


def _load(folder: Path) -> tuple[dict[str, pd.DataFrame], FeatureSchema]:
    file = folder / "split.json"
    if not file.is_file():
        raise DataError(f"{file} does not exist: run the stage `prepare` first")
    content = json.loads(file.read_text(encoding="utf-8"))
    parts = {part: pd.read_parquet(folder / f"{part}.parquet") for part in PARTS}
    return parts, FeatureSchema.from_dict(content["schema"])


def _maps(rows: pd.DataFrame, schema: FeatureSchema, *, seed: int) -> Maps | str:
    # Ranks bound every column alike, so that no single one stretches the map.
    preprocessing = TablePreprocessor(
        schema.numeric, schema.categorical, transform="quantile_uniform", max_categories=16
    )
    try:
        matrix = preprocessing.fit_transform(rows)
    except DataError as error:
        return str(error)
    return draw_up(matrix, preprocessing.source_columns_, seed=seed)


def _scores(
    train: pd.DataFrame, rows: pd.DataFrame, schema: FeatureSchema, *, seed: int
) -> NDArray[np.float64] | None:
    """Score rows by a quick default detector; None where the training rows hold no value."""
    try:
        return forest_scores(train, rows, schema, seed=seed)
    except DataError:
        return None


if __name__ == "__main__":
    sys.exit(run(explore))
