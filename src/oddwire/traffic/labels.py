"""What the texts of labels mean; labels and attack families of a frame as plain arrays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from oddwire.errors import short_repr
from oddwire.params.values.labels import BENIGN
from oddwire.traffic.schema import ATTACK, LABEL

# What people and tools write where nobody judged; case, blanks, `_` and `-` make no difference.
UNKNOWN = (
    "", "?", "(empty)", "n/a", "#n/a", "na", "<na>", "nan", "null", "(null)", "none", "\\n",
    "unknown", "no label", "unlabeled", "unlabelled", "not labeled", "not labelled",
    "needs label", "need manual label", "needs manual label", "unclassified", "unspecified",
    "undefined", "undetermined", "tbd", "background",
)  # fmt: skip
_BLANKS = re.compile(r"[\s_\-\u2010-\u2015]+")  # dashes of any length
# CTU-13's way: `flow=Background-UDP`, `flow=To-Background-CVUT-Proxy`, `flow=From-Normal-V42-Jist`,
# `flow=From-Botnet-V42-UDP-DNS`; what is neither normal nor the botnet's, nobody judged.
_BACKGROUND = re.compile(r"(flow=)?((from|to)[-_ ])?background([-_ ].*)?")
_CTU = "flow="
_CTU_ATTACKS = ("botnet", "malware", "malicious", "attack")
_CTU_BENIGN = re.compile(r"(?<![a-z])(normal|benign)(?![a-z])")
_MOST_TEXTS, _MOST_SHOWN = 1000, 6  # different labels that are counted, that are named
_TRUTH = {"true": "1", "false": "0"}


def label_key(value: object) -> str:
    """Return what two ways to write a label have in common: case, blanks around, 0.0 for 0.

    Examples
    --------
    >>> label_key(" DDoS "), label_key(0.0), label_key("False"), label_key("1.0")
    ('ddos', '0', '0', '1')
    """
    key = str(value).strip().casefold()
    whole, dot, fraction = key.partition(".")
    if dot and not fraction.strip("0") and whole.lstrip("-").isdigit():
        key = whole
    return _TRUTH.get(key, key)


def is_unknown(text: str | None) -> bool:
    """Return whether a label says that nobody judged: what is unknown is no attack.

    Examples
    --------
    >>> [is_unknown(text) for text in ("No Label", "flow=Background-UDP", "-", "scan")]
    [True, True, True, False]
    """
    key = (text or "").strip().casefold()
    return _BLANKS.sub("", key) in _SQUEEZED or _BACKGROUND.fullmatch(key) is not None


_SQUEEZED = {_BLANKS.sub("", word) for word in UNKNOWN}


@dataclass(frozen=True)
class LabelRule:
    """How the text of a label is to be understood.

    Parameters
    ----------
    benign
        Texts, numbers or truth values that mean so, whatever else they could mean.
    unknown
        What means so beside the words that do anyway (`UNKNOWN`).

    Examples
    --------
    >>> rule = LabelRule(unknown=("to check",))
    >>> [rule.of(text) for text in ("BENIGN", "scan", "To check", "NeedManualLabel", None)]
    [0, 1, None, None, None]
    """

    benign: Sequence[Any] = BENIGN
    unknown: Sequence[Any] = ()

    @cached_property
    def _keys(self) -> tuple[frozenset[str], frozenset[str]]:
        benign, unknown = (frozenset(map(label_key, each)) for each in (self.benign, self.unknown))
        return benign, unknown

    def of(self, text: str | None) -> int | None:
        """Return 0 for benign, 1 for an attack, None for unknown."""
        if text is None:
            return None
        benign, unknown = self._keys
        key = label_key(text)
        if key in benign:  # first: `-` may be a word for benign
            return 0
        if key in unknown or is_unknown(text):
            return None
        return _ctu_code(key, benign) if key.startswith(_CTU) else 1

    def family(self, text: str | None) -> str | None:
        """Return the attack that a label names, None where it is none or a number alone."""
        if text is None or self.of(text) != 1 or _is_number(text):
            return None
        return text.strip().removeprefix(_CTU)

    def columns(self, label: pa.Array, family: pa.Array | None = None) -> dict[str, pa.Array]:
        """Return ``label`` and ``attack`` of rows by the texts of their labels and families."""
        coded = pc.dictionary_encode(pc.utf8_trim_whitespace(pc.cast(label, pa.string())))
        different = coded.dictionary.to_pylist()
        codes = pa.array([self.of(text) for text in different], pa.int8())
        names = pa.array([self.family(text) for text in different], pa.string())
        found, named = pc.take(codes, coded.indices), pc.take(names, coded.indices)
        if family is not None:
            named = pc.coalesce(_known(family), named)
        attack = pc.if_else(pc.fill_null(pc.equal(found, 1), False), named, _NO_TEXT)
        return {"label": found, "attack": attack}


class LabelsSeen:
    """How often which label stands in the rows of a source, and what it was taken for.

    Parameters
    ----------
    column
        The column of labels.
    rule
        What its texts mean.
    """

    def __init__(self, column: str, rule: LabelRule) -> None:
        self.column, self._rule = column, rule
        self.rows: Counter[int | None] = Counter()  # by what they were taken for
        self._texts: dict[int | None, Counter[str]] = {0: Counter(), 1: Counter(), None: Counter()}

    def add(self, counts: Mapping[str, int]) -> None:
        """Count further rows by their texts."""
        for text, count in counts.items():
            code = self._rule.of(text)
            self.rows[code] += count
            if text in self._texts[code] or len(self._texts[code]) < _MOST_TEXTS:
                self._texts[code][text] += count

    @property
    def sentence(self) -> str:
        """List the labels by what they were taken for, the frequent ones first."""
        words = {0: "benign", 1: "attack", None: "unknown"}
        each = [
            f"{word} {self._listed(code)}" if self.rows[code] else f"{word} none"
            for code, word in words.items()
            if self.rows[code] or code is not None
        ]
        return f"labels in {short_repr(self.column)}: {'; '.join(each)}"

    def fault(self) -> str | None:
        """Say why the rows cannot be trained on with their labels, None where they can."""
        column = f"the label column {short_repr(self.column)}"
        if not self.rows[0] and not self.rows[1]:
            return (
                f"{column} is empty or unknown in every row ({self._listed(None)}); to train"
                " without labels, leave `label` out"
            )
        if self.rows[0]:
            return None
        read = ", ".join(short_repr(value) for value in self._rule.benign)
        words = any(isinstance(value, bool) for value in self._rule.benign)
        more = "; YAML reads no, off and n as False, yes, on and y as True: put words in quotes"
        return (
            f"no value in {column} is benign: the source's `benign` must list what it calls so, got"
            f" {read}{more if words else ''}; seen: {self._listed(1)}"
        )

    def _listed(self, code: int | None) -> str:
        texts = self._texts[code]
        shown = texts.most_common(_MOST_SHOWN)
        listed = ", ".join(f"{short_repr(text)} ({count:,})" for text, count in shown)
        rest = self.rows[code] - sum(count for _, count in shown)
        return f"{listed} and others ({rest:,})" if rest else listed


_NO_TEXT = pa.scalar(None, pa.string())


def _ctu_code(key: str, benign: frozenset[str]) -> int | None:
    if any(word in key for word in _CTU_ATTACKS):
        return 1
    found = _CTU_BENIGN.search(key)
    return None if found is None else int(found[1] not in benign)


def _is_number(text: str) -> bool:
    try:
        float(label_key(text))
    except ValueError:
        return False
    return True


def _known(family: pa.Array) -> pa.Array:
    """Return the families of rows, missing where unknown."""
    coded = pc.dictionary_encode(pc.utf8_trim_whitespace(pc.cast(family, pa.string())))
    different = coded.dictionary.to_pylist()
    names = [None if is_unknown(text) or _is_number(text) else text for text in different]
    return pc.take(pa.array(names, pa.string()), coded.indices)


def labels_of(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return labels as float64 of shape (n,): 0 benign, 1 attack, NaN where unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> labels_of(pd.DataFrame({"label": pd.array([0, 1, None], dtype="Int8")}))
    array([ 0.,  1., nan])
    """
    if LABEL not in rows:
        return np.full(len(rows), np.nan)
    return rows[LABEL].to_numpy(dtype="float64", na_value=np.nan)


def attacks_of(rows: pd.DataFrame) -> NDArray[np.object_]:
    """Return attack families as objects of shape (n,), None where benign or unknown."""
    if ATTACK not in rows:
        return np.full(len(rows), None, dtype=object)
    return objects_of(rows[ATTACK])


def objects_of(column: pd.Series[Any]) -> NDArray[np.object_]:
    """Return a column as plain objects of shape (n,), None where missing."""
    objects = column.to_numpy(dtype=object, copy=True)
    objects[column.isna().to_numpy()] = None
    return objects
