"""``params.yaml`` → `Params`; its only reader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from oddwire.errors import ParameterError
from oddwire.params.alerts import AlertSettings
from oddwire.params.base import Settings
from oddwire.params.data_stages import ExploreSettings, SplitSettings
from oddwire.params.drift import DriftSettings
from oddwire.params.notify import NotifySettings
from oddwire.params.promotion import PromotionSettings
from oddwire.params.scoring import ScoringSettings
from oddwire.params.search import SearchSettings
from oddwire.params.sources import Source
from oddwire.params.training import TrainingSettings


class Params(Settings):
    """All of ``params.yaml``."""

    seed: int = Field(0, ge=0, le=2**31 - 1)
    sources: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,49}$")], Source]
    split: SplitSettings = SplitSettings()
    explore: ExploreSettings = ExploreSettings()
    training: TrainingSettings = TrainingSettings()
    search: SearchSettings = SearchSettings()
    alerts: AlertSettings = AlertSettings()
    promotion: PromotionSettings = PromotionSettings()
    drift: DriftSettings = DriftSettings()
    notify: NotifySettings = NotifySettings()
    scoring: ScoringSettings = ScoringSettings()

    @model_validator(mode="after")
    def _check_the_watched_sources(self) -> Self:
        named = {"sources": self.drift.sources, "current": tuple(self.drift.current)}
        for key, names in named.items():
            for name in names:
                if name not in self.sources:
                    raise PydanticCustomError(
                        "watched", "must be one of the sources {known}",
                        {
                            "known": ", ".join(sorted(self.sources)),
                            "key": f"drift.{key}", "got": name,
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


_MOST_PROBLEMS = 3
_MOST_SHOWN = 80  # characters of a wrong value


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which alone would silently take the last of two blocks of one name."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse a key that is there twice."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if keys.count(key) > 1 and key != "<<"})
        if twice:
            line = node.start_mark.line + 1
            raise ParameterError(
                f"{twice[0]}: is there twice, in the block that starts in line {line}"
            )
        return super().construct_mapping(node, deep)


def load_params(file: Path) -> Params:
    """Read and check ``params.yaml``.

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


def _in_words(error: ValidationError) -> str:
    problems = error.errors()
    words = [_problem_in_words(dict(problem)) for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > len(words):
        words.append(f"and {len(problems) - len(words)} more")
    return "; ".join(words)


def _problem_in_words(problem: dict[str, Any]) -> str:
    context = problem.get("ctx", {})
    key = context.get("key") or ".".join(_names(problem["loc"])) or "the whole file"
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
            rule = "is not a known key"
        case _:
            # "Input should be less than 1" → "must be less than 1"
            rule = re.sub(r"^(?:Input|String) should ", "must ", problem["msg"])
            rule = rule[0].lower() + rule[1:]
    shown = repr(got)
    return f"{key}: {rule}, got {shown if len(shown) <= _MOST_SHOWN else shown[:_MOST_SHOWN] + '…'}"


def _names(place: tuple[str | int, ...]) -> list[str]:
    """Name a place as it is in the file: pydantic puts the format into the keys of a source."""
    names = list(map(str, place))
    return names[:2] + names[3:] if names[:1] == ["sources"] and len(names) > 3 else names  # noqa: PLR2004
