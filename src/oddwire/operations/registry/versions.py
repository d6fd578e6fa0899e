"""Models in MLflow's registry: versions, the aliases ``champion`` and ``challenger``, the ledger.

A version holds an oddwire model folder inside an MLflow pyfunc, found by its loader module, so
nothing in it is pickled. The SHA-256 of the model's manifest stands in a tag of the version,
outside the files that it vouches for.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import ModelError, NoModelError
from oddwire.operations.progress import step
from oddwire.operations.registry import ledger
from oddwire.operations.registry.promotion import PromotionDecision
from oddwire.operations.registry.pyfunc import INSIDE, save_pyfunc
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_DIGEST = "manifest_sha256"
_DETECTOR = "detector"
_MODEL = "model"  # artifact path of the pyfunc in the run that made it


@dataclass(frozen=True)
class Version:
    """One registered version of a source's model."""

    source: str
    number: str
    run_id: str
    detector: str
    digest: str


def model_name(source: str) -> str:
    """Return the registered model's name."""
    return f"oddwire-{source}"


@dataclass(frozen=True)
class Registry:
    """The registry of a tracking store.

    Parameters
    ----------
    ledger
        File of the append-only ledger of promotion decisions.
    """

    tracking: Tracking
    ledger: Path

    @classmethod
    def of(cls, tracking: Tracking, project: Project) -> Registry:
        """Return the registry beside a project's tracking store."""
        return cls(tracking, project.mlruns / "promotions.jsonl")

    def register(
        self,
        source: str,
        run: str,
        model: Model,
        folder: Path,
        digest: str,
        example: pd.DataFrame,
        *,
        challenger: bool = True,
    ) -> Version:
        """Keep a model with a run as a pyfunc, and register it.

        Parameters
        ----------
        run
            Id of the run that made it.
        folder, digest
            Where it was saved, and the SHA-256 of its manifest.
        example
            Feature frame from which signature and input example are taken.
        challenger
            Whether it gets the alias.
        """
        with tempfile.TemporaryDirectory() as scratch:
            packed = Path(scratch) / _MODEL
            save_pyfunc(model, folder, example, packed)
            self.tracking.log_folder(run, packed, under=_MODEL)
        client, name = self.tracking.client, model_name(source)
        self._ensure_model(name, source)
        made = client.create_model_version(
            name,
            source=f"{client.get_run(run).info.artifact_uri}/{_MODEL}",
            run_id=run,
            tags={_DIGEST: digest, _DETECTOR: model.detector_name},
        )
        if challenger:
            client.set_registered_model_alias(name, CHALLENGER, made.version)
        return Version(source, str(made.version), run, model.detector_name, digest)

    def _ensure_model(self, name: str, source: str) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self.tracking.client.create_registered_model(
                name, description=f"Finds anomalous connections of source {source}."
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def version(self, source: str, alias: str = CHAMPION) -> Version | None:
        """Return the version that carries an alias, None where none does."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.tracking.client.get_model_version_by_alias(model_name(source), alias)
        except MlflowException as error:
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise
        return _version(source, found)

    def champion(self, source: str) -> Version:
        """Return the champion.

        Raises
        ------
        NoModelError
            If there is none yet.
        """
        found = self.version(source)
        if found is None:
            raise NoModelError(
                f"no champion for source {source!r} yet: run `oddwire train {source}` first"
            )
        return found

    @contextmanager
    def files(self, version: Version) -> Iterator[Path]:
        """Bring a version's model folder here for the length of a ``with``."""
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as scratch:
            try:
                packed = self.tracking.download(version.run_id, _MODEL, Path(scratch))
            except (MlflowException, OSError) as error:
                reason = " ".join(str(error).split())
                raise ModelError(
                    f"the files of {model_name(version.source)} version {version.number} cannot be "
                    f"read from MLflow: {reason:.200}"
                ) from error
            yield packed / INSIDE

    def load(self, version: Version) -> Model:
        """Load a version's model, its files checked against the digest in the registry."""
        with self.files(version) as folder:
            try:
                return Model.load(folder, digest=version.digest)
            except ModelError as error:  # the folder is a copy that nobody will find
                name = f"{model_name(version.source)} version {version.number}"
                raise ModelError(str(error).replace(str(folder), name)) from error

    def load_champion(self, source: str) -> tuple[Version, Model]:
        """Load a source's champion.

        Raises
        ------
        NoModelError
            If there is none yet.
        ModelError
            If its files are missing or were altered.
        """
        with step(f"load the champion of {source}"):
            version = self.champion(source)
            return version, self.load(version)

    def settle(self, version: Version, decision: PromotionDecision) -> None:
        """Carry out a decision: ledger and tags first, then the aliases.

        A kill between the two leaves the old champion in place and the decision on record.
        """
        client, name = self.tracking.client, model_name(version.source)
        outcome = decision.outcome
        ledger.append(self.ledger, {
            "time": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "source": version.source,
            "version": version.number,
            "run_id": version.run_id,
            "detector": version.detector,
            "manifest_sha256": version.digest,
            "outcome": outcome,
            **decision.to_dict(),
        })  # fmt: skip
        client.set_model_version_tag(name, version.number, "promotion", outcome)
        client.set_model_version_tag(name, version.number, "promotion_reason", decision.reason)
        if not decision.promote:
            return
        old = self.version(version.source)
        if old is not None and old.number != version.number:
            client.set_registered_model_alias(name, PREVIOUS, old.number)
        client.set_registered_model_alias(name, CHAMPION, version.number)
        client.delete_registered_model_alias(name, CHALLENGER)


def _version(source: str, found: ModelVersion) -> Version:
    tags = found.tags
    if _DIGEST not in tags or found.run_id is None:
        raise ModelError(
            f"version {found.version} of {found.name} has no {_DIGEST} tag: it was not "
            "registered by oddwire, or somebody took the tag away"
        )
    return Version(
        source, str(found.version), found.run_id, tags.get(_DETECTOR, "?"), tags[_DIGEST]
    )
