"""One run of DVC: its environment, its log, and what it failed of."""

from __future__ import annotations

import configparser
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from oddwire.errors import DataError, OddwireError, ServiceError
from oddwire.operations.data.git import why_no_repository
from oddwire.operations.progress import progress
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

# How lines of a stage begin that are for the person who waits, not for the log alone.
ERROR, REMARK, PROGRESS = "error: ", "note: ", "at: "
_STAGE_BEGINS = "Running stage '"
_ENDED_BADLY = re.compile(r"failed to run: .*, exited with (-?\d+)$")
_OF_THE_SHELL = 128  # which adds it to the number of the signal that ended its child
_MOST_LINES = 6
_LONGEST = 500  # of a line that a program printed as its last one
_SYSTEM_CONFIG = "DVC_SYSTEM_CONFIG_DIR"


def run_dvc(
    project: Project,
    arguments: Sequence[str],
    *,
    log: str,
    step: str,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a command of DVC in the project.

    Parameters
    ----------
    log
        Name of its log in ``data/logs``: ``NAME.log`` is of the newest run, ``NAME.failed.log`` of
        the newest that failed, which a later one that succeeds leaves alone.
    step
        The step that advances with each stage that begins.
    environment
        What the stages are told by their environment.

    Raises
    ------
    DataError
        If a stage refused its input; the message is the stage's own.
    ServiceError
        If a stage or DVC itself failed for another reason.
    """
    if set("{}") & set(str(project.root)):  # DVC takes them for a template of its own
        raise ServiceError(
            f"DVC cannot work below a folder with a brace in its name, got {project.root}: move it"
        )
    _complete(project.root / ".dvc")
    newest = project.logs / f"{log}.log"
    failed = project.logs / f"{log}.failed.log"
    with _environment(project) as around, _log(newest) as kept:
        code, lines = _run(project, arguments, {**around, **(environment or {})}, kept, step)
    if code == 0:
        return
    with suppress(OSError):
        newest.replace(failed)
    raise _failure(lines, code, log=failed if failed.is_file() else None)


def _complete(folder: Path) -> None:
    """Make DVC's folder where an export lacks it; DVC itself fills it."""
    if not folder.is_dir():
        folder.mkdir()
        (folder / ".gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")


def _run(
    project: Project,
    arguments: Sequence[str],
    environment: dict[str, str],
    kept: IO[str],
    step: str,
) -> tuple[int, list[str]]:
    lines = []
    with subprocess.Popen(  # noqa: S603 - targets are names that params.yaml checked
        [sys.executable, "-m", "dvc", *arguments],
        cwd=project.root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as dvc:
        for line in dvc.stdout or ():
            with suppress(OSError):  # a full disk is for the stages to tell
                kept.write(line)
                kept.flush()
            lines.append(line.rstrip())
            if line.startswith(_STAGE_BEGINS):
                progress().advance(step, line.split("'")[1])
            elif line.startswith(REMARK):
                progress().remark(line.removeprefix(REMARK).rstrip())
            elif line.startswith(PROGRESS):
                progress().advance(step, line.removeprefix(PROGRESS).rstrip())
    return dvc.returncode, lines


@contextmanager
def _log(file: Path) -> Iterator[IO[str]]:
    """Open a log; where its folder cannot be written to, nothing is kept."""
    kept: IO[str] = io.StringIO()
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        kept = file.open("w", encoding="utf-8")
    try:
        yield kept
    finally:
        with suppress(OSError):
            kept.close()


@contextmanager
def _environment(project: Project) -> Iterator[dict[str, str]]:
    # The stages say `python`: let that be this one, and let all of them write as they are read.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    environment = {
        **os.environ,
        "PATH": path,
        "PYTHONUTF8": "1",  # whatever the locale: DVC keeps paths as UTF-8
        "PYTHONIOENCODING": "utf-8:backslashreplace",
        # A relative one would count from the project's folder, where the stages run.
        "ODDWIRE_PROJECT": str(project.root),
    }
    if why_no_repository(project.root) is None:
        yield environment
        return
    # DVC asks for a repository unless it is told that there is none. Its lowest level of settings
    # tells it for this run: no file of the project changes, and who set it otherwise is obeyed.
    with TemporaryDirectory() as folder:
        with (Path(folder) / "config").open("w", encoding="utf-8") as config:
            _without_git(environment).write(config)
        yield {**environment, _SYSTEM_CONFIG: folder}


def _without_git(environment: dict[str, str]) -> configparser.ConfigParser:
    import platformdirs

    place = environment.get(_SYSTEM_CONFIG) or platformdirs.site_config_dir("dvc", "iterative")
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    with suppress(configparser.Error, UnicodeDecodeError):
        settings.read(Path(place) / "config", encoding="utf-8")
    if not settings.has_section("core"):
        settings.add_section("core")
    settings.set("core", "no_scm", "true")
    return settings


def _failure(lines: Sequence[str], code: int, *, log: Path | None) -> OddwireError:
    """Return what a run of DVC failed of, by what it printed and the code that it ended with."""
    begun = [at for at, line in enumerate(lines) if line.startswith(_STAGE_BEGINS)]
    said = lines[begun[-1] :] if begun else lines
    for line in said:
        if line.startswith(ERROR):
            return DataError(line.removeprefix(ERROR))
    errors = [line for line in lines if line.startswith("ERROR")]
    # A dvc.yaml that is not YAML is reported in a paragraph, the file's name in its first line.
    reason = " ".join(" ".join(errors or lines[-_MOST_LINES:]).split())
    where = f" (its log: {log})" if log else ""
    ended = next((found for line in errors if (found := _ENDED_BADLY.search(line))), None)
    if ended and begun:
        stage = said[0].split("'")[1]
        return ServiceError(f"stage {stage!r} {_how_it_ended(int(ended[1]), said)}{where}")
    if code < 0:
        reason = _killed(-code)
    return ServiceError(f"dvc repro failed: {reason}{where}")


def _how_it_ended(code: int, said: Sequence[str]) -> str:
    number = -code if code < 0 else code - _OF_THE_SHELL
    if number in signal.valid_signals():
        return f"was {_killed(number)}"
    own = [line for line in said[1:] if line.strip() and not line.startswith(("ERROR", "> "))]
    if not own:
        return f"failed without a word, exit code {code}"
    return f"failed: {printable(_what_it_said(own).strip(), _LONGEST)}"


def _what_it_said(lines: Sequence[str]) -> str:
    """Return the line that names the exception of the last traceback, or else the last line."""
    found = [at for at, line in enumerate(lines) if line.startswith("Traceback (most recent call")]
    after = lines[found[-1] + 1 :] if found else []
    # Its message may have many lines, and the first one says most.
    return next((line for line in after if not line.startswith(" ")), lines[-1])


def _killed(number: int) -> str:
    memory = "; the kernel does this when memory is short" if number == signal.SIGKILL else ""
    return f"killed by signal {number}{memory}"
