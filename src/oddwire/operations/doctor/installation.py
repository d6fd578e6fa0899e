"""Python and its packages: those that oddwire asks for, in the versions that it asks for, whole."""

from __future__ import annotations

import csv
import platform
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from oddwire import __version__
from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_OURSELVES = "oddwire"
_MOST_NAMED = 12


def see_installation(ground: Ground) -> Iterator[Finding | Fact]:
    """Compare what is installed with what oddwire and ``constraints.txt`` ask for."""
    yield Fact(f"oddwire {__version__}, Python {platform.python_version()} ({sys.executable})")
    yield from _python(ground)
    needed = requirements()
    for requirement in needed:
        yield from _package(requirement)
    names = {requirement.name for requirement in needed}
    yield Fact(f"{len(names)} packages that oddwire asks for")
    yield from _damaged(sorted(names))
    yield from _constraints(ground)


def requirements() -> list[Requirement]:
    """Return what oddwire cannot do without, extras left aside."""
    from packaging.requirements import Requirement

    try:
        every = [Requirement(text) for text in metadata.requires(_OURSELVES) or ()]
    except metadata.PackageNotFoundError:  # run from its sources
        return []
    return [one for one in every if one.marker is None or one.marker.evaluate({"extra": ""})]


def _python(ground: Ground) -> Iterator[Finding]:
    from packaging.specifiers import SpecifierSet

    try:
        asked = metadata.metadata(_OURSELVES)["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        yield Finding(
            subject=_OURSELVES, problem="is not installed, so its requirements are not known",
            remedy=_pip("--editable .") if (ground.root / "pyproject.toml").is_file()
            else _pip(_OURSELVES), severity="warning",
        )  # fmt: skip
        return
    if platform.python_version() not in SpecifierSet(asked, prereleases=True):
        yield Finding(
            subject="Python", problem=f"must be {asked}, got {platform.python_version()}",
            remedy="make venv PYTHON=python3.11",
        )  # fmt: skip


def _package(asked: Requirement) -> Iterator[Finding]:
    installed = version_of(asked.name)
    wanted = f"{asked.name}{asked.specifier}"
    if installed is None:
        yield Finding(
            subject=asked.name, problem=f"is not installed; oddwire needs {wanted}",
            remedy=_pip(shlex.quote(wanted)),
        )  # fmt: skip
    elif not asked.specifier.contains(installed, prereleases=True):
        yield Finding(
            subject=asked.name, problem=f"must be {asked.specifier}, got {installed}",
            remedy=_pip(shlex.quote(wanted)),
        )  # fmt: skip


def version_of(package: str) -> str | None:
    """Return the version of an installed package, None where it is not there."""
    try:
        found: str | None = metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
    return found


def _damaged(names: list[str]) -> Iterator[Finding]:
    """Yield the packages some of whose files are gone, as after an installation that was killed."""
    for name in names:
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        # `metadata.files` leaves out what is gone.
        kept = csv.reader((package.read_text("RECORD") or "").splitlines())
        gone = [
            row[0]
            for row in kept
            if row and _matters(row[0]) and not _is_there(package.locate_file(row[0]))
        ]
        if gone:
            yield Finding(
                subject=name, problem=f"{len(gone)} of its files are gone, such as {gone[0]}",
                remedy=_pip(
                    f"--force-reinstall --no-deps {shlex.quote(f'{name}=={version_of(name)}')}"
                ),
            )  # fmt: skip


def _matters(file: str) -> bool:
    # Slim images leave out tests, and compiled files come back by themselves.
    return file.endswith((".py", ".so")) and "/test" not in file and not file.startswith("..")


@cache
def _names_in(folder: Path) -> frozenset[str]:
    try:
        return frozenset(each.name for each in folder.iterdir())
    except OSError:
        return frozenset()


def _is_there(file: object) -> bool:
    path = Path(str(file))
    return path.name in _names_in(path.parent)


def _constraints(ground: Ground) -> Iterator[Finding | Fact]:
    """Compare with ``constraints.txt``, in the versions of which oddwire was tested."""
    from packaging.requirements import InvalidRequirement, Requirement

    file = ground.root / "constraints.txt"
    if not file.is_file():
        return
    other, compared = [], 0
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            pinned = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:  # an empty line, an option of pip's
            continue
        installed = version_of(pinned.name)
        compared += installed is not None
        if installed is not None and not pinned.specifier.contains(installed, prereleases=True):
            other.append((pinned, installed))
    if not other:
        yield Fact(f"{compared} packages in the versions of constraints.txt")
        return
    named = ", ".join(f"{one.name} {got} (tested: {one.specifier})" for one, got in other[:3])
    more = f" and {len(other) - 3} more" if len(other) > 3 else ""  # noqa: PLR2004 - as above
    few = " ".join(shlex.quote(f"{one.name}{one.specifier}") for one, _ in other[:_MOST_NAMED])
    yield Finding(
        subject="packages", problem=f"not in the versions that oddwire was tested with: "
        f"{named}{more}", severity="warning",
        remedy=_pip(few if len(other) <= _MOST_NAMED else f"-r {quoted(file, ground.root)}"),
    )  # fmt: skip


def _pip(what: str) -> str:
    return f"{shlex.quote(sys.executable)} -m pip install {what}"
