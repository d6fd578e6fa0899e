"""What must be said of how a threshold was set: what it cannot promise, and who is noisy."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from oddwire.detection.calibration.thresholds.targets import in_words
from oddwire.durations import in_time
from oddwire.percent import percent
from oddwire.traffic.wire_text import printable

_LONGEST_NAME = 60
_COUNTED = {
    "false_incidents_per_day": "incidents", "share_of_units": "alerting units",
    "share_of_rows": "alerts",
}  # fmt: skip


def threshold_notes(rule: Mapping[str, Any]) -> list[str]:
    """Return sentences on a threshold: none where there is nothing to be said.

    Names of sources come from the wire: they are printable here, and for a page still need its
    escaping.

    Parameters
    ----------
    rule
        What `ChosenThreshold.to_dict` returned; empty where it is not known.
    """
    target = rule.get("target")
    if not target:
        return []
    ((name, value),) = target.items()
    return [*_shortfall(rule, name, value), *_limit(rule, name, value), *_noisiest(rule, name)]


def _shortfall(rule: Mapping[str, Any], name: str, value: float) -> list[str]:
    """Say that calibration rows are too few for a target, what it takes and what holds."""
    short = rule.get("shortfall")
    if not short:
        return []
    if short["of"] == "days":
        there, takes = f"{_days(short['has'])} of calibration rows", _days(short["needed"])
    else:
        there, takes = f"{short['has']:,} calibration {short['of']}", f"{short['needed']:,}"
    if short["days_before_test"] is not None:
        takes += f" (about {_days(short['days_before_test'])} of traffic before the test)"
    kept = f"promised instead: {in_words(name, short['promised'])}"
    if short["extrapolated"]:
        kept += "; beyond that the threshold is extrapolated"
    return [f"{there} cannot promise {in_words(name, value)}: that takes {takes}; {kept}"]


def _limit(rule: Mapping[str, Any], name: str, value: float) -> list[str]:
    share = rule.get("limited_to_share_of_rows")
    if share is None:
        return []
    most = f"{in_words(name, value)} would be more than {percent(share)} of the benign rows of this"
    return [f"{most} source: no more than {percent(share)} of them raise an alert"]


def _noisiest(rule: Mapping[str, Any], name: str) -> list[str]:
    """Name the sources with the most alerts in calibration, and how many were not counted."""
    noisy = rule.get("noisiest") or []
    if not noisy:
        return []
    counted = _COUNTED[name]
    names = ", ".join(
        f"{printable(str(each['source']), _LONGEST_NAME)} {percent(each['share'], 2)}"
        for each in noisy
    )
    left_out = rule.get("alarms_not_counted")
    beyond = (
        f"; {left_out} of these {counted} {'was' if left_out == 1 else 'were'} not counted, so "
        "that no source decides the threshold: such come on top of the target for as long as "
        "their source goes on"
        if left_out else ""
    )  # fmt: skip
    # Without labels nothing says that they are benign: an attacker may be among them.
    shares = f"by their share of the {rule['calibration_alarms']} {counted} of the calibration rows"
    look = f"Look at them; where one is known and fine, {_remedy(str(noisy[0]['source']))}"
    return [f"noisiest sources, {shares}: {names}{beyond}. {look}"]


def _remedy(source: str) -> str:
    """Return the command that keeps the alerts of the noisiest source from being sent."""
    try:
        address = ip_address(source.partition("%")[0])  # behind it may stand anything
    except ValueError:  # a name, which an allow-list knows nothing of, and no shell should get
        return "leave its alerts out where you read them"
    return (
        f"its alerts are kept and not sent by: oddwire allow add --source {address}"
        " --expires 30d --reason known"
    )


def _days(days: float) -> str:
    return f"{days:,.0f} days" if days >= 10 else in_time(24 * 60 * days)  # noqa: PLR2004 - digits
