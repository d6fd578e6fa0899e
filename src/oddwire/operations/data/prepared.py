"""The parts of a source that the ``prepare`` stage made, each read once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd

from oddwire.errors import DataError
from oddwire.traffic.schema import FeatureSchema
from oddwire.traffic.splitting.campaign_parts import CampaignParts
from oddwire.traffic.splitting.shared_rows import SharedRows
from oddwire.traffic.verdicts.matching import verdicts_sentence

BEFORE_TEST = ("train", "calibration", "validation")


class Prepared:
    """The parts of a source that the ``prepare`` stage made.

    A part is read when it is first asked for and then kept: whoever gets one must not change it.
    This is no dataclass, since Prefect walks the fields of those that are handed to a task, and a
    part may be read in another thread meanwhile.

    Parameters
    ----------
    folder
        Holds ``<part>.parquet`` and ``split.json``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: dict[str, pd.DataFrame] = {}
        self._reading = Lock()

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """What ``split.json`` says: schema, kind and the rows of every part.

        Raises
        ------
        DataError
            If the stage has not run, or it is damaged.
        """
        with self._mended_by_dvc("split.json") as file:
            content: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            FeatureSchema.from_dict(content["schema"])
            return {**content, "split": dict(content["split"])}

    @contextmanager
    def _mended_by_dvc(self, name: str) -> Iterator[Path]:
        """Give a file to read; where it is not there or damaged, say what makes it anew."""
        file = self.folder / name
        try:
            yield file
        except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's are ValueErrors
            what = "is missing" if isinstance(error, FileNotFoundError) else "is damaged"
            raise DataError(
                f"{file} {what}: run `dvc repro prepare@{self.folder.name}` first"
            ) from None

    @cached_property
    def schema(self) -> FeatureSchema:
        """The feature columns."""
        return FeatureSchema.from_dict(self.description["schema"])

    @property
    def share_kept(self) -> float:
        """The share of the rows that are in the parts: below 1 where there were too many."""
        split = self.description["split"]
        kept = sum(split[part]["rows"] for part in (*BEFORE_TEST, "test"))
        left_out = split.get("left_out", {}).get("rows", 0)
        return kept / (kept + left_out) if left_out else 1.0

    def days(self, *parts: str) -> float | None:
        """Return how many days of average traffic the benign rows of parts stand for.

        None where the source has no time.
        """
        known = self.description["split"].get("days", {})
        found = [known.get(part) for part in parts]
        return None if None in found else float(sum(found))

    @property
    def shared_rows(self) -> SharedRows:
        """How many test rows also occur before the test part."""
        return SharedRows.from_summary(self.description.get("shared_rows"))

    @property
    def campaigns(self) -> CampaignParts:
        """How many campaigns are in each part, and how many the split cut in two."""
        return CampaignParts.from_summary(self.description.get("campaigns"))

    @property
    def verdicts(self) -> str:
        """How many labels are people's, in words; empty where none is."""
        return verdicts_sentence(self.description.get("verdicts") or {})

    def part(self, name: str) -> pd.DataFrame:
        """Return one part: train, calibration, validation or test.

        Raises
        ------
        DataError
            If it is missing or damaged.
        """
        with self._reading:
            if name not in self._parts:
                with self._mended_by_dvc(f"{name}.parquet") as file:
                    self._parts[name] = pd.read_parquet(file)
            return self._parts[name]

    def digest(self, name: str) -> str:
        """Return the SHA-256 of one part.

        Raises
        ------
        DataError
            If the stage has not run.
        """
        if name not in self.description["split"]:  # where there is none, it says which stage to run
            raise DataError(f"{self.folder} has no part {name!r}")
        with (
            self._mended_by_dvc(f"{name}.parquet") as file,
            file.open("rb") as content,
        ):
            return hashlib.file_digest(content, "sha256").hexdigest()
