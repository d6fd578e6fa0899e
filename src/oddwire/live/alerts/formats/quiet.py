"""That nothing has come for a while, and that it goes on, as ECS and OCSF say it.

A sensor that has died, a disk that is full or a path that has changed looks like a quiet night.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from oddwire.durations import in_time
from oddwire.live.alerts.alert import hashed_id
from oddwire.live.alerts.formats import ecs, ocsf
from oddwire.live.alerts.formats.wording import iso_time, known
from oddwire.live.alerts.severity import Severity

_MINUTE, _MILLISECOND = 60_000_000, 1000  # microseconds
_ACTIONS = {"quiet": "source-quiet", "going on": "source-going-on"}
_SEVERITIES = {
    "quiet": ecs.SEVERITIES[Severity.MEDIUM], "going on": ecs.SEVERITIES[Severity.LOW],
}  # fmt: skip
_APPLICATION, _APPLICATION_ERROR = 6, 6008
_ACTIVITIES = {"quiet": (1, "General Error"), "going on": (99, "Going On")}
_OCSF_SEVERITIES = {"quiet": (3, "Medium"), "going on": (1, "Informational")}
_STATUS = {"quiet": (2, "Failure"), "going on": (1, "Success")}


@dataclass(frozen=True)
class Quiet:
    """A source that has become quiet, or goes on. Times: microseconds since 1970, wall clock.

    Parameters
    ----------
    what
        ``quiet`` or ``going on``.
    source
        Of which nothing came.
    since
        When its last connection was scored.
    at
        When this was noticed.
    """

    what: Literal["quiet", "going on"]
    source: str
    since: int
    at: int

    @property
    def id(self) -> str:
        """Hex digits that are the same whenever the same beginning, or end, is told."""
        return hashed_id("quiet", self.source, str(self.since), self.what)

    @property
    def message(self) -> str:
        """What to tell people."""
        lasted = in_time(max(self.at - self.since, 0) / _MINUTE)
        if self.what == "quiet":
            return (
                f"no connection of source {self.source!r} has been scored for {lasted}: look "
                "whether its sensor writes logs, and where; `oddwire doctor` looks here"
            )
        return f"connections of source {self.source!r} are scored again, after {lasted}"


def quiet_document(quiet: Quiet, *, observer: str, version: str) -> dict[str, Any]:
    """Return it as a document in the Elastic Common Schema.

    Parameters
    ----------
    quiet
        What to say.
    observer
        The name of this installation, such as its host's.
    version
        Of oddwire.
    """
    event = {
        "kind": "event",
        "category": ["network"],
        "type": ["info"],
        "action": _ACTIONS[quiet.what],
        "id": quiet.id,
        "module": "oddwire",
        "dataset": "oddwire.watch",
        "severity": _SEVERITIES[quiet.what],
        "start": iso_time(quiet.since),
        "end": iso_time(quiet.at),
        "created": iso_time(quiet.at),
        "reason": quiet.message,
    }
    return known({
        "@timestamp": iso_time(quiet.at),
        "ecs": {"version": ecs.VERSION},
        "message": quiet.message,
        "event": known(event),
        "observer": ecs.observer_of(observer, version),
        "oddwire": {"source": quiet.source},
    })  # fmt: skip


def quiet_event(quiet: Quiet, *, version: str) -> dict[str, Any]:
    """Return it as an Application Error (class 6008) of OCSF."""
    activity, caption = _ACTIVITIES[quiet.what]
    severity, severity_name = _OCSF_SEVERITIES[quiet.what]
    status, status_name = _STATUS[quiet.what]
    return {
        "activity_id": activity,
        "activity_name": caption,
        "category_uid": _APPLICATION,
        "category_name": "Application Activity",
        "class_uid": _APPLICATION_ERROR,
        "class_name": "Application Error",
        "type_uid": _APPLICATION_ERROR * 100 + activity,
        "type_name": f"Application Error: {caption}",
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "time": quiet.at // _MILLISECOND,
        "start_time": quiet.since // _MILLISECOND,
        "end_time": quiet.at // _MILLISECOND,
        "message": quiet.message,
        "metadata": {
            "version": ocsf.VERSION,
            "uid": quiet.id,
            "product": {"name": "oddwire", "vendor_name": "oddwire", "version": version},
        },
        "unmapped": {"source": quiet.source},
    }
