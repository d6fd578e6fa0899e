"""The suspected columns of a source as the line of its block that leaves them out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

_PLAIN = re.compile(r"[^\W\d_]([\w ./-]*[\w./-])?")
_OF_YAML_1 = {"y", "Y", "n", "N"}  # truth values to some readers


def read_suspects(folder: Path) -> tuple[dict[str, str], ...]:
    """Return the suspects that the stage `explore` found; none where it wrote nothing whole."""
    try:
        content: Mapping[str, Any] = json.loads((folder / "statistics.json").read_text("utf-8"))
        return tuple(dict(each) for each in content["suspects"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def drop_line(suspects: Iterable[Mapping[str, str]], dropped: Sequence[str]) -> str:
    """Return the line to paste, with what is dropped already; empty where nothing is suspected.

    Examples
    --------
    >>> drop_line([{"column": "Flow ID"}, {"column": "yes"}], dropped=["n"])
    'drop: ["n", Flow ID, "yes"]'
    """
    named = [suspect["column"] for suspect in suspects]
    if not named:
        return ""
    every = dict.fromkeys([*dropped, *named])
    return f"drop: [{', '.join(map(_written, every))}]"


def _written(name: str) -> str:
    """Return a name as a list of YAML has it: in the quotes of JSON where it needs some."""
    if _PLAIN.fullmatch(name) and yaml.safe_load(f"[{name}]") == [name] and name not in _OF_YAML_1:
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())
