"""The rows of a source as they are kept between reading them and computing their features.

A source of logs has a part for each log file; any other has one file of rows.
"""

from oddwire.traffic.archive.reading import Archive, open_archive
from oddwire.traffic.archive.rows import SourceBatches, SourceRows, write_rows

__all__ = ["Archive", "SourceBatches", "SourceRows", "open_archive", "write_rows"]
