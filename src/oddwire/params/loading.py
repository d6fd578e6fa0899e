"""``params.yaml`` → `Params`; its only reader."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args

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
from oddwire.params.text.wording import in_words, shown
from oddwire.params.text.yaml_text import read_yaml
from oddwire.params.training import TrainingSettings
from oddwire.params.values.names import SourceName
from oddwire.params.watch import WatchedSource, WatchSettings, watched


class Params(Settings):
    """All of ``params.yaml``.

    ``rows_at_once`` bounds memory and changes no figure: files with more rows are read so many at
    a time.
    """

    seed: int = Field(0, ge=0, le=2**31 - 1)
    rows_at_once: int = Field(200_000, ge=100, le=100_000_000_000)
    sources: Annotated[dict[SourceName, Source], Field(min_length=1)]
    split: SplitSettings = SplitSettings()
    explore: ExploreSettings = ExploreSettings()
    training: TrainingSettings = TrainingSettings()
    search: SearchSettings = SearchSettings()
    alerts: AlertSettings = AlertSettings()
    promotion: PromotionSettings = PromotionSettings()
    drift: DriftSettings = DriftSettings()
    notify: NotifySettings = NotifySettings()
    scoring: ScoringSettings = ScoringSettings()
    watch: WatchSettings = WatchSettings()

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

    @property
    def live_sources(self) -> list[str]:
        """The sources that `oddwire up` watches."""
        return [name for name, each in self.sources.items() if watched(each) is not None]

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


def load_params(file: Path) -> Params:
    """Read and check ``params.yaml``.

    Raises
    ------
    ParameterError
        If the file is missing, is not YAML, or a key or value breaks a rule.
    """
    content = read_yaml(file)
    if not isinstance(content, dict):
        raise ParameterError(f"{file.name} must hold keys and values, got {shown(content)}")
    _check_values(content, file.name)
    return check_params(content, origin=file.name)


def _check_values(content: Any, place: str) -> None:
    """Refuse what YAML knows beyond text, numbers, lists and keys: DVC, which reads it too, does.

    Raises
    ------
    ParameterError
        If there is a date, a time or a set.
    """
    if isinstance(content, dict):
        for key, value in content.items():
            _check_values(value, f"{place}: {key}" if place.endswith(".yaml") else f"{place}.{key}")
    elif isinstance(content, list):
        for value in content:
            _check_values(value, place)
    elif not isinstance(content, str | int | float | None):
        raise ParameterError(f"{place}: must be in quotes, got {str(content)!r}")


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
        words = in_words(error, known=_known_keys)
        raise ParameterError(" ".join(f"{origin}: {words}".split())) from None


def _known_keys(place: Sequence[str | int]) -> Sequence[str]:
    """Return the keys of the block that a place is in."""
    formats = {
        get_args(kind.model_fields["format"].annotation)[0]: kind
        for kind in get_args(get_args(Source)[0])
    }
    blocks: dict[str, Any] = {name: each.annotation for name, each in Params.model_fields.items()}
    match place:
        case [_]:
            return [*blocks]
        case ["sources", _, _, "watch", _]:
            return [*WatchedSource.model_fields]
        case ["sources", _, kind, _]:
            return [*formats[str(kind)].model_fields]
        case [block, _]:
            return [*getattr(blocks[str(block)], "model_fields", ())]
    return ()
