"""How values are written: further words for missing, and the decimal mark."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from oddwire.traffic.sources.conventions import MISSING

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
