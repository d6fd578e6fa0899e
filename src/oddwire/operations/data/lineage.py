"""Where a result comes from: git, the DVC hashes of what was read, the environment."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from oddwire import __version__
from oddwire.errors import DataError, ParameterError
from oddwire.masking import without_secrets
from oddwire.operations.data.git import git, why_no_commit, why_no_repository
from oddwire.operations.locks import dvc_lock
from oddwire.params.text.yaml_text import read_yaml
from oddwire.project import Project

# The packages whose versions change results or the way they are kept.
PACKAGES = (
    "dvc", "evidently", "imbalanced-learn", "mlflow", "numba", "numpy", "optuna", "pandas",
    "prefect", "pyarrow", "pytorch-lightning", "safetensors", "scikit-learn", "scipy", "skops",
    "torch",
)  # fmt: skip
_MOST_DIFF = 1_000_000
_MOST_LOCKED = 50_000_000  # bytes


@dataclass(frozen=True)
class Lineage:
    """What a training ran on.

    Parameters
    ----------
    git_commit
        The commit that was checked out, None where there is none.
    git_diff
        What the tree differed from it by, untracked files named; empty where the tree was clean.
    dvc_lock
        The entries of ``dvc.lock`` for the source's stages.
    data_digest
        SHA-256 over the prepared files' names and bytes.
    no_commit
        Why there is no commit, such as "no git repository"; empty where there is one.
    """

    git_commit: str | None
    git_diff: str
    dvc_lock: dict[str, Any]
    data_digest: str
    versions: dict[str, str]
    no_commit: str = ""

    def tags(self) -> dict[str, str]:
        """Short facts, for a run's tags."""
        clean = "no" if self.git_diff else "yes"
        return {
            "git_commit": self.git_commit or "none",
            "git_tree_clean": clean if self.git_commit else self.no_commit,
            "data_digest": self.data_digest,
            "oddwire_version": __version__,
        }


def read_lineage(project: Project, source: str) -> Lineage:
    """Collect the lineage of a training of ``source`` that is about to run.

    Parameters
    ----------
    source
        A source whose ``prepare`` stage has run.
    """
    commit = None if why_no_repository(project.root) else git(project.root, "rev-parse", "HEAD")
    with dvc_lock(project):  # the stages of another source may be rewriting dvc.lock
        locked = locked_stages(project.dvc_lock, source)
    return Lineage(
        git_commit=commit.strip() if commit else None,
        git_diff=_tree_diff(project.root) if commit else "",
        no_commit="" if commit else why_no_commit(project.root),
        dvc_lock=locked,
        data_digest=folder_digest(project.prepared(source)),
        versions=package_versions(),
    )


def folder_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's files, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        with file.open("rb") as content:
            digest.update(file.name.encode())
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def package_versions() -> dict[str, str]:
    """Return versions of Python, oddwire and the packages that matter to results."""
    versions = {"python": platform.python_version(), "oddwire": __version__}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _tree_diff(root: Path) -> str:
    # dvc.lock is logged whole beside it, and a training itself rewrites it.
    here = ["--", ".", ":(exclude)dvc.lock"]
    # A person's own diff program may print nothing, and a changed tree would pass for clean.
    diff = git(root, "diff", "--no-ext-diff", "--no-color", "HEAD", *here) or ""
    untracked = git(root, "ls-files", "--others", "--exclude-standard", *here) or ""
    names = "".join(f"untracked: {name}\n" for name in untracked.splitlines())
    return without_secrets((diff + names)[: 2 * _MOST_DIFF])[
        :_MOST_DIFF
    ]  # params.yaml may hold a webhook's token


def check_dvc_lock(project: Project) -> None:
    """Refuse a ``dvc.lock`` that is damaged, before DVC says it in a paragraph.

    Raises
    ------
    DataError
        Naming it, and how it is mended.
    """
    locked_stages(project.dvc_lock, "")


def locked_stages(lock: Path, source: str) -> dict[str, Any]:
    """Return the entries of ``dvc.lock`` for a source's stages.

    Raises
    ------
    DataError
        If it is damaged.
    """
    if not lock.is_file():
        return {}
    try:
        content = read_yaml(lock, most_bytes=_MOST_LOCKED) or {}
        stages: dict[str, Any] = dict(content.get("stages") or {})
    except (ParameterError, TypeError, ValueError, AttributeError) as error:
        reason = f" ({error})" if isinstance(error, ParameterError) else ""
        raise DataError(
            f"{lock} is damaged{reason}: bring it back with `git checkout -- {lock.name}`, or move"
            " it away and every stage runs once more"
        ) from None
    return {name: entry for name, entry in stages.items() if str(name).endswith(f"@{source}")}
