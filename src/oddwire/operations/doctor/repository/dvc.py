"""DVC's files and locks, and its cache."""

from __future__ import annotations

import configparser
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import yaml

from oddwire.operations.doctor.finding import Fact, Finding, quoted
from oddwire.operations.doctor.ground import Ground
from oddwire.operations.doctor.repository.git import tracked

_FASTEST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CACHE_SECONDS = 8.0  # that hashing cached files may take


def see_dvc(ground: Ground) -> Iterator[Finding | Fact]:
    """Look at DVC's files, its locks and its cache."""
    root = ground.root
    for name in ("dvc.yaml", "dvc.lock"):
        yield from _is_yaml(root, name)
    if not (root / ".dvc").is_dir():
        remedy = "git checkout HEAD -- .dvc" if tracked(root, ".dvc") else "dvc init --no-scm"
        yield Finding(subject=".dvc", problem="is not there: no stage can run", remedy=remedy)
        return
    yield from _remotes(root)
    yield from _rwlock(root)
    yield from _cache(root)


def _is_yaml(root: Path, name: str) -> Iterator[Finding]:
    file = root / name
    restore = f"git checkout HEAD -- {name}"
    if not file.is_file():
        if name == "dvc.yaml":
            problem = "is not there: no stage can run"
            yield Finding(subject=name, problem=problem, remedy=restore)
        return
    if not isinstance(_yaml(file), dict):
        yield Finding(
            subject=name, problem="is not YAML of keys and values: no stage can run",
            remedy=restore if tracked(root, name) else f"mv {name} {name}.damaged",
        )  # fmt: skip


def _yaml(file: Path) -> Any:
    with suppress(OSError, yaml.YAMLError, ValueError, RecursionError):
        return yaml.load(file.read_text(encoding="utf-8"), _FASTEST)  # noqa: S506 - a SafeLoader
    return None


def _remotes(root: Path) -> Iterator[Finding | Fact]:
    config = configparser.ConfigParser(interpolation=None, strict=False)
    for name in ("config", "config.local"):
        try:
            config.read(root / ".dvc" / name, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError):
            yield Finding(
                subject=f".dvc/{name}", problem="is no configuration that DVC can read",
                remedy=f"${{EDITOR:-vi}} .dvc/{name}",
            )  # fmt: skip
            return
    urls = {
        section.split('"')[1]: config.get(section, "url", fallback="")
        for section in config.sections()
        if section.strip("'").startswith('remote "')
    }
    chosen = config.get("core", "remote", fallback="")
    if chosen and chosen not in urls:
        yield Finding(
            subject=".dvc/config", severity="warning",
            problem=f"core.remote is {chosen}, and there is no remote of that name: nothing can be "
            "pushed", remedy="dvc config --unset core.remote",
        )  # fmt: skip
    for name, url in urls.items():
        local = not urlsplit(url).scheme and url
        if local and not (root / ".dvc" / url).is_dir():
            yield Finding(
                subject=f"DVC remote {name}", severity="warning",
                problem=f"its folder {url} is not there",
                remedy=f"mkdir -p {quoted(root / '.dvc' / url, root)}",
            )  # fmt: skip
    yield Fact(f"DVC: {len(urls)} remotes" if urls else "DVC: no remote, data stay here")


def _rwlock(root: Path) -> Iterator[Finding]:
    """Yield what a killed DVC leaves: it believes in a lock as long as a process has its number."""
    file = root / ".dvc" / "tmp" / "rwlock"
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        writers, readers = held.get("write", {}).values(), held.get("read", {}).values()
        pids = {info["pid"] for info in writers} | {
            each["pid"] for many in readers for each in many
        }
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        yield Finding(
            subject=".dvc/tmp/rwlock", problem="is damaged, and DVC does nothing until it is gone",
            remedy="rm .dvc/tmp/rwlock",
        )  # fmt: skip
        return
    for pid in sorted(pids):
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if not any("dvc" in word for word in process.cmdline()):
                yield Finding(
                    subject=".dvc/tmp/rwlock",
                    problem=f"process {pid} is said to use data, but it is {process.name()}: "
                    "a killed DVC had its number, and DVC waits for it",
                    remedy="rm .dvc/tmp/rwlock",
                )
                return


def _cache(root: Path) -> Iterator[Finding | Fact]:
    """Compare cached files that ``dvc.lock`` names with their own names, the hashes of them."""
    content = _yaml(root / "dvc.lock")
    stages = content.get("stages", {}) if isinstance(content, dict) else {}
    outs = [
        (stage, str(out["md5"]))
        for stage, entry in (stages.items() if isinstance(stages, dict) else ())
        if isinstance(entry, dict)
        for out in entry.get("outs") or ()
        if isinstance(out, dict) and out.get("md5")
    ]
    until, looked = time.monotonic() + _CACHE_SECONDS, 0
    for stage, md5 in outs:
        for file, digest in _cached(root, md5):
            if time.monotonic() > until:
                yield Fact(f"DVC cache: {looked} files are whole; the others take too long to read")
                return
            looked += 1
            if _md5(file) not in {digest, None}:
                yield Finding(
                    subject=quoted(file, root),
                    problem=f"this file of DVC's cache is damaged: {stage} would be brought back "
                    "wrong", remedy=f"rm -f {quoted(file, root)} && dvc repro --force {stage}",
                )  # fmt: skip
    yield Fact(f"DVC cache: {looked} files are whole")


def _cached(root: Path, md5: str) -> Iterator[tuple[Path, str]]:
    """Yield the cached files of an output that are here, and what their hash must be."""
    listing = _place(root, md5)
    if not listing.is_file():
        return
    yield listing, md5.removesuffix(".dir")
    if md5.endswith(".dir"):
        with suppress(OSError, ValueError, TypeError, KeyError):
            for entry in json.loads(listing.read_text(encoding="utf-8")):
                file = _place(root, str(entry["md5"]))
                if file.is_file():
                    yield file, str(entry["md5"])


def _place(root: Path, md5: str) -> Path:
    return root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / md5[2:].replace("/", "")


def _md5(file: Path) -> str | None:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(
                content, lambda: hashlib.md5(usedforsecurity=False)
            ).hexdigest()
    except OSError:
        return None
