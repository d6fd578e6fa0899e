"""When nothing comes any more, that is said, once; and once more when it goes on."""

from __future__ import annotations

from oddwire.live.alerts.formats.silence import Silence
from oddwire.live.vitals.vitals import Vitals


def due(vitals: Vitals) -> Silence | None:
    """Return what sinks are to be told now, None where there is nothing new.

    Call `Vitals.told` once it is committed: until then the same is due.
    """
    if vitals.silent_since is None:
        silent = vitals.state == "quiet"
        return Silence("silent", vitals.source, vitals.last_at, vitals.now) if silent else None
    if vitals.scored_since_told:
        return Silence("going on", vitals.source, vitals.silent_since, vitals.now)
    return None
