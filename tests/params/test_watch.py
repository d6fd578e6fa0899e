"""What is followed, and where alerts go, as params.yaml says it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from oddwire.errors import ParameterError
from oddwire.live.state import Policy, records
from oddwire.params import Address, WatchSettings, check_params, watched
from oddwire.params import watch as watch_settings
from oddwire.params.stage_settings import stage_settings
from oddwire.stages.ingest import reading_key

SECRET = "hunter2"  # noqa: S105 - it is to be shown nowhere
PASSWORD = f"redis://:{SECRET}@sensor.example/0?list=suricata"


def params(watch: object, format: str = "zeek", **settings: object):  # noqa: A002 - the key's name
    office = {"format": format, "files": "conn*.log", "watch": watch}
    return check_params({"sources": {"office": office}, "watch": settings})


def office(watch: object):
    return watched(params(watch).source("office"))


def test_a_source_is_watched_where_it_says_so():
    assert office(None) is None
    assert office(False) is None
    assert office(True) == office({})
    assert (office(True).input, office(True).sinks, office(True).from_start) == (None, (), False)


def test_a_block_says_what_is_read_and_where_alerts_go():
    watch = office({"input": "-", "sinks": "alerts.jsonl", "from_start": True})
    assert watch.input.opened() == "-"
    assert [one.opened() for one in watch.sinks] == ["alerts.jsonl"]
    assert watch.from_start


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        ("yes", "sources.office.watch: must be true, false or a block of keys and values, got 'y"),
        ({"sink": ["a.jsonl"]}, "sources.office.watch.sink: is not a known key (is sinks meant?)"),
        ({"input": ""}, "sources.office.watch.input: must be an address in printable text"),
        ({"sinks": ["a\x1b.jsonl"]}, "sources.office.watch.sinks.0: must be an address"),
        ({"sinks": [5]}, "sources.office.watch.sinks.0: must be a valid string, got 5"),
    ],
)
def test_what_is_wrong_is_named(watch, said):
    with pytest.raises(ParameterError) as error:
        params(watch)
    assert said in str(error.value)


@pytest.mark.parametrize("format", ["pcap", "connections"])
def test_a_format_that_does_not_grow_is_not_watched(format):  # noqa: A002 - the key's name
    with pytest.raises(ParameterError, match=r"sources\.office\.watch: must be left out: files of"):
        params(True, format)
    assert params(False, format).source("office").watch is None


def test_no_secret_is_shown_of_an_address():
    watch = office({"input": PASSWORD, "sinks": [f"https://hooks.example/a?token={SECRET}"]})
    shown = f"{watch} {watch!r} {watch.model_dump_json()} {watch.model_dump(mode='json')}"
    assert SECRET not in shown
    assert "sensor.example" in shown
    with pytest.raises(ParameterError) as error:
        params({"input": PASSWORD + "\x07"})
    assert SECRET not in str(error.value)


def test_variables_of_the_environment_stand_for_secrets(monkeypatch):
    monkeypatch.setenv("REDIS_PASSWORD", "a/b@c")
    monkeypatch.setenv("HOOK", "https://hooks.example/T?x=1")
    monkeypatch.delenv("NOT_SET", raising=False)
    address = Address("redis://:${REDIS_PASSWORD}@sensor.example/0?list=suricata")
    assert address.opened() == "redis://:a%2Fb%40c@sensor.example/0?list=suricata"
    assert Address("${HOOK}").opened() == "https://hooks.example/T?x=1"
    with pytest.raises(ParameterError, match="names the variable NOT_SET, which is not set"):
        Address("${NOT_SET}").opened()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (PASSWORD, True), ("https://hooks.example/T0KEN", True), ("alerts.jsonl", False),
        ("redis://sensor.example/0?list=a", False), ("redis://:${PW}@sensor.example/0", False),
        ("syslog://logs.example", False), ("-", False),
        ("redis://sensor.example/0?password=hidden", True),
        ("kafka://b.example:9092/t?sasl.password=hidden&group.id=a", True),
        ("kafka://b.example:9092/t?sasl.password=${PW}", False),
    ],
)  # fmt: skip
def test_it_is_known_which_address_holds_a_secret(text, secret):
    assert Address(text).has_secret is secret


def test_no_stage_and_no_archive_depends_on_how_a_source_is_watched():
    """What DVC's stages depend on, and what tells whether a file is read anew."""
    before = params(None)
    for watch in (True, {"input": PASSWORD, "sinks": ["a.jsonl"], "from_start": True}):
        after = params(watch, keep_days=3, alert_format="ocsf")
        assert stage_settings(after, {}) == stage_settings(before, {})
        assert reading_key(after.source("office")) == reading_key(before.source("office"))
    assert "watch" not in stage_settings(before, {})


def test_a_sink_s_policy_is_the_store_s():
    settings = WatchSettings()
    assert get_args(watch_settings.WhenFull) == get_args(records.WhenFull)
    assert (settings.when_full, settings.most_waiting, settings.longest_wait) == (
        Policy().when_full, Policy().most_waiting, Policy().longest_wait,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [("when_full", "burn"), ("most_waiting", 0), ("longest_wait", -1), ("quiet_minutes", 0),
     ("keep_days", 0), ("alert_format", "cef"), ("keep_days", True), ("port", 9)],
)  # fmt: skip
def test_wrong_values_are_refused(key, value):
    with pytest.raises(ParameterError, match=rf"watch\.{key}: "):
        params(True, **{key: value})


def test_the_settings_written_in_comments_are_the_defaults():
    import yaml
    from small_projects import REPOSITORY

    text = Path(REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    block = text[text.index("# watch:  ") :]
    written = yaml.safe_load("\n".join(line.removeprefix("# ") for line in block.splitlines()))
    assert WatchSettings.model_validate(written["watch"]) == WatchSettings()
    assert set(written["watch"]) == set(WatchSettings.model_fields)
