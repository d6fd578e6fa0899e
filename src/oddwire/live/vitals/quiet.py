"""When nothing comes any more, that is said, once; and once more when it goes on."""

from __future__ import annotations

from oddwire.live.alerts.formats.quiet import Quiet
from oddwire.live.vitals.vitals import Vitals


def due(vitals: Vitals) -> Quiet | None:
    """Return what sinks are to be told now, None where there is nothing new.

    Call `Vitals.told` before the commit that sends it, which keeps that it was told; until
    then the same is due.
    """
    if vitals.quiet_since is None:
        is_quiet = vitals.state == "quiet"
        return Quiet("quiet", vitals.source, vitals.last_at, vitals.now) if is_quiet else None
    if vitals.scored_since_told:
        return Quiet("going on", vitals.source, vitals.quiet_since, vitals.now)
    return None
