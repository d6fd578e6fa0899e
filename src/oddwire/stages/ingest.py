"""Stage ``ingest``: a source's files → validated rows in Parquet."""

from __future__ import annotations

import sys

from oddwire.drafts import whole_folder
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.stages.link import linked
from oddwire.stages.running import run
from oddwire.traffic.archive import write_rows
from oddwire.traffic.sources import read_source


def ingest(project: Project, source: str) -> None:
    """Read a source through its links and write ``data/ingested/SOURCE``.

    Raises
    ------
    DataError
        If a file, column or row is not what the source promises.
    """
    settings = load_params(project.params_file).source(source)
    rows = read_source(linked(settings, project.raw(source)), root=project.root)
    with whole_folder(project.ingested(source)) as folder:
        write_rows(rows, folder)


if __name__ == "__main__":
    sys.exit(run(ingest))
