"""``params.yaml`` → frozen types; its only reader.

Every rule of a setting stands here once. A wrong key or value is a `ParameterError` that names
the key, the rule and the value got.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from oddwire.errors import ParameterError

DetectorName = Literal[
    "isolation_forest", "one_class_svm", "autoencoder", "kmeans", "kmeans_autoencoder",
    "nearest_neighbours", "local_outlier_factor", "ensemble",
]  # fmt: skip
Kind = Literal["connections", "table"]
DriftScenario = Literal["new_service", "doubled_volume", "broken_sensor", "new_subnet"]
ThresholdRule = Literal["fpr", "alerts_per_day", "tail", "best_f1", "precision"]
DRIFT_SCENARIOS: tuple[str, ...] = get_args(DriftScenario)
Fraction = Annotated[float, Field(gt=0, lt=1)]


# Five fields, as `man 5 crontab` has them; Prefect checks the figures when it takes the schedule.
_CRON = r"^\s*(?:[\w*/,?#-]+\s+){4}[\w*/,?#-]+\s*$"


class Settings(BaseModel):
    """A block of settings: frozen, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceSettings(Settings):
    """What all sources share.

    ``kind`` says whether its rows are connections, whose features are computed, or a table that
    brings its features.
    """

    kind: ClassVar[Kind] = "table"


class SimulatedSource(SourceSettings):
    """Days of a small organisation's connections, made from a seed."""

    kind: ClassVar[Kind] = "connections"

    format: Literal["simulated"]
    seed: int = Field(0, ge=0)
    start: dt.date = Field(default_factory=lambda: dt.date(2026, 3, 2))
    days: int = Field(7, ge=1, le=366)
    connections_per_day: int = Field(6000, ge=100, le=1_000_000)
    attacks: bool = True
    drift: tuple[DriftScenario, ...] = ()
    drift_from_day: int = Field(0, ge=0)


class NslKddSource(SourceSettings):
    """The official files of NSL-KDD."""

    format: Literal["nsl-kdd"]
    train: Path
    test: Path | None = None


class TableSource(SourceSettings):
    """Any table in CSV or Parquet, gzip too: a row per connection, a column per feature."""

    format: Literal["table"]
    train: Path
    test: Path | None = None
    label: str | None = None
    benign: tuple[str | int | float | bool, ...] = ("benign", "normal", "0")
    attack: str | None = None
    time: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] | None = None


Source = Annotated[SimulatedSource | NslKddSource | TableSource, Field(discriminator="format")]


class SplitSettings(Settings):
    """How rows become training, calibration, validation and test.

    Unless all training rows are known to be benign, the oddest share ``contamination`` of them is
    left out, whatever their labels: there may be attacks among them.
    """

    train_on: Literal["benign", "all"] = "benign"
    contamination: float = Field(0.05, ge=0, lt=0.5)
    calibration: Fraction = 0.2
    validation: Fraction = 0.2
    test: Fraction = 0.25


class ExploreSettings(Settings):
    """How much of a source its statistics and pictures look at."""

    max_rows: int = Field(20_000, ge=100)
    map_rows: int = Field(1_000, ge=50, le=5_000)


class SearchSettings(Settings):
    """Limits of a study, each per detector."""

    detectors: tuple[DetectorName, ...] = ("isolation_forest", "one_class_svm", "autoencoder")
    trials: int = Field(20, ge=0, le=100_000)
    timeout: float = Field(1800, gt=0)
    feature_selection: Literal["none", "mutual_information", "permutation"] = "none"


class AlertSettings(Settings):
    """From what the threshold follows; how each rule works stands in ``detection/thresholds.py``.

    Without ``rule`` it is ``alerts_per_day`` where that is given, otherwise ``fpr``.

    Parameters
    ----------
    rule
        ``fpr``, ``alerts_per_day`` and ``tail`` need benign rows alone; ``best_f1`` and
        ``precision`` need attacks in validation.
    max_fpr
        Of ``fpr``: share of benign connections that may raise an alert.
    alerts_per_day
        Of ``alerts_per_day``: false alarms that people can look at.
    risk
        Of ``tail``: probability that a benign connection raises an alert.
    min_precision
        Of ``precision``: share of the alerts that must be attacks.
    attack_share
        Of ``best_f1`` and ``precision``: share of attacks to expect in traffic. None takes
        validation's own, where all attacks before the test lie: far more than traffic brings.
    benign_shift
        Of the rules that need benign rows alone: how far benign traffic may move, as a chi-square
        divergence, without the rate being broken; 0 expects it as it was.
    """

    rule: ThresholdRule = "fpr"
    max_fpr: Fraction = 0.01
    alerts_per_day: float | None = Field(None, gt=0)
    risk: Fraction = 0.001
    min_precision: Fraction = 0.9
    attack_share: Fraction | None = None
    benign_shift: float = Field(0.0, ge=0, le=100)

    @model_validator(mode="before")
    @classmethod
    def _take_a_budget_for_the_rule(cls, content: Any) -> Any:
        if isinstance(content, dict) and "rule" not in content:
            budget = content.get("alerts_per_day") is not None
            return {**content, "rule": "alerts_per_day" if budget else "fpr"}
        return content

    @model_validator(mode="after")
    def _check_the_budget(self) -> Self:
        if (self.rule == "alerts_per_day") != (self.alerts_per_day is not None):
            raise PydanticCustomError(
                "budget",
                "alerts_per_day must be given with the rule alerts_per_day, and with no other",
            )
        return self


class PromotionSettings(Settings):
    """What a challenger must show before it becomes champion."""

    confidence: Fraction = 0.95
    resamples: int = Field(200, ge=50)
    max_family_loss: Fraction = 0.1
    max_false_positive_rate: Fraction = 0.2
    max_milliseconds_per_row: float = Field(1.0, gt=0)
    max_megabytes: float = Field(200, gt=0)


class DriftSettings(Settings):
    """When traffic counts as changed."""

    sample_rows: int = Field(2000, ge=100)
    false_alarm_rate: Fraction = 0.01
    min_share_of_columns: Fraction = 0.1
    schedule: Annotated[str, Field(pattern=_CRON)] = "0 6 * * *"
    source: str = "simulated"


class Params(Settings):
    """All of ``params.yaml``."""

    seed: int = Field(0, ge=0, le=2**31 - 1)
    sources: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")], Source]
    split: SplitSettings = SplitSettings()
    explore: ExploreSettings = ExploreSettings()
    search: SearchSettings = SearchSettings()
    alerts: AlertSettings = AlertSettings()
    promotion: PromotionSettings = PromotionSettings()
    drift: DriftSettings = DriftSettings()

    @model_validator(mode="before")
    @classmethod
    def _watch_a_source_that_there_is(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("sources"), dict):
            return content
        drift = content.get("drift", {})
        if not content["sources"] or not isinstance(drift, dict):
            return content
        return {**content, "drift": {"source": next(iter(content["sources"])), **drift}}

    @model_validator(mode="after")
    def _check_the_watched_source(self) -> Self:
        if self.sources and self.drift.source not in self.sources:
            raise PydanticCustomError(
                "watched", "must be one of the sources {known}",
                {
                    "known": ", ".join(sorted(self.sources)),
                    "key": "drift.source", "got": self.drift.source,
                },
            )  # fmt: skip
        return self

    def source(self, name: str) -> Source:
        """Return the block of one source.

        Raises
        ------
        ParameterError
            If there is no source of that name.
        """
        try:
            return self.sources[name]
        except KeyError:
            known = ", ".join(sorted(self.sources))
            raise ParameterError(f"unknown source {name!r}: params.yaml has {known}") from None


_MOST_SHOWN = 80  # characters of a wrong value


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which would silently take the last of two blocks of one name."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that stands twice."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if keys.count(key) > 1 and key != "<<"})
        if twice:
            line = node.start_mark.line + 1
            raise ParameterError(f"{twice[0]}: stands twice in the block from line {line} on")
        return super().construct_mapping(node, deep)


def load_params(file: Path) -> Params:
    """Read and check ``params.yaml``.

    Parameters
    ----------
    file
        Path of the YAML file.

    Raises
    ------
    ParameterError
        If the file is missing, is not YAML, or a key or value breaks a rule.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ParameterError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ParameterError(f"{file} is not UTF-8 text: {error.reason}") from error
    try:
        content = yaml.load(text, _UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date of the 13th month
        raise ParameterError(f"{file.name} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise ParameterError(f"{file.name} must hold keys and values, got {content!r:.60}")
    return check_params(content, origin=file.name)


def check_params(content: dict[str, Any], *, origin: str = "params.yaml") -> Params:
    """Turn plain keys and values into `Params`.

    Raises
    ------
    ParameterError
        If a key or value breaks a rule; the first few are named.
    """
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise ParameterError(" ".join(f"{origin}: {_in_words(error)}".split())) from None


def _in_words(error: ValidationError, most: int = 3) -> str:
    problems = error.errors()
    words = [_problem_in_words(dict(problem)) for problem in problems[:most]]
    if len(problems) > most:
        words.append(f"and {len(problems) - most} more")
    return "; ".join(words)


def _problem_in_words(problem: dict[str, Any]) -> str:
    context = problem.get("ctx", {})
    key = context.get("key") or ".".join(map(str, problem["loc"])) or "the whole file"
    got = context.get("got", problem["input"])
    match problem["type"]:
        case "missing":
            return f"{key}: is required"
        case "union_tag_not_found":
            return f"{key}.format: is required"
        case "union_tag_invalid":
            return (
                f"{key}.format: must be one of {context['expected_tags']}, got {context['tag']!r}"
            )
        case "extra_forbidden":
            rule = "is no known key"
        case _:
            rule = problem["msg"][0].lower() + problem["msg"][1:]
    shown = repr(got)
    return f"{key}: {rule}, got {shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + '…'}"
