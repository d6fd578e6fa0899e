"""What stands out in a source, in sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from oddwire.exploration.leakage import SEPARATES, WHY
from oddwire.exploration.statistics import MOST_PAIRS
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_NAMES = 6
_MOST_TELLING = 3
_LONGEST_NAME = 80
_SMALLEST = 0.001
_MANY, _FEW = 0.05, 0.01  # shares of the rows from which repeats, contradictions need a check


@dataclass(frozen=True)
class Finding:
    """One sentence or two on a source.

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
    found = [
        *_suspects(statistics),
        *_repeats(statistics),
        *_gaps(statistics),
        *_constant(statistics),
        *_alike(statistics),
    ]
    return sorted(found, key=lambda one: one.weight != "check")


def rows_in_words(statistics: dict[str, Any]) -> str:
    """Say how many rows there are, of which classes, and of what time."""
    counts = statistics["rows"]
    parts = [f"{counts['benign']:,} benign"] if counts["benign"] else []
    if counts["attack"]:
        families = len(statistics["families"])
        of = f" of {_count(families, 'family', 'families')}" if families else ""
        parts.append(f"{_count(counts['attack'], 'attack')}{of}")
    parts += [f"{counts['unlabelled']:,} without a label"] if counts["unlabelled"] else []
    text = f"{_count(sum(counts.values()), 'row')} before the test part: {', '.join(parts)};"
    text += f" {_count(len(statistics['numeric']), 'numeric feature')} and"
    text += f" {len(statistics['categorical']):,} categorical."
    if "first" in statistics:
        first, last = (statistics[key][:19].replace("T", " ") for key in ("first", "last"))
        text += f" From {first} to {last} UTC."
    return text


def _suspects(statistics: dict[str, Any]) -> Iterator[Finding]:
    by_kind: dict[str, list[str]] = {}
    for one in statistics["suspects"]:
        by_kind.setdefault(one["kind"], []).append(one["column"])
    for kind, names in by_kind.items():
        one, many = WHY[kind]
        told = f"{_count(len(names), 'column')} {one if len(names) == 1 else many}"
        yield Finding("check", f"{told}: {names_in_words(names)}. {_ADVICE.get(kind, _DROP)}")
    if "separates" not in by_kind:
        yield _closest(statistics)


_DROP = "Drop what will not be the same for new traffic, under `drop` of the source."
_ADVICE = {
    "separates": "Check that it is known before the label is, and would hold for other traffic.",
    "port": "Source ports are often random, and destination ports name a service: as a number"
    " neither is near its neighbours.",
}


def _closest(statistics: dict[str, Any]) -> Finding:
    features = statistics["numeric"] | statistics["categorical"]
    told = {name: about["auc"] for name, about in features.items() if about["auc"] is not None}
    if not told:
        return Finding(
            "note", "Too few rows of a known label of each class to look for leaks of it."
        )
    best = sorted(told, key=lambda name: -told[name])[:_MOST_TELLING]
    most = ", ".join(f"{names_in_words([name])} ({told[name]:.3f})" for name in best)
    return Finding(
        "note",
        f"No column alone separates the classes (ROC AUC of {SEPARATES} or more); those that tell"
        f" most alone: {most}.",
    )


def _repeats(statistics: dict[str, Any]) -> Iterator[Finding]:
    rows = sum(statistics["rows"].values())
    repeated, contradicting = (
        statistics["repeats"][name] for name in ("repeated", "contradicting")
    )
    if contradicting:
        text = f"{_counted_rows(contradicting, rows)} with features that"
        text += " occur both as benign and as an attack."
        yield Finding("check" if contradicting > _FEW * rows else "note", text)
    if not repeated:
        yield Finding("note", "No row repeats the features of an earlier one.")
    else:
        text = (
            f"{_counted_rows(repeated, rows)} with the very features of an earlier one; such rows"
        )
        text += " may stand on both sides of a split."
        yield Finding("check" if repeated > _MANY * rows else "note", text)


def _gaps(statistics: dict[str, Any]) -> Iterator[Finding]:
    gaps, rows = statistics["gaps"], sum(statistics["rows"].values())
    if not gaps["missing"] and not gaps["infinite"]:
        yield Finding("note", "No value is missing or infinite.")
    if gaps["missing"]:
        text = f"{_counted_rows(gaps['missing'], rows)} without some feature"
        most = _most_missing(statistics)
        text += f"; {most}." if most else "."
        if gaps["empty"]:
            text += f" {_counted_rows(gaps['empty'], rows)} without any."
        yield Finding("check" if gaps["empty"] else "note", text)
    if gaps["infinite"]:
        text = f"{_counted_rows(gaps['infinite'], rows)} with an infinite value."
        yield Finding("check", text)


def _most_missing(statistics: dict[str, Any]) -> str | None:
    features = statistics["numeric"] | statistics["categorical"]
    looked_at = sum(statistics["looked_at"].values())
    partly = {name: about["missing"] for name, about in features.items()
              if 0 < about["missing"] < looked_at}  # fmt: skip
    if not partly:
        return None
    worst = max(partly, key=lambda name: partly[name])
    return f"most often {names_in_words([worst])} ({_share(partly[worst], looked_at)})"


def _constant(statistics: dict[str, Any]) -> Iterator[Finding]:
    empty = statistics["empty"]
    one_value = [name for name in statistics["constant"] if name not in set(empty)]
    if empty:
        yield Finding(
            "check", f"{_count(len(empty), 'column')} without any value: {names_in_words(empty)}."
        )
    if one_value:
        text = f"{_count(len(one_value), 'column')} of one value only: {names_in_words(one_value)}."
        yield Finding("note", text)


def _alike(statistics: dict[str, Any]) -> Iterator[Finding]:
    groups = alike_groups(statistics)
    if groups:
        told = "; ".join(names_in_words(group) for group in groups[:_MOST_NAMES])
        more = f"; and {len(groups) - _MOST_NAMES} more" if len(groups) > _MOST_NAMES else ""
        at_least = "At least " if len(statistics["alike"]) == MOST_PAIRS else ""
        text = f"{at_least}{_count(len(groups), 'group')} of columns that rise and fall together"
        yield Finding("note", f"{text}: {told}{more}.")


def alike_groups(statistics: dict[str, Any]) -> list[list[str]]:
    """Join pairs of features that are alike into groups, the largest first."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    names = list(dict.fromkeys(name for pair in statistics["alike"] for name in pair[:2]))
    place = {name: at for at, name in enumerate(names)}
    if not names:
        return []
    left, right = ([place[pair[side]] for pair in statistics["alike"]] for side in (0, 1))
    links = coo_array(([1] * len(left), (left, right)), shape=(len(names), len(names)))
    count, group_of = connected_components(links, directed=False)
    groups = [[name for name in names if group_of[place[name]] == group] for group in range(count)]
    return sorted(groups, key=len, reverse=True)


def names_in_words(names: Sequence[str]) -> str:
    """List names, the first few of them, as plain text of bounded length."""
    shown = [_short(printable(name)) for name in names[:_MOST_NAMES]]
    more = [f"and {len(names) - _MOST_NAMES} more"] if len(names) > _MOST_NAMES else []
    return ", ".join(shown + more)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _count(number: int, what: str, many: str | None = None) -> str:
    return f"{number:,} {what if number == 1 else many or f'{what}s'}"


def _counted_rows(part: int, whole: int) -> str:
    return f"{_count(part, 'row')} ({_share(part, whole)})"


def _share(part: int, whole: int) -> str:
    share = part / whole
    return "under 0.1 %" if share < _SMALLEST else f"{100 * share:.1f} %"
