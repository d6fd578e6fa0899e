"""Stage ``ingest``: a source's files → validated rows in Parquet."""

from __future__ import annotations

import sys

from oddwire.drafts import whole_folder
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.link import linked
from oddwire.stages.running import remark, run
from oddwire.traffic.archive import write_rows
from oddwire.traffic.sources import open_source


def ingest(project: Project, source: str) -> None:
    """Read a source through its links and write ``data/ingested/SOURCE``.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises.
    """
    params = load_params(project.params_file)
    own = linked(params.source(source), project.raw(source))
    rows = open_source(own, root=project.root, rows=params.rows_at_once)
    with whole_folder(project.ingested(source)) as folder:
        write_rows(rows, folder)
    for sentence in rows.remarks:
        remark(f"source {source}: {sentence}")


if __name__ == "__main__":
    sys.exit(run(ingest))
