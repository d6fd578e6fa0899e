"""Names of sources: they become names of folders, of DVC stages, of pages and of models."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
# DVC reads params.yaml by the rules of YAML 1.2, oddwire and people by those of 1.1: what is a
# number, a date or a truth value in either is another name to one of them.
_NO_TEXT = re.compile(
    r"[0-9][0-9_-]*(?:e[0-9]+)?|0[box][0-9a-f_]+|y|n|yes|no|on|off|true|false|null|nan|inf"
)
_DEVICES = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]")  # no folder on Windows is called so


def _check_name(name: Any) -> Any:
    if not isinstance(name, str) or _NO_TEXT.fullmatch(name):
        rule = "must be no number, date or truth value (as YAML reads it): begin with another word"
    elif not _NAME.fullmatch(name):
        rule = "must be 1 to 50 of a-z, 0-9, - and _, and begin with a letter or digit"
    elif _DEVICES.fullmatch(name):
        rule = "must be none of the device names of Windows"
    else:
        return name
    raise PydanticCustomError("source_name", "{rule}", {"rule": rule})


SourceName = Annotated[str, BeforeValidator(_check_name)]
