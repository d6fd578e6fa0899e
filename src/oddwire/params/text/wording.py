"""What is wrong with ``params.yaml``, in words: the key, the rule and the value got."""

from __future__ import annotations

import datetime as dt
import re
import reprlib
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

_MOST_PROBLEMS = 3
_MOST_SHOWN = 80  # characters of a wrong value
_MOST_OF_A_KEY = 60
_ADDRESS = re.compile(r"(\w+://)\S+")
_BLOCK_WANTED = {"dict_type", "model_type", "model_attributes_type"}


def in_words(
    error: ValidationError, *, known: Callable[[Sequence[str | int]], Sequence[str]]
) -> str:
    """Name the first few problems, and how many more there are.

    Parameters
    ----------
    known
        Returns the keys that the block at a place may have.
    """
    problems = error.errors()
    words = [_problem_in_words(dict(problem), known) for problem in problems[:_MOST_PROBLEMS]]
    if len(problems) > len(words):
        words.append(f"and {len(problems) - len(words)} more")
    return "; ".join(words)


def _problem_in_words(
    problem: dict[str, Any], known: Callable[[Sequence[str | int]], Sequence[str]]
) -> str:
    context, place = problem.get("ctx", {}), problem["loc"]
    below = [context["below"]] if "below" in context else []
    key = context.get("key") or ".".join([*_names(place), *below]) or "the whole file"
    got = context.get("got", problem["input"])
    match problem["type"]:
        case "missing":
            return f"{key}: is required"
        case "union_tag_not_found":
            return f"{key}.format: is required"
        case "union_tag_invalid":
            tag = shown(context["tag"])
            return f"{key}.format: must be one of {context['expected_tags']}, got {tag}"
        case "extra_forbidden":
            near = get_close_matches(str(place[-1]), known(place), n=1)
            rule = "is not a known key" + (f" (is {near[0]} meant?)" if near else "")
        case kind if kind in _BLOCK_WANTED and got is None:
            return f"{key}: is empty: give it keys and values, or take it out"
        case kind if kind in _BLOCK_WANTED:
            rule = "must be a block of keys and values"
        case "tuple_type":
            rule = "must be a list"
        case "too_short":
            rule = "must not be empty"
        case _:
            # "Input should be less than 1" → "must be less than 1"
            rule = re.sub(r"^(?:Input|String) should ", "must ", problem["msg"])
            rule = rule[0].lower() + rule[1:]
    if place[:1] == ("notify",):
        return f"{key}: {rule}"  # what stands there may be a token
    return f"{key}: {rule}, got {shown(got)}"


def shown(value: Any) -> str:
    """Return a value as a message may hold it: short, and without what may be a token."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a block of keys and values"
    if isinstance(value, dt.date):
        return value.isoformat()
    # Not `repr`: it would unfold what aliases repeat.
    text = repr(value[: 2 * _MOST_SHOWN]) if isinstance(value, str) else reprlib.repr(value)
    text = _ADDRESS.sub(r"\1***", text)
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "…"


def _names(place: Sequence[str | int]) -> list[str]:
    """Name a place as it is in the file: pydantic puts the format into the keys of a source."""
    if place[-1:] == ("[key]",):
        *above, block = _names(place[:-2])
        return [*above, f"{block}: a name"]
    names = [str(part)[:_MOST_OF_A_KEY] for part in place]
    return names[:2] + names[3:] if names[:1] == ["sources"] else names
