"""What a drift check looks at, period by period: new files, new days, or the test part.

The default, the first of these that there is:

1. files under ``drift.current`` that no check has looked at, each a period, in order of name;
2. for a source whose days can be simulated, the day after the last one checked: its time stands
   still while nobody looks;
3. for rows with a time, the whole days since the last one checked, at first the last whole day;
4. the test part, which is no new traffic.

Where nothing is new, the newest period is looked at once more.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from oddwire.errors import DataError
from oddwire.operations.data.prepared import Prepared
from oddwire.operations.data.reading import digest_of_period, read_features, read_period
from oddwire.operations.drift.new_traffic.current_files import CurrentFile, current_files
from oddwire.operations.drift.new_traffic.past_checks import PastCheck
from oddwire.operations.drift.statistics import MIN_ROWS
from oddwire.operations.locks import dvc_lock
from oddwire.params import Params, RowKind, Source
from oddwire.params.stage_settings import PeriodSettings
from oddwire.project import Project
from oddwire.traffic.archive import open_archive
from oddwire.traffic.features.in_batches import LOOK_BACK, FeaturesInBatches
from oddwire.traffic.schema import KNOWN_AT, TIME, FeatureSchema
from oddwire.traffic.sources import later_days, read_scenario
from oddwire.traffic.wire_text import printable

Kind = Literal["file", "day", "period", "scenario", "test part"]
NEWEST_ROWS = "newest rows"
CURRENT = "the current file"  # what messages call a place that somebody named
Interval = tuple[dt.datetime, dt.datetime]
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """What one check looks at.

    Parameters
    ----------
    name
        What people call it, such as ``2026-03-16``, ``today.csv`` or ``newest rows``.
    identity
        Two periods of one identity hold the same rows.
    read
        Reads its rows as a feature frame.
    start, end
        In UTC, where they are known without reading. A file alone has an end without a start:
        when it was written, which counts where its rows have no time.
    file
        Where its rows come from, if that is a file.
    """

    name: str
    kind: Kind
    identity: str
    read: Callable[[], pd.DataFrame] = field(repr=False, compare=False)
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    file: CurrentFile | None = None


@dataclass(frozen=True)
class Looking:
    """Where periods are looked for.

    Parameters
    ----------
    schema
        The features that the champion needs.
    past
        The source's finished checks, the newest first.
    """

    project: Project
    params: Params
    source: str
    schema: FeatureSchema
    past: Sequence[PastCheck]

    @property
    def settings(self) -> Source:
        """The source's block."""
        return self.params.source(self.source)


def reads_own_rows(
    params: Params,
    source: str,
    *,
    current: str = "",
    scenario: str = "",
    asked: PeriodSettings | None = None,
) -> bool:
    """Tell whether a check looks at rows that the source's data stages must bring in first."""
    if asked is not None:
        return True
    named = current or scenario or params.drift.current.get(source)
    return not named and params.source(source).ends is None


def periods_to_check(
    looking: Looking,
    *,
    current: str = "",
    scenario: str = "",
    asked: PeriodSettings | None = None,
) -> list[Period]:
    """Return what a check is to look at, oldest first; see the module for the default.

    Parameters
    ----------
    current
        A file, glob pattern or folder, instead of the default; all files that it stands for.
    scenario
        Simulated days, changed in some way or not (``none``), instead of the default.
    asked
        A period of the source's own rows, instead of the default.

    Raises
    ------
    DataError
        If there is no such file, or no row in the period.
    ParameterError
        If the source's traffic cannot be simulated.
    """
    if current:
        files = current_files(current, root=looking.project.root, origin=CURRENT)
        return [_of_file(looking, file) for file in files]
    if scenario:
        return [_of_scenario(looking, scenario)]
    if asked is not None:
        return [_of_archive(looking, asked)]
    if pattern := looking.params.drift.current.get(looking.source):
        return _new_files(looking, pattern)
    if (ends := looking.settings.ends) is not None:
        return [_next_day(looking, ends)]
    return _new_days(looking) or [_test_part(looking)]


def _new_files(looking: Looking, pattern: str) -> list[Period]:
    origin = f"drift.current of {looking.source}:"
    files = current_files(pattern, root=looking.project.root, origin=origin)
    stamps = {check.stamp for check in looking.past}
    digests = {check.digest for check in looking.past}
    unseen = [_of_file(looking, file) for file in files if file.stamp not in stamps]
    new = [period for period in unseen if period.identity not in digests]
    return new or [_of_file(looking, files[-1])]


def _of_file(looking: Looking, file: CurrentFile) -> Period:
    def read() -> pd.DataFrame:
        behind = looking.project.look_back(looking.source)
        return read_features(looking.settings, file.path, looking.schema, behind=behind)[1]

    try:
        identity = file.digest()
    except DataError as error:  # told where its rows are read: the other files are no worse for it
        identity, read = file.stamp, _refusal(error)
    return Period(printable(file.path.name), "file", identity, read, end=file.written, file=file)


def _refusal(reason: DataError) -> Callable[[], pd.DataFrame]:
    def read() -> pd.DataFrame:
        raise reason

    return read


def _of_scenario(looking: Looking, scenario: str) -> Period:
    connections, since = read_scenario(looking.settings, scenario, name=looking.source)
    # Of connections that began on the last day, some are known after it.
    start, end = since.to_pydatetime(), connections[TIME].max().ceil("D").to_pydatetime()
    kind = looking.settings.row_kind

    def read() -> pd.DataFrame:
        return _features_between(kind, connections, looking.schema, (start, end))

    identity = f"{scenario} {_digest(looking.settings.model_dump_json())}"
    return Period(f"scenario {scenario}", "scenario", identity, read, start, end)


def _of_archive(looking: Looking, asked: PeriodSettings) -> Period:
    def reading() -> AbstractContextManager[None]:
        return dvc_lock(looking.project, needed=False)

    since, until = asked.moments
    with reading():
        archive = open_archive(looking.project.ingested(looking.source))
        # Its rows say where open ends are.
        since = since or archive.first
        if until is None and (last := archive.last) is not None:
            until = last + dt.timedelta.resolution
        if since is None or until is None:
            raise DataError(f"source {looking.source} has no times: there is no period of it")
        start, end, at_once = since, until, looking.params.rows_at_once
        digest = digest_of_period(archive, start, end, rows=at_once)

    def read() -> pd.DataFrame:
        with reading():
            rows = read_period(archive, ["train"], start, end, looking.schema, rows=at_once)
        if rows.empty:
            raise DataError(f"source {looking.source} has no row from {start} until {end}")
        return rows

    identity = f"{start.isoformat()} {end.isoformat()} {digest}"  # rows may come in late
    name = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}"
    return Period(name, "period", identity, read, start, end)


def _next_day(looking: Looking, ends: dt.datetime) -> Period:
    start = max([ends, *(check.end for check in looking.past if check.kind == "day" and check.end)])
    end, kind = start + _DAY, looking.settings.row_kind

    def read() -> pd.DataFrame:
        rows = later_days(looking.settings, start, end, reach=LOOK_BACK)
        return _features_between(kind, rows, looking.schema, (start, end))

    return _of_days(start, end, read)


def _new_days(looking: Looking) -> list[Period]:
    # A stage that runs takes the old rows away first. One who only reads needs no lock where none
    # can be made.
    def reading() -> AbstractContextManager[None]:
        return dvc_lock(looking.project, needed=False)

    with reading():
        archive = open_archive(looking.project.ingested(looking.source))
        parts = ["train", "test"] if archive.has_test else ["train"]
        known = [archive.known_at(part) for part in parts]
    timed = [times for times in known if times is not None]
    if len(timed) < len(known):
        return []
    times = pd.concat(timed).dropna().sort_values().reset_index(drop=True)
    zone = looking.params.drift.zone or "UTC"
    if times.empty:
        return []

    def period(start: dt.datetime, end: dt.datetime) -> Period:
        def read() -> pd.DataFrame:
            with reading():
                return read_period(
                    archive, parts, start, end, looking.schema, rows=looking.params.rows_at_once
                )

        return _of_days(start, end, read, zone)

    checked = [
        (one.start, one.end) for one in looking.past if one.kind == "day" and one.start and one.end
    ]
    if not checked:
        return [period(*days) for days in _last_days(times, zone)]
    last = max(checked, key=lambda days: days[1])
    return [period(*days) for days in _days_since(times, last[1], zone) or [last]]


def _days_since(times: pd.Series, since: dt.datetime, zone: str = "UTC") -> list[Interval]:
    """Return the whole days with rows since a moment; days of too few rows join the next one."""
    periods: list[Interval] = []
    later, start = times[times >= since], None
    # Days without any rows, such as a weekend, are part of no period.
    for begin, end in _whole_days(later, zone):
        start = max(begin, since) if start is None else start
        if int(((later >= start) & (later < end)).sum()) >= MIN_ROWS:
            periods.append((start, end))
            start = None
    return periods


def _last_days(times: pd.Series, zone: str = "UTC") -> list[Interval]:
    """Return the last whole day, or as many days as hold enough rows."""
    days = _whole_days(times, zone)
    for start, _ in reversed(days):
        end = days[-1][1]
        if int(((times >= start) & (times < end)).sum()) >= MIN_ROWS:
            return [(start, end)]
    return []


def _whole_days(times: pd.Series, zone: str = "UTC") -> list[Interval]:
    """Return the days by a zone's clock that have rows and are over, in UTC."""
    if times.empty:
        return []
    # A few rows of a clock that is wrong must not end a day that goes on.
    newest = times.iloc[-min(MIN_ROWS, len(times))].to_pydatetime()
    now = max(dt.datetime.now(dt.UTC), newest)
    dates = times.dt.tz_convert(zone).dt.tz_localize(None).dt.normalize().unique()
    days = [
        (_midnight(date, zone), _midnight(date + _DAY, zone)) for date in map(pd.Timestamp, dates)
    ]
    return [(start, end) for start, end in days if end <= now]


def _midnight(date: pd.Timestamp, zone: str) -> dt.datetime:
    # In some zones clocks are changed at midnight.
    local = date.tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    return local.tz_convert("UTC").to_pydatetime()


def _of_days(
    start: dt.datetime, end: dt.datetime, read: Callable[[], pd.DataFrame], zone: str = "UTC"
) -> Period:
    begin, last = (
        pd.Timestamp(moment).tz_convert(zone).date()
        for moment in (start, end - dt.timedelta(microseconds=1))
    )
    name = f"{begin}" if begin == last else f"{begin} to {last}"
    return Period(name, "day", f"{start.isoformat()} {end.isoformat()}", read, start, end)


def _test_part(looking: Looking) -> Period:
    prepared = Prepared(looking.project.prepared(looking.source))
    return Period(NEWEST_ROWS, "test part", prepared.digest("test"), lambda: prepared.part("test"))


def _features_between(
    kind: RowKind, rows: pd.DataFrame, schema: FeatureSchema, interval: Interval
) -> pd.DataFrame:
    """Return the feature frame of the rows known in an interval, of those before it only memory."""
    features, inside = FeaturesInBatches(kind, schema), _inside(rows, interval, KNOWN_AT[kind])
    first = int(inside.argmax()) if inside.any() else len(rows)
    features.take(rows.iloc[:first])
    found = features.of(rows.iloc[first:].reset_index(drop=True))
    return found[_inside(found, interval, KNOWN_AT[kind])].reset_index(drop=True)


def _inside(rows: pd.DataFrame, interval: Interval, time: str) -> NDArray[np.bool_]:
    start, end = interval
    return ((rows[time] >= start) & (rows[time] < end)).to_numpy(dtype=bool)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
