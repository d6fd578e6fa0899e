"""Hyperparameter studies with Optuna: seeded, resumable after a kill, one per detector.

A study lives in a journal file of its own (or in the database that ``ODDWIRE_OPTUNA_STORAGE``
names). Its name holds a fingerprint of everything that its values depend on, so a study is only
ever resumed on the same data and settings. It stays open until the training that asked for it has
ended; the next training begins a new one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from oddwire.detection.detectors import anomaly_score, default_parameters, search_space
from oddwire.detection.model import Model
from oddwire.detection.search_space import Choice, FloatRange, HyperParameters, IntRange, When
from oddwire.errors import OddwireError
from oddwire.operations.search.journals import journal_of, open_storage
from oddwire.operations.search.objective import Objective
from oddwire.operations.search.plans import (
    DEFAULTS,
    OnTrial,
    StudyPlan,
    StudyResult,
    TrialRecord,
    choose_trial,
)
from oddwire.traffic.schema import FeatureSchema

if TYPE_CHECKING:
    import optuna

_BLIND = "the defaults: too few labelled attacks to tell which hyperparameters are better"
_CLOSED = "closed"
_RETRY = "retry"
_PARAMETERS = "parameters"
_AVERAGE_PRECISION = "average_precision"
_BY_KIND = "by_kind"
_EPOCHS_PER_REPORT = 5
_SHARE, _COLUMNS = "features__share", "preprocessing__columns"
_SHARES = (1.0, 0.75, 0.5, 0.25)


def run_study(
    plan: StudyPlan,
    train: pd.DataFrame,
    objective: Objective | None,
    schema: FeatureSchema,
    *,
    folder: Path,
    on_trial: OnTrial = lambda _: None,
    stopped: Event | None = None,
) -> StudyResult:
    """Search the hyperparameters of one detector.

    Without trials, or where the detector has nothing to search, the result is its defaults.

    Parameters
    ----------
    objective
        What is maximised; None where nothing says what is better, so that the defaults stay.
    folder
        Folder of the journals.
    on_trial
        Called with every finished trial, those of a resumed study first.
    stopped
        When it is set, the study ends after the running trial.

    Raises
    ------
    OddwireError
        If no trial completed.
    """
    if objective is None or not plan.searches:
        return _defaults(plan, objective)
    study = _open_study(plan, folder)
    resumed = _finished(study)
    for trial in resumed:
        on_trial(_record(trial))
    missing = plan.trials - len(resumed)

    def after_trial(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        on_trial(_record(trial))
        if stopped is not None and stopped.is_set():
            study.stop()

    if missing > 0:
        study.optimize(
            _Trial(plan, train, objective, schema),
            n_trials=missing,
            timeout=plan.timeout,
            catch=(Exception,),  # one bad combination must not end the study; it is recorded
            callbacks=[after_trial],
        )
    return _result(study, plan, objective.name, len(resumed))


def _defaults(plan: StudyPlan, objective: Objective | None) -> StudyResult:
    result = StudyResult(
        DEFAULTS, plan.detector, None if objective is None else objective.name, None,
        default_parameters(plan.detector), (), 0,
    )  # fmt: skip
    return replace(result, choice=_BLIND) if objective is None and plan.searches else result


def close_study(name: str, plan: StudyPlan, folder: Path) -> None:
    """Mark a study as used by a training that ended, so that the next one begins its own."""
    if name != DEFAULTS:
        import optuna

        optuna.load_study(study_name=name, storage=_storage(plan, folder)).set_user_attr(
            _CLOSED, value=True
        )


class _Trial:
    """One trial: build, fit, evaluate. Called by Optuna."""

    def __init__(
        self, plan: StudyPlan, train: pd.DataFrame, objective: Objective, schema: FeatureSchema
    ) -> None:
        self._plan, self._train, self._objective, self._schema = plan, train, objective, schema

    def __call__(self, trial: optuna.Trial) -> float:
        try:
            parameters = _suggest(trial, self._plan.detector)
            parameters |= _suggest_columns(trial, self._plan.ranking)
            trial.set_user_attr(_PARAMETERS, parameters)
            return self._value(trial, parameters)
        except Exception as error:
            if type(error).__name__ != "TrialPruned":
                trial.set_user_attr("error", f"{type(error).__name__}: {error}"[:500])
            raise

    def _value(self, trial: optuna.Trial, parameters: HyperParameters) -> float:
        import optuna

        plan = self._plan
        model = Model.build(self._schema, plan.detector, parameters, seed=plan.seed)
        pruner = _EpochPruner(trial, model, self._objective)
        model.fit(self._train, on_epoch=pruner)  # a detector without epochs never calls it
        if pruner.pruned:
            raise optuna.TrialPruned
        scores = model.anomaly_score(self._objective.rows)
        trial.set_user_attr(_AVERAGE_PRECISION, self._objective.average_precision(scores))
        by_kind = self._objective.by_kind(scores)
        trial.set_user_attr(_BY_KIND, by_kind)
        return float(np.mean(by_kind))


class _EpochPruner:
    """Reports the objective every few epochs and asks Optuna whether to go on.

    The objective rather than the network's loss: losses of two preprocessings cannot be compared.
    """

    def __init__(self, trial: optuna.Trial, model: Model, objective: Objective) -> None:
        self._trial, self._model, self._objective = trial, model, objective
        self._matrix: np.ndarray | None = None
        self.pruned = False

    def __call__(self, epoch: int) -> bool:
        if (epoch + 1) % _EPOCHS_PER_REPORT:
            return False
        if self._matrix is None:
            rows = self._objective.rows[list(self._model.schema.columns)]
            self._matrix = self._model.preprocessing.transform(rows)
        value = self._objective.value(anomaly_score(self._model.detector, self._matrix))
        self._trial.report(value, epoch)
        self.pruned = self._trial.should_prune()
        return self.pruned


def _suggest(trial: optuna.Trial, detector: str) -> dict[str, Any]:
    """Return a whole set of hyperparameters: what is not searched has its default."""
    space = search_space(detector)
    parameters = {k: v for k, v in default_parameters(detector).items() if k not in space}
    for name, dimension in space.items():
        if isinstance(dimension, When):
            if dimension.holds(parameters):
                parameters[name] = _suggest_value(trial, name, dimension.then)
            elif dimension.otherwise is not None:
                parameters[name] = dimension.otherwise
        else:
            parameters[name] = _suggest_value(trial, name, dimension)
    return parameters


def _suggest_columns(trial: optuna.Trial, ranking: Sequence[str]) -> dict[str, Any]:
    """Return the best-ranked columns, as many as the trial chooses; nothing where all are used."""
    if not ranking:
        return {}
    share = trial.suggest_categorical(_SHARE, _SHARES)
    return {} if share == 1 else {_COLUMNS: list(ranking[: math.ceil(share * len(ranking))])}


def _suggest_value(
    trial: optuna.Trial, name: str, dimension: FloatRange | IntRange | Choice
) -> str | float | bool:
    match dimension:
        case FloatRange(low, high, log):
            return trial.suggest_float(name, low, high, log=log)
        case IntRange(low, high, log):
            return trial.suggest_int(name, low, high, log=log)
        case Choice(values):
            return cast("str | float | bool", trial.suggest_categorical(name, values))


def _open_study(plan: StudyPlan, folder: Path) -> optuna.Study:
    """Resume the open study of this plan, or begin a new one with the defaults as first trial."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = _storage(plan, folder)
    prefix = f"{plan.source}/{plan.detector}/{plan.fingerprint}/"
    numbers = sorted(
        int(name.removeprefix(prefix))
        for name in optuna.get_all_study_names(storage)
        if name.startswith(prefix)
    )
    if numbers:
        study = optuna.load_study(study_name=f"{prefix}{numbers[-1]}", storage=storage)
        if not study.user_attrs.get(_CLOSED):
            return _prepared(study, plan)
    number = numbers[-1] + 1 if numbers else 1
    study = optuna.create_study(
        study_name=f"{prefix}{number}", storage=storage, direction="maximize"
    )
    defaults = default_parameters(plan.detector)
    in_space = {key: value for key, value in defaults.items() if key in search_space(plan.detector)}
    if plan.ranking:
        in_space[_SHARE] = 1.0
    study.enqueue_trial(in_space)
    return _prepared(study, plan)


def _prepared(study: optuna.Study, plan: StudyPlan) -> optuna.Study:
    """Fail trials that a killed run left behind, and seed sampler and pruner."""
    import optuna

    for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        # Its hyperparameters are tried again, but only once: they may have killed the process.
        if not trial.user_attrs.get(_RETRY):
            study.enqueue_trial(trial.params, user_attrs={_RETRY: True})
    # A resumed sampler with the first seed would draw the first trials again.
    seed = plan.seed + len(study.get_trials(deepcopy=False))
    study.sampler = optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=min(8, max(2, plan.trials // 3))
    )
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=10)
    return study


def _storage(plan: StudyPlan, folder: Path) -> optuna.storages.BaseStorage:
    return open_storage(journal_of(folder, plan.source, plan.detector))


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    import optuna

    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return study.get_trials(deepcopy=False, states=states)


def _record(trial: optuna.trial.FrozenTrial) -> TrialRecord:
    state = {"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed")
    parameters: Mapping[str, Any] = trial.user_attrs.get(_PARAMETERS, trial.params)
    seconds = trial.duration.total_seconds() if trial.duration else 0.0
    value = trial.value if state == "complete" else None
    attributes = trial.user_attrs
    return TrialRecord(
        trial.number, state, value, parameters, seconds, attributes.get(_AVERAGE_PRECISION),
        attributes.get("error"), tuple(attributes.get(_BY_KIND, ())),
    )  # fmt: skip


def _result(study: optuna.Study, plan: StudyPlan, criterion: str, resumed: int) -> StudyResult:
    records = tuple(_record(trial) for trial in study.get_trials(deepcopy=False))
    complete = [record for record in records if record.value is not None]
    if not complete:
        errors = [record.error for record in records if record.error]
        reason = errors[-1] if errors else f"none ended within {plan.timeout:g} s"
        raise OddwireError(f"{plan.detector}: no trial completed: {reason}")
    best, choice = choose_trial(complete, default_parameters(plan.detector))
    return StudyResult(
        study.study_name, plan.detector, criterion, best.value, best.parameters, records, resumed,
        choice,
    )  # fmt: skip
