"""Public data sets: fetched from where they are published, and checked against known hashes."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from oddwire.disk.drafts import whole_file
from oddwire.errors import DataError, ParameterError, ServiceError
from oddwire.params.values.paths import file_fault
from oddwire.traffic.wire_text import shown_path

TIMEOUT = 30  # seconds without a byte


@dataclass(frozen=True)
class Published:
    """A data set as it is published.

    Parameters
    ----------
    base_url
        The address of the folder that holds the files, with a slash at the end.
    files
        File name → SHA-256 of its content, in hexadecimal.
    """

    base_url: str
    files: Mapping[str, str]


PUBLISHED: Mapping[str, Published] = {
    "nsl-kdd": Published(
        "https://raw.githubusercontent.com/defcom17/NSL_KDD/master/",
        {
            "KDDTrain+_20Percent.txt": (
                "7ea86479faab5ca2190b7f18b4982fb058ce5bf2b46e0e1017d0d9ef90f9c16e"
            ),
            "KDDTest+.txt": "fa46b0935342616aa83b7c2578db355b6a7aaabbc492248172c7a1e8b7ab8f84",
        },
    )
}


def fetch(name: str, *, into: Path, from_dir: Path | None = None) -> list[Path]:
    """Get the files of a public data set; those that are there already are left alone.

    Parameters
    ----------
    name
        One of `PUBLISHED`.
    from_dir
        A folder that holds the files already; nothing is downloaded then.

    Returns
    -------
    The paths of the files.

    Raises
    ------
    ParameterError
        If no data set of that name is known.
    DataError
        If a file is not in ``from_dir``, or is not the published one.
    ServiceError
        If a download fails or brings another content.
    """
    if name not in PUBLISHED:
        known = ", ".join(sorted(PUBLISHED))
        raise ParameterError(f"cannot fetch {name!r}: the data sets known are {known}")
    published = PUBLISHED[name]
    wanted = {
        file: digest
        for file, digest in published.files.items()
        if not _is_published(into / file, digest)
    }
    with tempfile.TemporaryDirectory() as scratch:
        if from_dir is None:
            for file, digest in wanted.items():
                _download(name, published.base_url + quote(file), digest, Path(scratch) / file)
        source = Path(scratch) if from_dir is None else from_dir
        for file, digest in wanted.items():  # all, before the first is put in place
            _check(source / file, digest)
        for file in wanted:
            _place(source / file, into / file)
    return [into / file for file in published.files]


def _is_published(file: Path, digest: str) -> bool:
    return file.is_file() and _sha256(file) == digest


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check(file: Path, digest: str) -> None:
    if (fault := file_fault(file)) is not None:
        raise DataError(f"{shown_path(file)} {fault}")
    if (got := _sha256(file)) != digest:
        raise DataError(
            f"{shown_path(file)} is not the published file: SHA-256 {digest} expected, got {got}"
        )


def _download(name: str, url: str, digest: str, target: Path) -> None:
    import pooch  # with its HTTP client: only paid by who downloads

    def close_refused(response: Any, **_: Any) -> None:
        if not response.ok:  # else its connection stays open: nobody reads the page it came with
            response.close()

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{digest}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(
                progressbar=True, timeout=TIMEOUT, hooks={"response": close_refused}
            ),
        )
    except (OSError, ValueError) as error:  # the HTTP client's errors, and pooch's of a wrong hash
        raise ServiceError(
            f"cannot download {url}: {' '.join(str(error).split()):.500};"
            f" if you have the files, say `oddwire fetch {name} --from DIR`"
        ) from None


def _place(source: Path, target: Path) -> None:
    """Copy a file so that it is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as draft:
        shutil.copyfile(source, draft)
