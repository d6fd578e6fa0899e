"""Models in MLflow's registry: registered as versions, found by number or alias, loaded.

A version holds an oddwire model folder inside an MLflow pyfunc, found by its loader module, so
nothing in it is pickled. The SHA-256 of the model's manifest stands in a tag of the version,
outside the files that it vouches for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from oddwire.detection.model import Model
from oddwire.errors import ModelError, NoModelError, ParameterError
from oddwire.evaluation.observed import NAMES
from oddwire.operations.progress import step
from oddwire.operations.registry import ledger, logged_models
from oddwire.operations.registry.description import HEADLINES
from oddwire.operations.registry.pyfunc import INSIDE, save_pyfunc
from oddwire.operations.tracking.store import Tracking
from oddwire.project import Project

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"
_DIGEST = "manifest_sha256"
_DETECTOR = "detector"
_SHOWN_METRICS = (*HEADLINES, *(f"target_{name}" for name in NAMES))
_NO_SUCH = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


@dataclass(frozen=True)
class Version:
    """One registered version of a source's model.

    Parameters
    ----------
    run_id
        The run that made it.
    digest
        SHA-256 of its manifest.
    model_id
        The model in MLflow; None for versions made before oddwire kept one.
    """

    source: str
    number: str
    run_id: str
    detector: str
    digest: str
    model_id: str | None = None


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
        return cls(tracking, ledger.of_project(project))

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
        description: str = "",
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
        description
            What the MLflow page says of the version.
        """
        with tempfile.TemporaryDirectory() as scratch:
            packed = Path(scratch) / "model"
            save_pyfunc(model, folder, example, packed)
            model_id = logged_models.log_model(
                self.tracking, run, model.detector_name, packed,
                hyperparameters=model.hyperparameters,
            )  # fmt: skip
        logged_models.copy_metrics(self.tracking, run, model_id, _SHOWN_METRICS)
        client, name = self.tracking.client, model_name(source)
        self._ensure_model(name, source)
        with logged_models.known_to_all(self.tracking):
            made = client.create_model_version(
                name,
                source=logged_models.source_of(model_id),
                run_id=run,
                model_id=model_id,
                tags={_DIGEST: digest, _DETECTOR: model.detector_name},
                description=description,
            )
        version = Version(source, str(made.version), run, model.detector_name, digest, model_id)
        logged_models.name_version(self.tracking, model_id, name, version.number)
        if challenger:
            self.challenge(version)
        return version

    def challenge(self, version: Version) -> None:
        """Give a version the alias ``challenger``."""
        name = model_name(version.source)
        self.tracking.client.set_registered_model_alias(name, CHALLENGER, version.number)

    def link(self, version: Version, run: str, model: Model, *, measured_in: str) -> None:
        """Show a version in the Models column of another run that led to it.

        Parameters
        ----------
        measured_in
            The run that holds its figures.
        """
        if version.model_id is None:
            return
        model_id = logged_models.log_same_model(
            self.tracking, run, version.detector, version.model_id,
            hyperparameters=model.hyperparameters,
        )  # fmt: skip
        logged_models.copy_metrics(self.tracking, measured_in, model_id, _SHOWN_METRICS)
        name = model_name(version.source)
        logged_models.name_version(self.tracking, model_id, name, version.number)

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
        found = self._with_alias(source, alias)
        return None if found is None else _version(source, found)

    def number(self, source: str, alias: str = CHAMPION) -> str | None:
        """Return the number of the version that carries an alias, whoever registered it."""
        found = self._with_alias(source, alias)
        return None if found is None else str(found.version)

    def _with_alias(self, source: str, alias: str) -> ModelVersion | None:
        from mlflow.exceptions import MlflowException

        try:
            return self.tracking.client.get_model_version_by_alias(model_name(source), alias)
        except MlflowException as error:
            if error.error_code in _NO_SUCH:
                return None
            raise

    def numbered(self, source: str, number: str) -> Version:
        """Return a version by its number.

        Raises
        ------
        ParameterError
            If that is no number.
        NoModelError
            If there is no such version.
        """
        if not (number.isascii() and number.isdecimal()):
            raise ParameterError(f"a version must be a number such as 3, got {number!r:.60}")
        every = self._search(source)
        for found in every:
            if int(found.version) == int(number):
                return _version(source, found)
        known = ", ".join(str(found.version) for found in every) or "none yet"
        raise NoModelError(f"{model_name(source)} has no version {number}: there are {known}")

    def same_model(self, source: str, digest: str) -> Version | None:
        """Return the version that holds a model, to the last bit, and loads; None without one."""
        for found in self._search(source, f" and tags.{_DIGEST} = '{digest}'"):
            with suppress(ModelError):
                version = _version(source, found)
                self.load(version)
                return version
        return None

    def _search(self, source: str, where: str = "") -> list[ModelVersion]:
        """Return the versions of a source, the oldest first."""
        found = self.tracking.client.search_model_versions(
            f"name = '{model_name(source)}'{where}", max_results=10_000
        )
        return sorted(found, key=lambda each: int(each.version))

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

        name = model_name(version.source)
        with tempfile.TemporaryDirectory() as scratch:
            try:
                place = self.tracking.client.get_model_version_download_uri(name, version.number)
                packed = self.tracking.download_from(place, Path(scratch))
            except (MlflowException, OSError) as error:
                reason = " ".join(str(error).split())
                raise ModelError(
                    f"the files of {name} version {version.number} cannot be read from MLflow: "
                    f"{reason:.200}"
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


def _version(source: str, found: ModelVersion) -> Version:
    tags = found.tags
    if _DIGEST not in tags or found.run_id is None:
        raise ModelError(
            f"version {found.version} of {found.name} has no {_DIGEST} tag, so nothing vouches "
            "for its files: it was not registered by oddwire, or somebody took the tag away; "
            f"train anew, or `oddwire promote {source} N` another version"
        )
    return Version(
        source, str(found.version), found.run_id, tags.get(_DETECTOR, "?"), tags[_DIGEST],
        logged_models.model_id_of(found.source),
    )  # fmt: skip
