"""How values are written: the words for missing, and the decimal mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

# What spreadsheets, databases, printf and analysts write where there is no value; in any case.
_MSVC_NANS = tuple(
    "".join(parts) for parts in product(("", "-", "+"), ("1.#ind", "1.#qnan", "1.#snan", "1.#nan"),
                                        ("", "0", "00", "000"))
)  # fmt: skip
MISSING = frozenset({
    "", "-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", "?", "??", ".",
    "na", "n/a", "n.a.", "n. a.", "n/d", "<na>", "(na)", "not available", "not applicable",
    "nan", "-nan", "+nan", "nan(ind)", "-nan(ind)", "nat",
    "null", "(null)", "<null>", "[null]", "nil", "<nil>", "\\n",
    "none", "(none)", "<none>", "unknown", "(unknown)", "<unknown>", "undefined", "missing",
    "(empty)", "<empty>", "(blank)", "(unset)", "<unset>",
    "#n/a", "#n/a n/a", "#na", "#nv", "#n/d", "#div/0!", "#value!", "#num!", "#ref!", "#name?",
    "#null!", *_MSVC_NANS,
})  # fmt: skip
# Those that could pass for a category: said, where most of a column is one of them.
LIKE_A_CATEGORY = frozenset({
    "none", "(none)", "<none>", "unknown", "(unknown)", "<unknown>", "undefined", "missing", "nil",
    "(empty)", "<empty>", "(blank)", "(unset)", "<unset>", "not available", "not applicable",
})  # fmt: skip
TRUTH = {"true": "1", "false": "0"}


@dataclass(frozen=True)
class Spelling:
    """How the values of a file are written, as far as its source says so.

    Parameters
    ----------
    nulls
        Further words for missing, case-folded.
    null_numbers
        Numbers that mean missing, however they are written.
    decimal
        The decimal mark, ``.`` or ``,``. With the comma, dots may part thousands.
    has_keys
        Whether the source has keys for this, which a message may then name.
    """

    nulls: frozenset[str] = frozenset()
    null_numbers: tuple[float, ...] = ()
    decimal: str = "."
    has_keys: bool = False

    @classmethod
    def of(cls, null_values: Iterable[str | float], decimal: str) -> Spelling:
        """Take over a source's keys."""
        words = [str(value).strip() for value in null_values]
        found = [number for word in words if (number := _number(word)) is not None]
        return cls(frozenset(word.casefold() for word in words), tuple(found), decimal, True)

    def category(self, text: str) -> str | None:
        """Return what a stripped text means as a category; None where it is missing."""
        folded = text.casefold()
        if folded in MISSING or folded in self.nulls:
            return None
        if folded in TRUTH:  # as Parquet's truth values come
            return folded
        whole = self._whole(text)
        if self.null_numbers and _number(whole) in self.null_numbers:
            return None
        return whole

    def _whole(self, text: str) -> str:
        # A column of whole numbers with gaps is often written with a decimal point.
        for mark in {".", self.decimal}:
            whole, found, fraction = text.partition(mark)
            if found and not fraction.strip("0") and whole.lstrip("-").isdigit():
                return whole
        return text


PLAIN = Spelling()


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
