"""A table of looks, one after the other: none may raise, and none may keep the others waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Thread
from typing import Any

from oddwire.operations.doctor.finding import Fact, Finding
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.progress import progress, step

_ORDER = {"broken": 0, "warning": 1}


@dataclass(frozen=True)
class Look:
    """One kind of look.

    Parameters
    ----------
    name
        What is looked at.
    see
        Yields what it finds. It changes nothing, and makes no file or folder.
    seconds
        After which the others go on without it.
    """

    name: str
    see: Callable[[Ground], Iterable[Finding | Fact]]
    seconds: float = 60.0


@dataclass(frozen=True)
class Seen:
    """What a look brought, and the seconds that it took."""

    name: str
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "name": self.name, "facts": [fact.text for fact in self.facts],
            "findings": len(self.findings), "seconds": round(self.seconds, 2),
        }  # fmt: skip


def examine(looks: Sequence[Look], ground: Ground) -> Iterator[Seen]:
    """Look at everything in turn; a look that fails, or does not end in time, is a finding too."""
    name = "look at everything"
    with step(name, len(looks)):
        for look in looks:
            seen = _look(look, ground)
            progress().advance(name, look.name)
            yield seen


def by_weight(seen: Iterable[Seen]) -> list[Finding]:
    """Return all findings, what is broken first, else in the order in which they were found."""
    findings = [finding for each in seen for finding in each.findings]
    return sorted(findings, key=lambda finding: _ORDER[finding.severity])


def _look(look: Look, ground: Ground) -> Seen:
    found: list[Finding | Fact] = []
    begun = time.monotonic()
    # A thread of its own: a disk or server that does not answer cannot be interrupted.
    thread = Thread(target=_see, args=(look, ground, found), daemon=True, name=look.name)
    thread.start()
    thread.join(look.seconds)
    brought = list(found)
    if thread.is_alive():
        brought.append(Finding(
            subject=look.name, severity="warning",
            problem=f"no answer within {look.seconds:g} s: a disk or a server hangs, or this "
            "machine has too much to do",
            remedy="oddwire doctor --verbose",
        ))  # fmt: skip
    return Seen(
        look.name,
        tuple(each for each in brought if isinstance(each, Fact)),
        tuple(each for each in brought if isinstance(each, Finding)),
        time.monotonic() - begun,
    )


def _see(look: Look, ground: Ground, found: list[Finding | Fact]) -> None:
    try:
        for each in look.see(ground):
            found.append(each)  # noqa: PERF402 - one by one: what comes before an error stays
    except Exception as error:  # noqa: BLE001 - whatever it is, the other looks go on
        found.append(
            Finding(
                subject=look.name,
                problem=f"could not be looked at: {type(error).__name__}: {error}",
                remedy="oddwire doctor --json > doctor.json",
                severity="warning",
            )
        )
