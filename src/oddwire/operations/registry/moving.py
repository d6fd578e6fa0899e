"""Which version is champion: moved by a training's decision, or by hand; the ledger knows first.

The old champion keeps the alias ``previous``, so that it can be brought back.
"""

from __future__ import annotations

import datetime as dt
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from oddwire.errors import NoModelError, ParameterError
from oddwire.operations.locks import lock
from oddwire.operations.registry import ledger
from oddwire.operations.registry.description import with_decision
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.registry.versions import (
    CHALLENGER,
    CHAMPION,
    PREVIOUS,
    Registry,
    Version,
    model_name,
)
from oddwire.operations.tracking.store import Tracking
from oddwire.params import load_params
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

_LONGEST_TAG = 5000


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What a move by hand came to.

    Parameters
    ----------
    action
        As the ledger calls it.
    before, after
        Numbers of the champion before and after; None before the first one.
    """

    source: str
    action: str
    before: str | None
    after: str
    who: str
    why: str

    @property
    def sentence(self) -> str:
        """It in one line."""
        if self.before == self.after:
            return (
                f"{model_name(self.source)}: version {self.after} is champion already, nothing "
                "changed"
            )
        instead = "" if self.before is None else f" instead of version {self.before}"
        return (
            f"{model_name(self.source)}: version {self.after} is champion{instead} "
            f"({self.action} by {self.who}: {self.why})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "source": self.source, "action": self.action, "from": self.before, "to": self.after,
            "who": self.who, "why": self.why,
        }  # fmt: skip


def settle(registry: Registry, version: Version, decision: PromotionDecision, *, who: str) -> None:
    """Carry out a training's decision on a version.

    Parameters
    ----------
    who
        The flow run that decided.
    """
    before = registry.number(version.source)
    if not decision.promote and before == version.number:
        action = ledger.ALREADY_CHAMPION
    else:
        action = decision.outcome
    _carry_out(
        registry, version, action=action, before=before, who=who, why=decision.reason,
        promote=decision.promote, checks=decision.to_dict()["checks"],
    )  # fmt: skip


def promote_by_hand(
    project: Project, source: str, number: str, *, because: str, who: str = ""
) -> Moved:
    """Make a version champion because a person says so, whatever the rules of promotion say.

    Parameters
    ----------
    because
        Their reason, for the ledger.
    who
        A flow run that does it for them; empty for the user of this process.

    Raises
    ------
    ParameterError
        If there is no such source, no reason, or ``number`` is no number.
    NoModelError
        If there is no such version.
    ModelError
        If it does not load.
    """
    _check_source(project, source)
    if not because.strip():
        raise ParameterError("a promotion by hand must have a reason, got an empty one")
    registry = Registry.of(Tracking.connect(project), project)
    with one_move_at_a_time(project, source):
        version = registry.numbered(source, number)
        return _move(registry, version, action=ledger.BY_HAND, why=because, who=who)


def roll_back(
    project: Project, source: str, *, to: str = "", because: str = "", who: str = ""
) -> Moved:
    """Bring an earlier champion back: the previous one, or the version ``to``.

    Doing it twice returns to where it began.

    Raises
    ------
    ParameterError
        If there is no such source, or ``to`` is no number.
    NoModelError
        If there is no such version, or no previous champion.
    ModelError
        If it does not load.
    """
    _check_source(project, source)
    registry = Registry.of(Tracking.connect(project), project)
    with one_move_at_a_time(project, source):
        version = registry.numbered(source, to) if to else registry.version(source, PREVIOUS)
        if version is None:
            raise NoModelError(
                f"no previous champion of source {source!r} to roll back to: "
                "name a version with --to"
            )
        why = because if because.strip() else "no reason given"
        return _move(registry, version, action=ledger.ROLLED_BACK, why=why, who=who)


@contextmanager
def one_move_at_a_time(project: Project, source: str) -> Iterator[None]:
    """Let one process of this machine decide on a source's champion at a time.

    This is not the lock of a training: a bad champion need not stay until a search has ended.
    """
    with lock(project.locks / f"champion-{source}.lock", f"another promotion of {source}"):
        yield


def _check_source(project: Project, source: str) -> None:
    load_params(project.params_file).source(source)


def _move(registry: Registry, version: Version, *, action: str, why: str, who: str) -> Moved:
    registry.load(version)  # a champion that does not load would stop scoring and drift checks
    before = registry.number(version.source)
    why, who = " ".join(why.split()), who or user_name()
    if before == version.number:
        action = ledger.ALREADY_CHAMPION
    else:
        _carry_out(
            registry, version, action=action, before=before, who=who, why=why, promote=True
        )  # fmt: skip
    return Moved(
        source=version.source, action=action, before=before, after=version.number, who=who, why=why
    )


def _carry_out(
    registry: Registry,
    version: Version,
    *,
    action: str,
    before: str | None,
    who: str,
    why: str,
    promote: bool,
    **more: Any,
) -> None:
    """Ledger first, then tags and description, then the aliases.

    A kill between the two leaves the old champion in place and the decision on record.
    """
    ledger.append(registry.ledger, {
        "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "who": who,
        "action": action,
        "source": version.source,
        "version": version.number,
        "from": before,
        "to": version.number if promote else before,
        "reason": why,
        "run_id": version.run_id,
        "detector": version.detector,
        "manifest_sha256": version.digest,
        "promote": promote,
        **more,
    })  # fmt: skip
    if action != ledger.ALREADY_CHAMPION:  # why it became champion stays on its page
        # "Rolled back" would read as if this version had to go.
        outcome = "brought back" if action == ledger.ROLLED_BACK else action
        how = f"{outcome} by {who}: " if action in ledger.HAND_MADE else ""
        _show(registry, version, outcome, f"{how}{why}")
    if promote:
        _move_aliases(registry, version, before)


def _show(registry: Registry, version: Version, outcome: str, sentence: str) -> None:
    client, name = registry.tracking.client, model_name(version.source)
    client.set_model_version_tag(name, version.number, "promotion", outcome)
    reason = printable(" ".join(sentence.split()), _LONGEST_TAG)
    client.set_model_version_tag(name, version.number, "promotion_reason", reason)
    kept = client.get_model_version(name, version.number).description or ""
    client.update_model_version(name, version.number, with_decision(kept, sentence))


def _move_aliases(registry: Registry, version: Version, before: str | None) -> None:
    client, name = registry.tracking.client, model_name(version.source)
    if before is not None and before != version.number:
        client.set_registered_model_alias(name, PREVIOUS, before)
    client.set_registered_model_alias(name, CHAMPION, version.number)
    if registry.number(version.source, CHALLENGER) == version.number:
        client.delete_registered_model_alias(name, CHALLENGER)


def user_name() -> str:
    """Return the name of who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run as a number without a name
        return f"user {os.getuid()}"
