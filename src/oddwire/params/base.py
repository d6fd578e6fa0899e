"""What all blocks of settings share."""

from __future__ import annotations

from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Fraction = Annotated[float, Field(gt=0, lt=1)]


class Settings(BaseModel):
    """A block of settings: frozen, no key that it does not know, no number without end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_truth_values_for_numbers(cls, content: Any) -> Any:
        for name, value in content.items() if isinstance(content, dict) else ():
            field = cls.model_fields.get(name) if isinstance(name, str) else None
            if isinstance(value, bool) and field is not None and _is_number(field.annotation):
                raise PydanticCustomError(
                    "number", "must be a number", {"below": name, "got": value}
                )  # fmt: skip
        return content


def _is_number(kind: Any) -> bool:
    """Whether a type is a number, or a number or none; rules of its size left aside."""
    options = [each for each in get_args(kind) or (kind,) if each is not NoneType]
    plain = {get_args(each)[0] if get_args(each) else each for each in options}
    return plain <= {int, float} and bool(plain)
