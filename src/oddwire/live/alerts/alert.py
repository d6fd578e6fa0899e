"""An alert: one connection that is at least as unusual as the model's alert p-value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from oddwire.live.alerts.kinds import Kind
from oddwire.live.alerts.reason import Reason
from oddwire.live.alerts.severity import Severity

_ID_LENGTH = 32  # hex digits: 128 bits


@dataclass(frozen=True)
class Endpoint:
    """One end of a connection; each part is None where unknown.

    Parameters
    ----------
    address
        As the log has it, printable.
    port
        0 to 65535.
    bytes, packets
        What this end sent.
    side
        ``inside``, ``outside`` or ``multicast`` (`traffic.addresses`).
    """

    address: str | None = None
    port: int | None = None
    bytes: int | None = None
    packets: int | None = None
    side: str | None = None


@dataclass(frozen=True)
class MadeBy:
    """What raised an alert.

    Parameters
    ----------
    source
        The name under ``sources:`` of ``params.yaml``.
    model
        The registered model's name.
    model_version, data_version
        The registry's version, and the DVC hash of the rows that it was trained on.
    threshold
        The anomaly score from which on an alert was raised: the model's, or where the threshold
        follows drift, what it had come to.
    """

    source: str
    model: str
    model_version: str
    data_version: str
    threshold: float


@dataclass(frozen=True)
class Alert:
    """One alert. All text is printable and short; all times are microseconds since 1970.

    Parameters
    ----------
    id
        32 hex digits, the same whenever the same row is scored again (`alert_id`).
    made_by
        Which model, for which source.
    unit
        Whom its alerts are counted with (`traffic.units`): the source address, or what the source's
        ``unit:`` names; None where unknown.
    clock
        When it could be known, on the clock of the rows; None where rows have no time.
    start, end
        Of the connection.
    uid
        The log's own id of it.
    source, destination
        Its ends.
    proto, service
        Such as ``tcp`` and ``ssh``.
    score, p_value, extrapolated
        As in the scored file.
    unit_p_value
        The share of benign units whose worst row is at least as anomalous as this row. (The scored
        file's column is that of the unit's worst row so far, which may be another row.)
    kind, severity
        What it looks like, and how urgent it is.
    reasons
        The features that set it apart, the first first; empty where not explained.
    suppressed_by
        The reason of the allow-list's entry that keeps it from being sent; None where none does.
    """

    id: str
    made_by: MadeBy
    unit: str | None
    clock: int | None
    start: int | None
    end: int | None
    uid: str | None
    source: Endpoint
    destination: Endpoint
    proto: str | None
    service: str | None
    score: float
    p_value: float
    extrapolated: bool
    unit_p_value: float
    kind: Kind
    severity: Severity
    reasons: tuple[Reason, ...] = ()
    suppressed_by: str | None = None

    def suppressed(self, reason: str | None) -> Self:
        """Return it with what keeps it from being sent, or None."""
        return replace(self, suppressed_by=reason)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        # `dataclasses.asdict` copies value by value, and takes ten times as long.
        return vars(self) | {
            "made_by": dict(vars(self.made_by)),
            "source": dict(vars(self.source)),
            "destination": dict(vars(self.destination)),
            "kind": self.kind.value,
            "severity": self.severity.value,
            "reasons": [dict(vars(reason)) for reason in self.reasons],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Read back what `to_dict` wrote."""
        read = {
            "made_by": MadeBy(**content["made_by"]),
            "source": Endpoint(**content["source"]),
            "destination": Endpoint(**content["destination"]),
            "kind": Kind(content["kind"]),
            "severity": Severity(content["severity"]),
            "reasons": tuple(Reason(**reason) for reason in content["reasons"]),
        }
        return cls(**(dict(content) | read))


def alert_id(source: str, place: str) -> str:
    """Return the id of the alert of a row, the same whenever the row is scored again.

    Parameters
    ----------
    source
        The name of the source.
    place
        Where the row lies among the source's rows, such as a file's identity and the offset of the
        line's end: two rows that are equal in all else are two alerts. No model's version enters:
        a row that is scored again by a new champion stays one alert.

    Examples
    --------
    >>> alert_id("office", "17:4096")
    'd13802925810977df4a6c89e3cc99efe'
    """
    return hashed_id("alert", source, place)


def hashed_id(*parts: str) -> str:
    """Return an id of some texts, of which no two lists have the same."""
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode("utf-8", "surrogatepass")
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()[:_ID_LENGTH]
