"""A source's champion, and the next one as soon as there is one."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from oddwire.detection.model import Model
from oddwire.errors import ModelError, OddwireError
from oddwire.live.alerts.alert import MadeBy
from oddwire.masking import without_secrets
from oddwire.operations.registry.versions import Registry, model_name
from oddwire.operations.scoring.carried import load_champion
from oddwire.operations.tracking.store import PARENT
from oddwire.traffic.wire_text import printable

_LOOK_EVERY = 5.0  # seconds
_SHOWN = 200
_DATA_VERSION = "data_digest"


@dataclass(frozen=True, eq=False)
class Champion:
    """A champion as it scores.

    Parameters
    ----------
    model
        A calibrated one.
    version
        Its number.
    made_by
        What its alerts say of it.
    """

    model: Model
    version: str
    made_by: MadeBy

    @property
    def minutes(self) -> float:
        """How long a unit is."""
        if self.model.unit_calibration is None:
            raise ModelError("the model must be calibrated before it gives p-values")
        return self.model.unit_calibration.minutes


def load_to_score(registry: Registry, source: str, unit: tuple[str, ...]) -> Champion:
    """Load the champion of a source, with what its alerts say of it.

    Parameters
    ----------
    unit
        The columns that name whom the alerts of its rows are counted with.

    Raises
    ------
    ModelError
        If its files are missing or were altered, or it counts alerts by other columns.
    NoModelError
        If there is none yet.
    """
    version, model = load_champion(registry, source, unit)
    made_by = MadeBy(
        source, model_name(source), version.number, _data_version(registry, version.run_id),
        model.threshold,
    )  # fmt: skip
    return Champion(model, version.number, made_by)


def _data_version(registry: Registry, run: str) -> str:
    """Return what a run's training was made from; its tag stands at the run that began it."""
    tags = registry.tracking.client.get_run(run).data.tags
    if _DATA_VERSION not in tags and (parent := tags.get(PARENT)):
        tags = registry.tracking.client.get_run(parent).data.tags
    return str(tags.get(_DATA_VERSION, ""))


class NextChampion:
    """Looks in a thread whether there is another champion, and loads it.

    A registry that does not answer, or a champion that cannot be used, changes nothing but what
    `trouble` says: the one that scores goes on.

    Parameters
    ----------
    connect
        Opens the registry: before the first look, and again after one that failed.
    version
        The number of the one that scores.
    seconds
        How often it looks.
    """

    def __init__(
        self, connect: Callable[[], Registry], source: str, unit: tuple[str, ...], version: str,
        *, seconds: float = _LOOK_EVERY,
    ) -> None:  # fmt: skip
        self._connect, self._source, self._unit = connect, source, unit
        self._registry: Registry | None = None
        self._version, self._seconds = version, seconds
        self._found: deque[Champion] = deque(maxlen=1)  # two threads use it
        self.trouble = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="next champion", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()  # not waited for: it may be asking a server that does not answer

    def take(self) -> Champion | None:
        """Return the next champion, once; None where there is none."""
        return self._found.pop() if self._found else None

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            try:
                self.trouble = self._look()
            except Exception as error:  # noqa: BLE001 - whatever it is, rows are scored on
                said = str(error) if isinstance(error, OddwireError) else repr(error)
                self._registry = None  # one that was lost says no for ever
                self.trouble = (
                    f"version {self._version} goes on scoring: looking for another champion failed "
                    f"({printable(without_secrets(said), _SHOWN)})"
                )

    def _look(self) -> str:
        """Load the next champion, if there is one; return what is wrong, empty if nothing is."""
        if self._registry is None:
            self._registry = self._connect()
        number = self._registry.number(self._source)
        if number is None:
            return (
                f"{model_name(self._source)} has no champion any more in MLflow: version "
                f"{self._version} goes on scoring, but no other watch can start until a version "
                f"is promoted (`oddwire promote {self._source} VERSION --because TEXT`)"
            )
        if number != self._version:
            found = load_to_score(self._registry, self._source, self._unit)
            self._version = found.version
            self._found.append(found)
        return ""
