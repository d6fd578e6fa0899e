"""Runs, figures and files in MLflow.

Everything goes through `MlflowClient` and explicit run ids: MLflow's "active run" belongs to one
thread and gets lost where studies run side by side. Reports say *what* is kept as plain items
(see `oddwire.operations.training.records`); `keeping` says how.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from oddwire.errors import DataError, NoModelError, OddwireError, ServiceError
from oddwire.faults import faults_as_errors
from oddwire.operations.locks import lock
from oddwire.operations.tracking import client as store_client
from oddwire.operations.tracking import links
from oddwire.operations.tracking.addresses import check_place, check_uri, local_uri, store_uri
from oddwire.operations.tracking.items import Item
from oddwire.operations.tracking.keeping import keep_items
from oddwire.operations.tracking.outage import Outage
from oddwire.operations.tracking.owners import is_dead, owner
from oddwire.project import Project
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NOTE = "mlflow.note.content"  # the tag that the page shows as a run's description
# MLflow 3 opens an experiment of unknown kind as one of language models.
_SHOWN_AS_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
_MADE_BY = {"mlflow.source.name": "oddwire", "mlflow.source.type": "LOCAL"}
PARENT = "mlflow.parentRunId"
_KIND = "kind"
_OWNER = "owner"
_MOST_RUNS = 50_000


@dataclass(frozen=True)
class Tracking:
    """The MLflow store of a project.

    Parameters
    ----------
    artifacts
        Where artifacts lie if the store is the project's own, None where a server decides.
    outage
        Notes that the store was lost, from when on nothing more is written to it: whoever gives
        one can do without, and looks at it. Without it an outage is an error.
    """

    client: MlflowClient
    uri: str
    artifacts: Path | None
    outage: Outage | None = None

    @classmethod
    def connect(cls, project: Project) -> Tracking:
        """Open the store that ``MLFLOW_TRACKING_URI`` names, or else the project's own.

        Raises
        ------
        ServiceError
            If a server does not answer.
        ParameterError
            If the address is one that MLflow no longer takes.
        """
        uri = store_uri(project)
        check_uri(uri)
        if uri != local_uri(project):
            return cls(store_client.connect(uri), uri, None)
        check_place(project.mlruns)
        with faults_as_errors():
            project.mlruns.mkdir(exist_ok=True)
        # The first to open a store makes its tables, and two at once would trip over each other.
        # Who only reads what is there may do so where not even a lock can be made.
        guard = project.locks / "mlflow-store.lock"
        with lock(guard, "another command to open MLflow", needed=False):
            return cls(store_client.connect(uri), uri, project.mlruns / "artifacts")

    def lenient(self, outage: Outage) -> Tracking:
        """Return this store for one who can do without it: see ``outage``."""
        return replace(self, client=outage.noted_by(self.client), outage=outage)

    def experiment(self, source: str) -> str:
        """Return the id of a source's experiment, made at the first call."""
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(source)
        if found is None:
            place = None if self.artifacts is None else (self.artifacts / source).as_uri()
            with suppress(MlflowException):  # another process was faster
                made = self.client.create_experiment(
                    source, artifact_location=place, tags=_SHOWN_AS_TRAINING
                )
                self.client.set_experiment_tag(made, NOTE, links.experiment_note(source, made))
            found = self.client.get_experiment_by_name(source)
        if found is None or found.lifecycle_stage != "active":
            raise OddwireError(
                f"the MLflow experiment {source!r} is deleted: restore it, or rename the source"
            )
        return str(found.experiment_id)

    def begin(
        self, source: str, name: str, *, kind: str, parent: str | None = None, **tags: str
    ) -> str:
        """Begin a run and return its id.

        Parameters
        ----------
        source
            The source whose experiment it belongs to.
        kind
            ``training``, ``study``, ``trial``, ``supervised_baselines`` or ``drift``; a tag.
        parent
            Id of the run that it is a part of.

        Returns
        -------
        str
            The run's id; empty where the store was lost.
        """
        # Names of files and of flow runs are not ours.
        given = {key: printable(value) for key, value in tags.items()}
        all_tags = {**_MADE_BY, **given, _KIND: kind, _OWNER: owner()}
        if parent is not None:
            all_tags[PARENT] = parent
        made = ""
        with self._forgiven():
            run = self.client.create_run(
                self.experiment(source), start_time=int(time.time() * 1000),
                run_name=printable(name), tags=all_tags,
            )  # fmt: skip
            made = str(run.info.run_id)
        return made  # noqa: RET504 - a lost store leaves it empty

    def rename(self, run: str, name: str) -> None:
        """Give a run another name: what came of it, once that is known."""
        with self._forgiven():
            self.client.update_run(run, name=printable(name))

    def end(self, run: str, *, status: str = "FINISHED") -> None:
        """End a run as ``FINISHED``, ``FAILED`` or ``KILLED``."""
        with self._forgiven():
            self.client.set_terminated(run, status)

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        try:
            yield
        except ServiceError as error:
            if self.outage is None:
                raise
            self.outage.note(error)

    @contextmanager
    def run(
        self, source: str, name: str, *, kind: str, parent: str | None = None, **tags: str
    ) -> Iterator[str]:
        """Begin a run, and end it as finished, or as failed where an error passes through."""
        run = self.begin(source, name, kind=kind, parent=parent, **tags)
        try:
            yield run
        except BaseException:
            with suppress(ServiceError):  # what went wrong before is the reason
                self.end(run, status="FAILED")
            raise
        self.end(run)

    def log(self, run: str, items: Iterable[Item]) -> None:
        """Keep items with a run."""
        with self._forgiven():
            keep_items(self.client, run, items)

    def log_folder(self, run: str, folder: Path, *, under: str) -> None:
        """Keep all files of a folder with a run, below ``under``."""
        with self._forgiven():
            self.client.log_artifacts(run, str(folder), under)

    @property
    def page(self) -> str:
        """Address of the page that shows the store."""
        return links.page(self.uri)

    def run_link(self, run: str) -> str:
        """Return where a run is shown."""
        return links.run_link(self.page, self._experiment_of(run), run)

    def runs_link(self, source: str) -> str:
        """Return where the runs of a source are shown."""
        return links.runs_link(self.page, self.experiment(source))

    def compare_link(self, runs: Sequence[str]) -> str:
        """Return where runs are shown side by side."""
        experiments = dict.fromkeys(self._experiment_of(run) for run in runs)
        return links.compare_link(self.page, [*experiments], runs)

    def _experiment_of(self, run: str) -> str:
        return str(self.client.get_run(run).info.experiment_id)

    def newest_training(self, source: str) -> Run:
        """Return the newest training of a source that finished.

        Raises
        ------
        NoModelError
            If there is none.
        """
        runs = self.finished_trainings(source, 1)
        if not runs:
            raise NoModelError(
                f"no finished training of source {source!r}: run `oddwire train {source}` first"
            )
        return runs[0]

    def finished_trainings(self, source: str, most: int) -> list[Run]:
        """Return the newest trainings of a source that finished, the newest first."""
        return self.finished_runs(source, "training", most)

    def finished_runs(self, source: str, kind: str, most: int = _MOST_RUNS) -> list[Run]:
        """Return the newest runs of a kind that finished, the newest first."""
        found = self.client.get_experiment_by_name(source)
        if found is None:
            return []
        where = f"tags.{_KIND} = '{kind}' and attributes.status = 'FINISHED'"
        return self._runs(found.experiment_id, where, most)

    def finished_training(self, run: str) -> Run:
        """Return the training that has a run id.

        Raises
        ------
        NoModelError
            If there is no such run, or it is no training that finished.
        """
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_run(run)
        except MlflowException as error:
            raise NoModelError(f"no MLflow run {run!r}: {error.message}") from error
        kind, status = found.data.tags.get(_KIND, "unknown"), found.info.status
        if (kind, status) != ("training", "FINISHED"):
            raise NoModelError(
                f"run {run!r} must be a finished training, got the kind {kind!r} of the status "
                f"{status}"
            )
        return found

    def children(self, run: Run) -> list[Run]:
        """Return the runs that are parts of a run, oldest first."""
        where = f"tags.`{PARENT}` = '{run.info.run_id}'"
        return self._runs(run.info.experiment_id, where)[::-1]

    def parent_of(self, run: str) -> str | None:
        """Return the finished training that a run is a part of, None where there is none."""
        from mlflow.exceptions import MlflowException

        with suppress(NoModelError, MlflowException):  # either may be deleted
            parent = self.client.get_run(run).data.tags.get(PARENT, "")
            return str(self.finished_training(parent).info.run_id)
        return None

    def read_json(self, run: str, file: str) -> Any:
        """Read back a JSON file of a run; one that is gone or damaged is a `DataError`."""
        from mlflow.artifacts import load_text
        from mlflow.exceptions import MlflowException

        place = f"{self.client.get_run(run).info.artifact_uri}/{file}"
        try:
            return json.loads(store_client.patiently(lambda: load_text(place), self.uri))
        except (MlflowException, ValueError) as error:
            raise DataError(f"{file} of run {run} in MLflow is gone or damaged") from error

    def has_file(self, run: str, file: str) -> bool:
        """Tell whether a file was kept with a run."""
        folder = file.rpartition("/")[0]
        return any(kept.path == file for kept in self.client.list_artifacts(run, folder or None))

    def place(self, run: str, file: str) -> str:
        """Return where a file that was kept with a run lies: a path, or a server's address."""
        uri = f"{self.client.get_run(run).info.artifact_uri}/{file}"
        return url2pathname(urlsplit(uri).path) if uri.startswith("file:") else uri

    def download(self, run: str, file: str, into: Path) -> Path:
        """Copy a file or folder that was kept with a run into a folder, and return its path."""
        into.mkdir(parents=True, exist_ok=True)
        return Path(self.client.download_artifacts(run, file, str(into)))

    def download_from(self, place: str, into: Path) -> Path:
        """Copy the folder at an address of artifacts into a folder, and return its path."""
        from mlflow.artifacts import download_artifacts

        def download() -> Path:
            return Path(
                download_artifacts(artifact_uri=place, dst_path=str(into), tracking_uri=self.uri)
            )

        return store_client.patiently(download, self.uri)

    def end_orphans(self, source: str, *, mine: Sequence[str] = ()) -> int:
        """End the runs of killed processes of this machine, and say how many there were.

        Parameters
        ----------
        mine
            Kinds of runs of which this process has none under way: those that are its own were
            begun before it lost the store.
        """
        orphans = [
            run
            for run in self._runs(self.experiment(source), "attributes.status = 'RUNNING'")
            if is_dead(run.data.tags.get(_OWNER, ""))
            or (run.data.tags.get(_KIND) in mine and run.data.tags.get(_OWNER) == owner())
        ]
        for run in orphans:
            self.end(run.info.run_id, status="KILLED")
        return len(orphans)

    def _runs(self, experiment: str, where: str, most: int = _MOST_RUNS) -> list[Run]:
        pages: list[Run] = []
        token = None
        while len(pages) < most:
            page = self.client.search_runs(
                [experiment], where, max_results=min(most, 1000), page_token=token,
                order_by=["attributes.start_time DESC"],
            )  # fmt: skip
            pages += page
            token = page.token
            if not token:
                break
        return pages[:most]


def dated(name: str) -> str:
    """Return a run's name with the present time (UTC), so that no two are alike."""
    return f"{name} · {dt.datetime.now(dt.UTC):%m-%d %H:%M:%S}"
