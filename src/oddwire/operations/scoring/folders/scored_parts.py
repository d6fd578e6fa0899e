"""What scoring into a folder came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from oddwire.detection.model import Model
from oddwire.evaluation.observed import target_of
from oddwire.operations.registry.versions import Version
from oddwire.operations.scoring.folders.scored_folder import Noted

_COUNTS = (
    "rows", "refused", "alerts", "alerting_units", "incidents", "days", "missing", "infinite",
    "unseen",
)  # fmt: skip
_ADAPTIVE_COUNTS = ("adaptive_alerts", "adaptive_incidents")


@dataclass(frozen=True)
class ScoredParts:
    """What scoring many files, or the days of a period, came to.

    The counts are over all of them: ``before`` says how many an earlier scoring had done.
    ``seconds`` is this one's time. The others are those of `ScoredFile`.
    """

    out: Path
    parts: int
    before: int
    rows: int
    refused: int
    alerts: int
    alerting_units: int
    incidents: int
    days: float
    target: dict[str, float]
    alert_p_value: float
    version: str
    detector: str
    missing: int
    infinite: int
    unseen: int
    seconds: float
    adaptive_alerts: int | None = None
    adaptive_incidents: int | None = None

    @classmethod
    def of(
        cls,
        out: Path,
        notes: Sequence[Noted],
        model: Model,
        version: Version,
        *,
        before: int,
        seconds: float,
        adaptive: bool,
    ) -> Self:
        """Add up what was noted of each."""
        names = _COUNTS + (_ADAPTIVE_COUNTS if adaptive else ())
        sums = {name: sum(getattr(one, name) for one in notes) for name in names}
        return cls(
            out=out, parts=len(notes), before=before, **sums, seconds=seconds,
            target=target_of(model.threshold_rule), alert_p_value=model.alert_p_value,
            version=version.number, detector=version.detector,
        )  # fmt: skip

    @property
    def alert_rate(self) -> float | None:
        """The share of the rows that raise an alert; None of no rows."""
        return self.alerts / self.rows if self.rows else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self) | {"alert_rate": self.alert_rate, "out": str(self.out)}
