"""Stage ``prepare``: rows → features, in the parts that training, search and evaluation take."""

from __future__ import annotations

import json
import sys

from oddwire.drafts import whole_folder
from oddwire.errors import DataError
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.running import run
from oddwire.traffic.archive import load_rows
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES, to_features
from oddwire.traffic.splitting.parts import Split, split_rows
from oddwire.traffic.splitting.shared_rows import SharedRows, count_shared

PARTS = ("train", "calibration", "validation", "test")


def prepare(project: Project, source: str) -> None:
    """Write ``data/prepared/SOURCE``: a feature frame per part, and ``split.json``.

    Raises
    ------
    DataError
        If there are too few rows, no benign ones to train on, or the test file has the rows of
        the train file.
    """
    params = load_params(project.params_file)
    params.source(source)
    rows = load_rows(project.ingested(source))
    schema = rows.schema or CONNECTION_FEATURES
    train = to_features(rows.kind, rows.train, schema)
    test = None if rows.test is None else to_features(rows.kind, rows.test, schema)
    split = split_rows(train, test, params.split, seed=params.seed, source=source)
    shared = _shared_rows(split, source)
    content = {
        "source": source,
        "kind": rows.kind,
        "schema": schema.to_dict(),
        "split": split.summary(),
        "shared_rows": shared.summary(),
    }
    with whole_folder(project.prepared(source)) as folder:
        for part in PARTS:
            getattr(split, part).to_parquet(folder / f"{part}.parquet", index=False)
        (folder / "split.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _shared_rows(split: Split, source: str) -> SharedRows:
    before = (split.train, split.calibration, split.validation, split.dropped)
    shared = count_shared(before, [split.test])
    if shared.same:
        raise DataError(
            f"source {source}: its test file has the same {shared.of:,} rows as its train file:"
            " `test` must name rows that nothing was trained on, or be left out"
        )
    return shared


if __name__ == "__main__":
    sys.exit(run(prepare))
