"""Stage ``explore``: statistics, pictures and a page of a source, without its test part.

The test rows are left alone: choosing features by these pictures does not use them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from oddwire.disk.drafts import whole_folder
from oddwire.errors import DataError
from oddwire.exploration.campaigns import describe_campaigns
from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.page.html_page import write_page
from oddwire.exploration.projections import Maps, as_matrix, place_on_maps
from oddwire.exploration.sample import AllRows, sample
from oddwire.exploration.statistics import describe
from oddwire.params import Source, load_params
from oddwire.project import Project
from oddwire.stages.running import remark, run
from oddwire.traffic.features.measures import measure_of
from oddwire.traffic.frame_files import read_frames
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.splitting.campaign_parts import CampaignParts
from oddwire.traffic.splitting.shared_rows import SharedRows

PARTS = ("train", "calibration", "validation")
_CELLS = 4_000_000  # of many columns fewer rows are looked at
_FEWEST_ROWS = 2_000
_MAP_ROWS = 1_000  # more take t-SNE longer and crowd the picture


def explore(project: Project, source: str) -> None:
    """Write ``data/explored/SOURCE``: ``index.html``, ``statistics.json`` and the pictures.

    Raises
    ------
    DataError
        If the stage ``prepare`` has not run.
    """
    params = load_params(project.params_file)
    settings = params.source(source)
    rows, schema, split = _open(project.prepared(source), params.rows_at_once)
    most = max(_FEWEST_ROWS, _CELLS // len(schema.columns))
    looked_at = sample(rows, max_rows=min(params.explore.max_rows, most))
    on_map = sample(AllRows.of(looked_at), max_rows=_MAP_ROWS)
    statistics = {"source": source, "seed": params.seed, **describe(rows, looked_at, schema)}
    statistics["suspects"] = find_suspects(rows, looked_at, schema, statistics)
    shared = SharedRows.from_summary(split.get("shared_rows"))
    statistics["shared_rows"] = {"remarkable": shared.remarkable, "sentence": shared.sentence}
    statistics["campaigns"] = _campaigns(rows, looked_at, split)
    statistics["left_out"] = int(split["split"]["left_out"]["rows"])
    statistics["measures"] = _measures(settings, schema)
    maps = _maps(on_map, schema, params.seed)
    statistics["maps"] = maps.to_dict() if isinstance(maps, Maps) else {"none": maps}
    with whole_folder(project.explored(source)) as folder:
        failures = write_page(statistics, looked_at, on_map, maps, folder)
    for sentence in failures:
        remark(sentence)


def _maps(rows: pd.DataFrame, schema: FeatureSchema, seed: int) -> Maps | str:
    try:
        return place_on_maps(*as_matrix(rows, schema), seed=seed)
    except Exception as error:  # noqa: BLE001 - a map is a picture, and no picture stops a training
        reason = f"it failed: {type(error).__name__}: {error}"
        remark(f"the maps of {len(rows):,} rows: {reason}")
        return reason


def _measures(settings: Source, schema: FeatureSchema) -> dict[str, str]:
    if settings.row_kind == "table":
        return dict(settings.measures)
    return {name: found for name in schema.numeric if (found := measure_of(name)) is not None}


def _campaigns(
    rows: AllRows, looked_at: pd.DataFrame, split: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Describe the campaigns before the test part; of those in it, only how many there are."""
    about = describe_campaigns(rows, looked_at)
    parts = CampaignParts.from_summary(split.get("campaigns"))
    return about and about | {"parts": dict(parts.campaigns), "cut": parts.sentence}


def _open(folder: Path, at_once: int) -> tuple[AllRows, FeatureSchema, dict[str, Any]]:
    """Return all rows before the test part, their features, and what ``split.json`` says."""
    file = folder / "split.json"
    if not file.is_file():
        raise DataError(f"{file} does not exist: run the stage `prepare` first")
    content = json.loads(file.read_text(encoding="utf-8"))

    def read(names: Sequence[str] | None) -> Iterator[pd.DataFrame]:
        for part in PARTS:
            yield from read_frames(folder / f"{part}.parquet", rows=at_once, columns=names)

    return AllRows(read), FeatureSchema.from_dict(content["schema"]), content


if __name__ == "__main__":
    sys.exit(run(explore))
