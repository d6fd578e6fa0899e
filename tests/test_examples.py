"""The examples in the docstrings of what people import run, and give what they show."""

from __future__ import annotations

import doctest
import importlib
import re

import pytest
from small_projects import REPOSITORY

SOURCES = REPOSITORY / "src"
WITH_EXAMPLES = sorted(
    ".".join(file.relative_to(SOURCES).with_suffix("").parts).removesuffix(".__init__")
    for file in SOURCES.rglob("*.py")
    if re.search(r"^\s+>>> ", file.read_text(encoding="utf-8"), re.MULTILINE)
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_a_module_give_what_they_show(name):
    ended = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert ended.attempted > 0
    assert ended.failed == 0
