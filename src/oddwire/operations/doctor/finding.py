"""What a look brings: something that is wrong, or a fact worth a line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from oddwire.masking import without_secrets
from oddwire.traffic.wire_text import printable

Severity = Literal["broken", "warning"]
LONGEST_SUBJECT, LONGEST_PROBLEM, LONGEST_REMEDY = 120, 400, 2000
# What `Finding.mend` does by itself: safe, since it touches what dead processes left and no more.
MEND = "oddwire doctor --mend"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong, on one line, and the command that mends it.

    Names from the wire, addresses and other people's commands are in it: control characters are
    replaced, and secrets left out.

    Parameters
    ----------
    subject
        What is wrong: a file, a server, a source.
    problem
        What is wrong with it, and what comes of that.
    remedy
        A shell command, to be run in the project's folder.
    severity
        ``broken`` where something cannot work, else ``warning``.
    mend
        Does what the remedy says, where that is `MEND`.
    """

    subject: str
    problem: str
    remedy: str = MEND
    severity: Severity = "broken"
    mend: Callable[[], object] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        longest = {
            "subject": LONGEST_SUBJECT, "problem": LONGEST_PROBLEM, "remedy": LONGEST_REMEDY,
        }  # fmt: skip
        for name, most in longest.items():
            object.__setattr__(self, name, _shown(getattr(self, name), most))

    def to_dict(self) -> dict[str, str]:
        """Return plain values, for JSON."""
        return {
            "severity": self.severity, "subject": self.subject, "problem": self.problem,
            "remedy": self.remedy,
        }  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """Something that was seen and is as it should be, on one line.

    Parameters
    ----------
    figure
        Whether people want to see it each time, such as the age of a champion.
    """

    text: str
    figure: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", _shown(self.text, LONGEST_PROBLEM))


def _shown(text: str, longest: int) -> str:
    return printable(without_secrets(" ".join(text.split())), longest)


def quoted(place: Path | str, root: Path | None = None) -> str:
    """Return a path as a shell takes it, seen from the project's folder where it lies in there."""
    path = Path(place)
    if root is not None and path.is_relative_to(root):
        path = path.relative_to(root)
    shown = str(path)
    return shlex.quote(f"./{shown}" if shown.startswith("-") else shown)


def in_words(days: float) -> str:
    """Return how long ago something was, as people say it."""
    if days < 1:
        hours = max(int(days * 24), 0)
        return "less than an hour" if hours == 0 else _counted(hours, "hour")
    return _counted(int(days), "day")


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
