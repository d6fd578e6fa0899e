"""Ensemble: what several detectors of different kinds find rare is anomalous."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from oddwire.detection.detectors.base import OutlierDetector, saved_parameters, training_offset
from oddwire.detection.detectors.ensemble.fitting import EnsembleFit
from oddwire.detection.detectors.ensemble.member import Member, load_member, plan_members
from oddwire.detection.persistence.estimators import dump_estimator, load_estimator
from oddwire.detection.persistence.files import dump_json, in_a_line, load_json, read_file
from oddwire.detection.preprocessing.table import TablePreprocessor
from oddwire.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from oddwire.detection.arrays import Matrix, Vector
    from oddwire.detection.search_space import SearchSpace

# Four kinds, some of which scale numbers among all rows and some within groups:
# docs/decisions/0008-default-members.md. Here the SVM sees parts of the columns: 0010.
DEFAULT_MEMBERS: tuple[Mapping[str, Any], ...] = (
    {"detector": "isolation_forest"},
    {"detector": "one_class_svm", "detector__column_folds": 4},
    {"detector": "autoencoder"},
    {"detector": "nearest_neighbours"},
)

_SETTINGS = "ensemble.json"
_ROWS_FOR_OFFSET = 10_000


class EnsembleDetector(OutlierDetector):
    """The mean of its members' surprisals.

    A member is a detector with its own preprocessing. Its anomaly scores become surprisals, -log of
    their p-values among benign rows that it was not fitted to (see `Surprisal`), which makes the
    members comparable.

    Parameters
    ----------
    members
        Each a mapping with ``detector``, the name of any other detector, and hyperparameters as in
        the search spaces, ``preprocessing__...`` and ``detector__...``, for which the detector's
        defaults hold otherwise. None is `DEFAULT_MEMBERS`.
    categorical_features
        Columns of the matrix that hold codes of categories; all others are numbers.
    feature_names
        Names of the columns, for a member's ``preprocessing__columns``; None is ``column 0`` and so
        on.
    random_state
        Seed.

    Attributes
    ----------
    members_ : list of Member
        The fitted members.
    tables_ : list of TablePreprocessor
        Their preprocessings; members whose settings are equal share one.
    random_state_ : int
        Seed of every member.
    offset_ : float
        Score below which `predict` returns -1.

    References
    ----------
    Fisher 1932, *Statistical methods for research workers*, 4th edition (the sum of -log p).

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(500, 2))
    >>> members = [{"detector": "isolation_forest"}, {"detector": "one_class_svm"}]
    >>> detector = EnsembleDetector(members=members, random_state=0).fit(rows)
    >>> detector.predict([[0.0, 0.0], [9.0, 9.0]])
    array([ 1, -1])
    """

    search_space: ClassVar[SearchSpace] = {}
    defaults: ClassVar[Mapping[str, Any]] = {
        "detector__members": [dict(member) for member in DEFAULT_MEMBERS]
    }
    # It takes the columns without preprocessing, see `TableEncoder`.
    prepares_columns: ClassVar[bool] = True
    _finite: ClassVar[bool] = False

    def __init__(
        self,
        *,
        members: Sequence[Mapping[str, Any]] | None = None,
        categorical_features: Sequence[int] = (),
        feature_names: Sequence[str] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.members = members
        self.categorical_features = categorical_features
        self.feature_names = feature_names
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Declare that missing values are allowed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _fit(self, X: Matrix, random: np.random.RandomState) -> None:
        """Fit every member, and its surprisal to rows held out from that.

        Raises
        ------
        OddwireError
            If a member cannot be fitted; it is named.
        ParameterError
            If the members break a rule.
        """
        plans = plan_members(DEFAULT_MEMBERS if self.members is None else self.members)
        frame = self._frame(X)
        numeric, categorical = self._columns()
        # One seed for all: a member does not depend on those before it.
        self.random_state_ = int(random.randint(2**31 - 1))
        fit = EnsembleFit(plans, numeric, categorical, self.random_state_)
        self.tables_, self.members_ = fit.run(frame)
        rows = np.linspace(0, len(frame) - 1, min(len(frame), _ROWS_FOR_OFFSET)).astype(np.int64)
        self.offset_ = training_offset(self._score(X[rows]))

    def _score(self, X: Matrix) -> Vector:
        """Return the negative mean of the members' surprisals."""
        frame = self._frame(X)
        surprisals = np.empty((len(frame), len(self.members_)))
        for number, table in enumerate(self.tables_):
            matrix = table.transform(frame)
            for place, member in enumerate(self.members_):
                if member.table == number:
                    surprisals[:, place] = member.surprisal_of(matrix)
        mean: Vector = -surprisals.mean(axis=1)
        return mean

    def _frame(self, X: Matrix) -> pd.DataFrame:
        return pd.DataFrame(X, columns=self._names(), copy=False)

    def _columns(self) -> tuple[list[str], list[str]]:
        names, coded = self._names(), {int(place) for place in self.categorical_features}
        numeric = [name for place, name in enumerate(names) if place not in coded]
        return numeric, [name for place, name in enumerate(names) if place in coded]

    def _names(self) -> list[str]:
        if self.feature_names is None:
            return [f"column {number}" for number in range(self.n_features_in_)]
        return list(self.feature_names)

    def save_weights(self, folder: Path) -> None:
        """Write what was fitted into a folder, without pickle.

        Parameters
        ----------
        folder
            Where ``ensemble.json``, the preprocessings and a folder per member go.
        """
        check_is_fitted(self, ["members_", "offset_"])
        folder.mkdir(parents=True, exist_ok=True)
        for number, table in enumerate(self.tables_):
            (folder / f"preprocessing-{number}.skops").write_bytes(dump_estimator(table))
        members = [
            member.save(folder / f"member-{number}") for number, member in enumerate(self.members_)
        ]
        content = {
            "parameters": saved_parameters(self),
            "columns": self.n_features_in_,
            "offset": self.offset_,
            "preprocessings": len(self.tables_),
            "members": members,
        }
        (folder / _SETTINGS).write_bytes(dump_json(content))

    @classmethod
    def load_weights(cls, folder: Path) -> Self:
        """Read back what `save_weights` wrote; the scores are equal to the last bit.

        Raises
        ------
        ModelError
            If a file is missing, damaged, or does not fit the others.
        """
        content = load_json(read_file(folder / _SETTINGS), name=_SETTINGS)
        try:
            detector = cls(**content["parameters"])
            detector.n_features_in_ = int(content["columns"])
            detector.offset_ = float(content["offset"])
            detector.tables_ = [
                detector._load_table(folder / f"preprocessing-{number}.skops")
                for number in range(int(content["preprocessings"]))
            ]
            detector.members_ = detector._load_members(content["members"], folder)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelError(f"the ensemble in {folder} is damaged: {in_a_line(error)}") from error
        return detector

    def _load_table(self, file: Path) -> TablePreprocessor:
        table: TablePreprocessor = load_estimator(
            read_file(file), name=file.name, expected=TablePreprocessor
        )
        numeric, categorical = self._columns()
        names = [*numeric, *categorical]
        if [*table.numeric, *table.categorical] != names or self.n_features_in_ != len(names):
            raise ModelError(f"{file} was made for other columns than the ensemble")
        return table

    def _load_members(self, saved: Sequence[Mapping[str, Any]], folder: Path) -> list[Member]:
        plans = plan_members(DEFAULT_MEMBERS if self.members is None else self.members)
        return [
            load_member(plan, content, self.tables_, folder / f"member-{number}")
            for number, (plan, content) in enumerate(zip(plans, saved, strict=True))
        ]
