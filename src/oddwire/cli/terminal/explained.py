"""An alert that was scored again, in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.markup import escape

from oddwire.cli.terminal import words
from oddwire.cli.terminal.printing import print_table, printer
from oddwire.detection.among_benign import among_benign
from oddwire.live.alerts.formats.feature_words import feature_in_words, value_in_words
from oddwire.live.alerts.words import rarity, utc
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

if TYPE_CHECKING:
    from oddwire.live.explaining import ScoredAgain

_LONGEST = 400  # letters of a text


def print_again(again: ScoredAgain, *, incident: str) -> None:
    """Print the number again, whether it is the same, the features, and what that comes to."""
    console, alert = printer(), again.alert
    console.print(f"Alert {alert.id}", style="bold", soft_wrap=True)
    facts = [utc(alert.clock), words.connection_of(alert)]
    facts += [f"incident {incident}" if incident else "of no incident"]
    if alert.suppressed_by is not None:
        facts.append(f"suppressed: {alert.suppressed_by}")
    for fact in facts:
        console.print(f"  {_shown(fact)}", overflow="fold")
    made_by = alert.made_by
    console.print()
    console.print(
        f"Scored again by {_shown(made_by.model)} version {_shown(made_by.model_version)}: "
        f"anomaly score {again.score!r}, {_same(again)}"
    )
    console.print()
    print_table(console, _rows(again.explained), title="What sets it apart", text=_TEXT)
    console.print()
    console.print(_verdict(again), overflow="fold")


_TEXT = ("feature", "value", "typical", "among benign")


def _same(again: ScoredAgain) -> str:
    if not again.differences:
        return "the same as when it was raised"
    changed = [
        f"{name.replace('_', ' ').replace('p value', 'p-value')} {before!r} then, {now!r} now"
        for name, (before, now) in again.differences.items()
    ]
    if again.same:
        return f"the same as when it was raised, but for rounding ({again.alert.score!r} then)"
    return "which is not what was stored: " + "; ".join(changed)


def _rows(explained: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "feature": _shown(feature_in_words(str(each["feature"]))),
            "share": percent(each["share"]),
            "value": _shown(_value(each["feature"], each["value"])),
            "typical": _shown(_value(each["feature"], each["benign_median"])),
            "among benign": among_benign(each["benign_quantile"], each["benign_share"]),
        }
        for each in explained.to_dict("records")
    ]


def _verdict(again: ScoredAgain) -> str:
    alert = again.alert
    return f"{alert.severity.word} {alert.kind.value}: {rarity(again.unit_p_value)}"


def _value(feature: str, value: Any) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "missing"
    return value_in_words(feature, value if isinstance(value, str) else float(value))


def _shown(text: str) -> str:
    return escape(printable(text, _LONGEST))
