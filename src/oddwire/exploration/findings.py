"""What stands out in a source, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from oddwire.exploration.leakage import SEPARATES, WHY
from oddwire.exploration.statistics import MOST_PAIRS, aucs
from oddwire.traffic.wire_text import printable

_MOST_NAMES = 6
_MOST_FIGURES = 3
_LONGEST_NAME = 80
_SMALLEST = 0.001
_MANY, _FEW = 0.05, 0.01  # shares of the rows from which repeats, contradictions need a check
_DROP = "Drop what will differ in new traffic, under `drop` of the source."
_ADVICE = {
    "separates": "Check that it is known before the label is, and would hold for other traffic.",
    "port": "Source ports are often random, and destination ports name a service: neighbouring"
    " numbers mean nothing.",
    "label": "Drop it, or name it as the source's `label` or `attack`.",
}


@dataclass(frozen=True)
class Finding:
    """A sentence or two on a source.

    Parameters
    ----------
    weight
        ``check`` where something may be wrong, otherwise ``note``.
    text
        Plain text, in which names from traffic may stand.
    """

    weight: Literal["check", "note"]
    text: str


def findings(statistics: dict[str, Any]) -> list[Finding]:
    """Say what stands out, what to check first.

    Parameters
    ----------
    statistics
        From `statistics.describe`, with ``suspects``.
    """
    found = [*_suspects(statistics), *_rows(statistics), *_columns(statistics)]
    return sorted(found, key=lambda finding: finding.weight != "check")


def rows_in_words(statistics: dict[str, Any]) -> str:
    """Say how many rows there are, of which classes, and from when to when."""
    counts = statistics["rows"]
    attacks = _count(counts["attack"], "attack")
    if families := len(statistics["families"]):
        attacks += f" of {_count(families, 'family', 'families')}"
    by_class = {
        "benign": f"{counts['benign']:,} benign",
        "attack": attacks,
        "unlabelled": f"{counts['unlabelled']:,} without a label",
    }
    classes = ", ".join(text for name, text in by_class.items() if counts[name])
    text = f"{_count(sum(counts.values()), 'row')} before the test part: {classes};"
    text += f" {_count(len(statistics['numeric']), 'numeric feature')} and"
    text += f" {len(statistics['categorical']):,} categorical."
    if "first" in statistics:
        first, last = (statistics[key][:19].replace("T", " ") for key in ("first", "last"))
        text += f" From {first} to {last} UTC."
    return text


def campaigns_in_words(statistics: dict[str, Any]) -> Iterator[str]:
    """Say in which parts campaigns are, and how many attack rows are of none."""
    about = statistics.get("campaigns")
    if not about:
        return
    parts = [f"{count:,} in {part}" for part, count in about.get("parts", {}).items() if count]
    if parts:
        cut = about["cut"]
        crossing = f"{cut[0].upper()}{cut[1:]}" if cut else "None in test has rows before it"
        yield f"Campaigns by part: {', '.join(parts)}. {crossing}."
    if about["without"]:
        yield f"{_count(about['without'], 'attack row')} before the test part of no known campaign."


def _suspects(statistics: dict[str, Any]) -> Iterator[Finding]:
    by_kind: dict[str, list[str]] = {}
    for suspect in statistics["suspects"]:
        by_kind.setdefault(suspect["kind"], []).append(suspect["column"])
    for kind, names in by_kind.items():
        text = f"{_count(len(names), 'column')} {WHY[kind][len(names) > 1]}"
        yield Finding("check", f"{text}: {names_in_words(names)}. {_ADVICE.get(kind, _DROP)}")
    if "separates" in by_kind:
        return
    auc = aucs(statistics)
    text = "Too few labelled rows of each class to look for features that leak the label."
    if auc:
        text = f"No column separates the classes alone (ROC AUC of {SEPARATES} or more); the"
        text += f" closest: {_largest(auc, '{:.3f}'.format)}."
    yield Finding("note", text)


def _rows(statistics: dict[str, Any]) -> Iterator[Finding]:
    gaps, rows = statistics["gaps"], sum(statistics["rows"].values())
    repeated, contradicting = statistics["repeats"].values()
    if contradicting:
        text = f"The features of {_share_of(contradicting, rows)} occur both as benign and as an"
        yield Finding("check" if contradicting > _FEW * rows else "note", f"{text} attack.")
    text = "No row repeats the features of an earlier one."
    if repeated:
        text = f"{_share_of(repeated, rows)} with the same features as an earlier one; such rows"
        text += " may stand on both sides of a split."
    yield Finding("check" if repeated > _MANY * rows else "note", text)
    if left_out := statistics.get("left_out", 0):
        text = f"{_count(left_out, 'row')} of the source left out, in whole stretches of time"
        yield Finding("note", f"{text}: there are more than `split.max_rows`.")
    shared = statistics.get("shared_rows", {"sentence": ""})
    if shared["sentence"]:
        yield Finding("check" if shared["remarkable"] else "note", f"{shared['sentence']}.")
    if cut := (statistics.get("campaigns") or {}).get("cut"):
        yield Finding("check", f"{cut[0].upper()}{cut[1:]}.")
    if gaps["missing"]:
        text = f"{_share_of(gaps['missing'], rows)} with a missing value"
        text += f"{_most(statistics, 'missing')}."
        if gaps["empty"]:
            text += f" {_share_of(gaps['empty'], rows)} without any value."
        yield Finding("check" if gaps["empty"] else "note", text)
    if gaps["infinite"]:
        text = f"{_share_of(gaps['infinite'], rows)} with an infinite value"
        yield Finding("check", f"{text}{_most(statistics, 'infinite')}.")
    if not gaps["missing"] and not gaps["infinite"]:
        yield Finding("note", "No value is missing or infinite.")


def _most(statistics: dict[str, Any], what: str) -> str:
    looked_at = sum(statistics["looked_at"].values())
    features = statistics["numeric"] | statistics["categorical"]
    counts = {name: about.get(what, 0) for name, about in features.items()}
    partly = {name: n for name, n in counts.items() if 0 < n < looked_at}
    if not partly:
        return ""
    return f", most often {_largest(partly, lambda n: _share(n, looked_at))}"


def _columns(statistics: dict[str, Any]) -> Iterator[Finding]:
    empty = statistics["empty"]
    one_value = [name for name in statistics["constant"] if name not in set(empty)]
    if empty:
        text = f"{_count(len(empty), 'column')} without any value: {names_in_words(empty)}."
        yield Finding("check", text)
    if one_value:
        text = f"{_count(len(one_value), 'column')} with one value only"
        yield Finding("note", f"{text}: {names_in_words(one_value)}.")
    if groups := alike_groups(statistics):
        named = "; ".join(names_in_words(group) for group in groups[:_MOST_NAMES])
        more = f"; and {len(groups) - _MOST_NAMES} more" if len(groups) > _MOST_NAMES else ""
        at_least = "At least " if len(statistics["alike"]) == MOST_PAIRS else ""
        text = f"{at_least}{_count(len(groups), 'group')} of columns that rise and fall together"
        yield Finding("note", f"{text}: {named}{more}.")


def alike_groups(statistics: dict[str, Any]) -> list[list[str]]:
    """Join pairs of features that are alike into groups, the largest first."""
    groups: list[list[str]] = []
    for left, right, _ in statistics["alike"]:
        touched = [group for group in groups if left in group or right in group]
        groups = [group for group in groups if group not in touched]
        joined = [name for group in touched for name in group]
        groups.append(list(dict.fromkeys([*joined, left, right])))
    return sorted(groups, key=len, reverse=True)


def _largest(figures: dict[str, Any], shown: Callable[[Any], str]) -> str:
    largest = sorted(figures, key=lambda name: -figures[name])[:_MOST_FIGURES]
    return ", ".join(f"{names_in_words([name])} ({shown(figures[name])})" for name in largest)


def names_in_words(names: Sequence[str]) -> str:
    """List names, the first few of them, as plain text of bounded length."""
    shown = [shortened(name, _LONGEST_NAME) for name in names[:_MOST_NAMES]]
    more = [f"and {len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join(shown + more)


def shortened(text: str, longest: int) -> str:
    """Return text from traffic as one line of bounded length."""
    return printable(text if len(text) <= longest else f"{text[: longest - 1]}…")


def _count(number: int, what: str, many: str | None = None) -> str:
    return f"{number:,} {what if number == 1 else many or f'{what}s'}"


def _share_of(part: int, whole: int) -> str:
    return f"{_count(part, 'row')} ({_share(part, whole)})"


def _share(part: int, whole: int) -> str:
    share = part / whole
    return "under 0.1 %" if share < _SMALLEST else f"{100 * share:.1f} %"
