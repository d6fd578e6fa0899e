"""A member of an ensemble: planned, fitted, and on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from oddwire.detection.calibration.conformal import ConformalCalibration
from oddwire.detection.calibration.surprisal import Surprisal
from oddwire.detection.detectors import (
    DETECTORS,
    anomaly_score,
    build_detector,
    default_parameters,
)
from oddwire.detection.persistence.estimators import dump_estimator, load_estimator
from oddwire.detection.persistence.files import dump_array, load_array, read_file
from oddwire.detection.search_space import with_prefix
from oddwire.errors import ModelError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    from oddwire.detection.arrays import Matrix, Vector
    from oddwire.detection.preprocessing.table import TablePreprocessor

ENSEMBLE = "ensemble"
_DETECTOR = "detector.skops"
_SCORES = "calibration.npy"
_PREPROCESSING, _PARAMETER = "preprocessing__", "detector__"


@dataclass(frozen=True)
class MemberPlan:
    """A member's settings, complete with the detector's defaults.

    Parameters
    ----------
    name
        A key of `DETECTORS`.
    preprocessing, parameters
        Hyperparameters by their own names.
    """

    name: str
    preprocessing: Mapping[str, Any]
    parameters: Mapping[str, Any]

    def build(self, seed: int) -> Any:
        """Make the unfitted detector."""
        return build_detector(self.name, self.parameters, random_state=seed)


def plan_members(members: Sequence[Mapping[str, Any]]) -> list[MemberPlan]:
    """Read the members of an ensemble.

    Parameters
    ----------
    members
        Each with ``detector``, its name, and any hyperparameters, ``preprocessing__...`` and
        ``detector__...``.

    Raises
    ------
    ParameterError
        If there is no member, or one has no detector or an unknown key.
    """
    if isinstance(members, str | Mapping) or not isinstance(members, Sequence) or not members:
        raise ParameterError(f"members must be a list of at least one, got {members!r:.60}")
    return [_plan(number, given) for number, given in enumerate(members)]


def _plan(number: int, given: Mapping[str, Any]) -> MemberPlan:
    where = f"members[{number}]"
    if not isinstance(given, Mapping) or "detector" not in given:
        raise ParameterError(f"{where} must hold the key 'detector', got {given!r:.60}")
    name = given["detector"]
    known = [detector for detector in DETECTORS if detector != ENSEMBLE]
    if name not in known:
        raise ParameterError(f"{where}: unknown detector {name!r}: there are {', '.join(known)}")
    for key in given:
        if key != "detector" and not key.startswith((_PREPROCESSING, _PARAMETER)):
            raise ParameterError(
                f"{where}: unknown key {key!r}: there are detector, {_PREPROCESSING}... and "
                f"{_PARAMETER}..."
            )
    chosen = default_parameters(name) | dict(given)
    preprocessing, parameters = (with_prefix(key, chosen) for key in (_PREPROCESSING, _PARAMETER))
    return MemberPlan(name, preprocessing, parameters)


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted member.

    Parameters
    ----------
    plan
        Its settings.
    detector
        Fitted.
    table
        Number of its preprocessing, which members may share.
    surprisal
        Turns its anomaly scores into surprisals.
    """

    plan: MemberPlan
    detector: Any
    table: int
    surprisal: Surprisal

    def surprisal_of(self, matrix: Matrix) -> Vector:
        """Return the surprisal of preprocessed rows, shape (rows,)."""
        return self.surprisal.of(anomaly_score(self.detector, matrix))

    def save(self, folder: Path) -> dict[str, Any]:
        """Write into a folder, which is made, and return the rest as JSON can hold it."""
        folder.mkdir()
        if hasattr(self.detector, "save_weights"):
            self.detector.save_weights(folder)
        else:
            (folder / _DETECTOR).write_bytes(dump_estimator(self.detector))
        calibration = self.surprisal.calibration
        (folder / _SCORES).write_bytes(dump_array(calibration.scores))
        return {"table": self.table, "calibration": calibration.to_dict()}


def load_member(
    plan: MemberPlan, content: Mapping[str, Any], tables: Sequence[TablePreprocessor], folder: Path
) -> Member:
    """Read back what `Member.save` wrote and returned.

    Raises
    ------
    ModelError
        If a file is missing, damaged, of another type, or does not fit the preprocessing.
    """
    like = plan.build(0)
    if hasattr(like, "load_weights"):
        detector = like.load_weights(folder)
    else:
        detector = load_estimator(
            read_file(folder / _DETECTOR), name=_DETECTOR, expected=type(like)
        )
    table = int(content["table"])
    width, fitted = len(tables[table].feature_names_out_), detector.n_features_in_
    if width != fitted:
        raise ModelError(f"{folder} was fitted to {fitted} columns, its preprocessing has {width}")
    scores = load_array(read_file(folder / _SCORES), name=_SCORES)
    calibration = ConformalCalibration.from_dict(content["calibration"], scores)
    return Member(plan, detector, table, Surprisal(calibration))
