"""Where things lie: one project is one folder with a ``params.yaml``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from oddwire.errors import ParameterError

LOOK_BACK_FOLDER = "look_back"


@dataclass(frozen=True)
class Project:
    """The folders of a project.

    Parameters
    ----------
    root
        Absolute path of the folder that holds ``params.yaml``.
    """

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """Find the project that holds ``start``.

        ``ODDWIRE_PROJECT`` names a project outright; otherwise the nearest folder upwards of
        ``start`` (by default the working directory) that holds a ``params.yaml`` is taken.

        Raises
        ------
        ParameterError
            If there is no ``params.yaml``.
        """
        named = os.environ.get("ODDWIRE_PROJECT")
        here = Path(named or start or Path.cwd())
        try:
            here = here.resolve()
            for folder in [here] if named else [here, *here.parents]:
                if (folder / "params.yaml").is_file():
                    return cls(folder)
        except (OSError, RuntimeError) as error:  # too long a name, a loop of links
            reason = getattr(error, "strerror", None) or error
            raise ParameterError(f"ODDWIRE_PROJECT cannot be looked into: {reason}") from None
        msg = f"no params.yaml in {here}" + ("" if named else " or any folder above it")
        raise ParameterError(msg)

    @property
    def params_file(self) -> Path:
        """The one file of settings."""
        return self.root / "params.yaml"

    @property
    def dvc_lock(self) -> Path:
        """The hashes of everything that the DVC stages read and wrote."""
        return self.root / "dvc.lock"

    @property
    def settings(self) -> Path:
        """What the data stages depend on of ``params.yaml``, made by the ``settings`` stage."""
        return self.root / "data" / "settings.json"

    def labels(self, source: str) -> Path:
        """What people judged a source's connections to be: theirs, kept in git."""
        return self.root / "labels" / f"{source}.csv"

    def verdicts(self, source: str) -> Path:
        """The same as the data stages read it, copied by the ``settings`` stage."""
        return self.root / "data" / "verdicts" / f"{source}.csv"

    @property
    def allow_list(self) -> Path:
        """The alerts that are not to be sent."""
        return self.root / "allow_list.yaml"

    def raw(self, source: str) -> Path:
        """Links to a source's own files, made by the ``link`` stage."""
        return self.root / "data" / "raw" / source

    def ingested(self, source: str) -> Path:
        """Validated rows of a source, made by the ``ingest`` stage."""
        return self.root / "data" / "ingested" / source

    def known_logs(self, source: str) -> Path:
        """What is known of the log files that are there, so that none is hashed twice."""
        return self.root / "data" / "known-logs" / f"{source}.json"

    def prepared(self, source: str) -> Path:
        """Features of a source in their split parts, made by the ``prepare`` stage."""
        return self.root / "data" / "prepared" / source

    def look_back(self, source: str) -> Path:
        """What rows behind those of a source look back on, kept by the ``prepare`` stage."""
        return self.prepared(source) / LOOK_BACK_FOLDER

    def explored(self, source: str) -> Path:
        """Statistics and pictures of a source, made by the ``explore`` stage."""
        return self.root / "data" / "explored" / source

    def downloads(self, source: str) -> Path:
        """Public files that ``oddwire fetch`` brought."""
        return self.root / "data" / "downloads" / source

    @property
    def mlruns(self) -> Path:
        """The local MLflow store."""
        return self.root / "mlruns"

    @property
    def live(self) -> Path:
        """What ``oddwire watch`` keeps: the store of alerts, unless the environment names one."""
        return self.root / "data" / "live"

    @property
    def studies(self) -> Path:
        """Optuna's journals."""
        return self.root / "data" / "studies"

    @property
    def locks(self) -> Path:
        """Locks that make trainings of one source wait for each other."""
        return self.root / "data" / "locks"

    @property
    def logs(self) -> Path:
        """What the programs printed that oddwire started."""
        return self.root / "data" / "logs"

    @property
    def dvc_guard(self) -> Path:
        """Lock of who runs DVC, or reads what it wrote."""
        return self.locks / "dvc.lock"

    @property
    def evidently(self) -> Path:
        """The drift checks over time: Evidently's workspace."""
        return self.mlruns / "evidently"
