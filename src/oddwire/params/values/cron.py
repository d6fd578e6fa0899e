"""When something runs again and again: five fields, as `man 5 crontab` has them.

Prefect reads a schedule with a croniter of its own, which this floor must not import: a test holds
what is taken here against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?", re.ASCII)
_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class _Field:
    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """Return what a field stands for."""
        return {value for part in text.casefold().split(",") for value in self._part(part)}

    def _part(self, text: str) -> range:
        found = _PART.fullmatch(text)
        if found is None or (found["step"] is not None and not self._is_step(found["step"])):
            raise self._wrong(text)
        if found["first"] == "*":
            if found["last"] is not None:
                raise self._wrong(text)
            first, last = self.least, self.most
        else:
            first = self._value(found["first"])
            last = first if found["last"] is None else self._value(found["last"])
            if found["step"] is not None and found["last"] is None:
                last = self.most  # 5/15 is 5, 20, 35, 50
        if first > last:
            raise self._wrong(text)
        return range(first, last + 1, int(found["step"] or 1))

    def _is_step(self, text: str) -> bool:
        return len(text) <= len(str(self.most)) and 1 <= int(text) <= self.most

    def _value(self, word: str) -> int:
        if word in self.words:
            return self.words.index(word) + self.least
        if not word.isdecimal() or len(word) > len(str(self.most)):
            raise self._wrong(word)
        if not self.least <= int(word) <= self.most:
            raise self._wrong(word)
        return int(word)

    def _wrong(self, text: str) -> PydanticCustomError:
        words = f" or {self.words[0]} to {self.words[-1]}" if self.words else ""
        rule = f"its {self.name} must be {self.least} to {self.most}{words}"
        return PydanticCustomError("cron", "{rule}", {"rule": rule, "got": text})


_FIELDS = (
    _Field("minute", 0, 59), _Field("hour", 0, 23), _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS), _Field("day of the week", 0, 7, _DAYS),
)  # fmt: skip


def _check_cron(schedule: str) -> str:
    texts = schedule.split()
    if len(texts) != len(_FIELDS) or len(schedule) > _MOST_CHARACTERS:
        raise PydanticCustomError(
            "cron", "must have five fields: minute, hour, day of the month, month, day of the week"
        )
    values = [field.values(text) for field, text in zip(_FIELDS, texts, strict=True)]
    days, months = values[2], values[3]
    comes = any(min(days) <= _LONGEST_MONTH[month - 1] for month in months)
    if not comes and texts[4].startswith("*"):
        raise PydanticCustomError("cron", "names a day that never comes")
    return schedule


CronSchedule = Annotated[str, AfterValidator(_check_cron)]
