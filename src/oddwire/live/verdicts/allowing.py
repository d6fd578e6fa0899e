"""Changing the allow-list, and applying it again to the alerts that are stored."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from oddwire.disk.drafts import whole_file
from oddwire.errors import DataError, ParameterError
from oddwire.live.alerts.alert import Alert
from oddwire.live.verdicts.allow_list import ListedEntry, listed_entry, read_allow_list
from oddwire.live.verdicts.allow_text import with_entry, without_entry
from oddwire.operations.locks import lock
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

_DAYS = re.compile(r"([1-9][0-9]{0,4})d")


def add_entry(
    project: Project,
    given: dict[str, Any],
    *,
    source: str | None = None,
    now: dt.datetime | None = None,
) -> ListedEntry:
    """Write an entry at the end of the allow-list.

    Parameters
    ----------
    given
        Its keys as `AllowEntry.from_dict` reads them; ``expires`` may be days from now (``30d``).
    source
        The source of ``params.yaml`` that it is for; None for all.

    Raises
    ------
    ParameterError
        If it is not what an entry must be, has expired, is for no source, or must be added by hand.
    """
    now = now or dt.datetime.now(dt.UTC)
    if source is not None:
        load_params(project.params_file).source(source)  # which says what sources there are
    content = {key: _one_line(value) for key, value in given.items() if value is not None}
    content["expires"] = _days_from(now, content.get("expires"))
    with one_change_at_a_time(project):
        listed = read_allow_list(project.allow_list)
        content |= {"for": source} if source else {}
        added = listed_entry(len(listed) + 1, content, named="the new entry")
        if added.entry.expires <= now:
            raise ParameterError(
                f"the new entry must expire later than now, got {added.entry.expires:%Y-%m-%d}"
            )
        _write(project, with_entry(_text(project), added))
    return added


def remove_entry(project: Project, number: int) -> ListedEntry:
    """Take an entry out of the allow-list.

    Raises
    ------
    ParameterError
        If there is no entry of that number, or it must be removed by hand.
    """
    with one_change_at_a_time(project):
        listed = read_allow_list(project.allow_list)
        if not 1 <= number <= len(listed):
            there = f"1 to {len(listed)}" if listed else "none"
            raise ParameterError(f"the allow-list has no entry {number}, it has {there}")
        _write(project, without_entry(_text(project), number))
    return listed[number - 1]


def count_covered(listed: Iterable[ListedEntry], alerts: Iterable[Alert]) -> dict[int, int]:
    """Count alerts by the number of the first entry that covers each."""
    entries = list(listed)
    counts = {each.number: 0 for each in entries}
    for alert in alerts:
        first = next((each.number for each in entries if each.covers(alert)), None)
        if first is not None:
            counts[first] += 1
    return counts


def one_change_at_a_time(project: Project) -> AbstractContextManager[None]:
    """Hold the list as it is; where somebody else changes or applies it, wait."""
    return lock(project.locks / "allow-list.lock", "another change of the allow-list")


def _days_from(now: dt.datetime, text: Any) -> Any:
    """Read a number of days as the end of the day so many days ahead."""
    found = _DAYS.fullmatch(str(text or ""))
    if found is None:
        return text
    try:
        day = now.astimezone(dt.UTC).date() + dt.timedelta(days=int(found[1]) + 1)
    except OverflowError:
        raise ParameterError(f"expires must be days such as 30d, got {text}") from None
    return day.isoformat()


def _one_line(value: Any) -> str:
    return printable(" ".join(str(value).split()))


def _text(project: Project) -> str:
    if not project.allow_list.exists():
        return ""
    with project.allow_list.open(encoding="utf-8-sig", newline="") as file:
        return file.read()


def _write(project: Project, text: str) -> None:
    try:
        with whole_file(project.allow_list) as draft:
            draft.write_bytes(text.encode())
    except OSError as error:
        raise DataError(f"cannot write {project.allow_list}: {error.strerror or error}") from None
