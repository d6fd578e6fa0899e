"""What the data stages depend on of ``params.yaml``, and the period that one run asks for."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from oddwire.errors import ParameterError
from oddwire.params.loading import Params
from oddwire.params.text.wording import shown

USED = ("seed", "sources", "split", "explore")
# Settings of a source that change nothing that a stage makes, and must run none again.
OF_NO_STAGE = ("watch",)
# What `oddwire train --since --until` asks for, as JSON: DVC hands it on to the stages.
ASKED = "ODDWIRE_PERIODS"


@dataclass(frozen=True)
class PeriodSettings:
    """Which rows of a source are trained on, by when they could be known.

    Parameters
    ----------
    since, until
        From this moment on, and before that one, as ISO 8601 in UTC; None where there is no end.
    days
        The newest days of what is there; None for all.
    """

    since: str | None = None
    until: str | None = None
    days: int | None = None

    @classmethod
    def asked(cls, since: str = "", until: str = "") -> Self | None:
        """Return the period that somebody asks for by texts, None if both are empty.

        Raises
        ------
        ParameterError
            If one is no time, or there is nothing between them.
        """
        begin, end = (_as_time(name, text) for name, text in (("since", since), ("until", until)))
        if begin is not None and end is not None and begin >= end:
            raise ParameterError(f"since must be before until, got {since} and {until}")
        if begin is None and end is None:
            return None
        texts = [None if time is None else time.isoformat() for time in (begin, end)]
        return cls(since=texts[0], until=texts[1])

    @property
    def moments(self) -> tuple[dt.datetime | None, dt.datetime | None]:
        """Its beginning and its end as times."""
        since, until = (
            None if text is None else dt.datetime.fromisoformat(text)
            for text in (self.since, self.until)
        )  # fmt: skip
        return since, until


def stage_settings(params: Params, asked: Mapping[str, PeriodSettings]) -> str:
    """Return the content of ``data/settings.json``.

    Parameters
    ----------
    asked
        By a source's name, a period instead of that of ``params.yaml``.
    """
    content: dict[str, Any] = params.model_dump(mode="json", include=set(USED))
    for block in content["sources"].values():
        for key in OF_NO_STAGE:
            block.pop(key, None)
    content["periods"] = {
        name: asdict(asked.get(name) or of_params(params, name)) for name in params.sources
    }
    # JSON, which DVC reads as it was written: in YAML it takes a source `1e5` for a number.
    return json.dumps(content, indent=2) + "\n"


def of_params(params: Params, source: str) -> PeriodSettings:
    """Return the period that ``params.yaml`` sets for a source."""
    return PeriodSettings(days=getattr(params.source(source), "train_days", None))


def period_of(file: Path, params: Params, source: str) -> PeriodSettings:
    """Return the period of a source as the stage ``settings`` wrote it out into a file.

    Where it has not run, that of ``params.yaml``.
    """
    try:
        periods = json.loads(file.read_text(encoding="utf-8"))["periods"]
    except (OSError, ValueError, KeyError):
        return of_params(params, source)
    return PeriodSettings(**periods[source]) if source in periods else of_params(params, source)


def asked_periods() -> dict[str, PeriodSettings]:
    """Return the periods that this process was told to take."""
    given = json.loads(os.environ.get(ASKED) or "{}")
    return {name: PeriodSettings(**period) for name, period in given.items()}


def as_environment(source: str, period: PeriodSettings | None) -> dict[str, str]:
    """Return the environment that tells the stages of a period."""
    return {ASKED: json.dumps({} if period is None else {source: asdict(period)})}


def _as_time(name: str, text: str) -> dt.datetime | None:
    """Read a time; UTC where it names no zone."""
    if not text:
        return None
    try:
        time = dt.datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise ParameterError(
            f"{name} must be a time such as 2026-03-02 or 2026-03-02T14:00, got {shown(text)}"
        ) from None
