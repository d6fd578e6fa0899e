"""NSL-KDD's official files: comma separated, no header, 43 values a line.

41 features, the attack's name or ``normal``, and a difficulty: how many of 21 classifiers got the
record right. The difficulty gives the label away and is left out. (Tavallaee, Bagheri, Lu &
Ghorbani 2009, *A detailed analysis of the KDD CUP 99 data set*.)
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from oddwire.errors import DataError
from oddwire.params import NslKddSource
from oddwire.traffic.archive import SourceBatches
from oddwire.traffic.labels import LabelRule
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.sources.reading.column_roles import Roles, build_frame
from oddwire.traffic.sources.reading.file_batches import FileBatches
from oddwire.traffic.sources.reading.files import locate
from oddwire.traffic.sources.reading.raw_file import RawFile, open_raw

CATEGORICAL = ("protocol_type", "service", "flag")
_NAMES = """
    duration protocol_type service flag src_bytes dst_bytes land wrong_fragment urgent hot
    num_failed_logins logged_in num_compromised root_shell su_attempted num_root
    num_file_creations num_shells num_access_files num_outbound_cmds is_host_login is_guest_login
    count srv_count serror_rate srv_serror_rate rerror_rate srv_rerror_rate same_srv_rate
    diff_srv_rate srv_diff_host_rate dst_host_count dst_host_srv_count dst_host_same_srv_rate
    dst_host_diff_srv_rate dst_host_same_src_port_rate dst_host_srv_diff_host_rate
    dst_host_serror_rate dst_host_srv_serror_rate dst_host_rerror_rate dst_host_srv_rerror_rate
"""
FEATURES = tuple(_NAMES.split())
COLUMNS = (*FEATURES, "attack_name", "difficulty")
SCHEMA = FeatureSchema(
    numeric=tuple(name for name in FEATURES if name not in CATEGORICAL), categorical=CATEGORICAL
)
_ROLES = Roles(schema=SCHEMA, label="attack_name", labels=LabelRule(benign=("normal",)))


def open_source(source: NslKddSource, *, root: Path, rows: int | None = None) -> SourceBatches:
    """Open the official train file, and the official test file if the source names one.

    Raises
    ------
    DataError
        If a file is missing or is not in NSL-KDD's format.
    """
    train = open_file(source, locate(source.train, root), rows=rows)
    test = None
    if source.test is not None:
        test = open_file(source, locate(source.test, root), rows=rows)
    return SourceBatches(train.frames(), None if test is None else test.frames(), SCHEMA)


def open_file(
    _: NslKddSource,
    file: Path,
    *,
    schema: FeatureSchema | None = None,
    rows: int | None = None,
) -> FileBatches:
    """Open one file of NSL-KDD's format, which has no times.

    Parameters
    ----------
    schema
        With one, a line may hold the 41 features alone, or end with the attack's name.
    rows
        At most so many are read at once; None for all.

    Raises
    ------
    DataError
        If the file is missing, or a line does not hold 41 features, a name and a difficulty.
    """
    for_scoring = schema is not None
    raw = open_raw(file, names=COLUMNS, optional=2 if for_scoring else 0, rows=rows)
    _refuse_other_tables(raw)
    to_rows = partial(build_frame, roles=_ROLES, for_scoring=for_scoring)
    return FileBatches(raw, to_rows, SCHEMA.numeric)


def _refuse_other_tables(raw: RawFile) -> None:
    if raw.names != COLUMNS[: len(raw.names)]:
        raise DataError(f"{raw.file} is not in NSL-KDD's format: it has a header of its own")
    if next(raw.batches()).column("duration")[0].as_py() == "duration":
        raise DataError(f"{raw.file}, line 1: NSL-KDD's files have no header, got one")
