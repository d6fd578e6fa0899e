"""params.yaml: what is right comes back frozen, what is wrong is named in one sentence."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from oddwire.detection.calibration.thresholds.targets import target_of
from oddwire.errors import ParameterError
from oddwire.params import (
    DRIFT_SCENARIOS,
    AlertSettings,
    NslKddSource,
    Params,
    SimulatedSource,
    TableSource,
    check_params,
    load_params,
)
from oddwire.project import Project
from oddwire.traffic.sources.reading.fetching import PUBLISHED

SHIPPED = Path(__file__).resolve().parents[1] / "params.yaml"
SOURCES = {"days": {"format": "simulated"}, "mine": {"format": "table", "train": "mine.csv"}}


def changed(**blocks):
    return {"sources": SOURCES, **blocks}


def test_the_shipped_file_is_right_and_its_order_of_detectors_is_kept():
    params = load_params(SHIPPED)
    assert isinstance(params.source("simulated"), SimulatedSource)
    assert isinstance(params.source("nsl-kdd"), NslKddSource)
    assert params.search.detectors == ("isolation_forest", "one_class_svm", "autoencoder")
    assert params.drift.sources == ("simulated",)


def test_the_shipped_file_leaves_each_source_the_target_that_it_can_keep():
    # NSL-KDD has no times: a number a day would refuse what the README begins with.
    assert load_params(SHIPPED).alerts == AlertSettings()


@pytest.mark.parametrize("kind", ["source and time", "source", "row"])
def test_the_shipped_file_has_a_target_for_every_kind_of_rows(kind):
    """NSL-KDD, which is in it, has neither sources nor times."""
    timed = kind == "source and time"
    assert target_of(load_params(SHIPPED).alerts, kind=kind, timed=timed) is not None


def test_the_shipped_file_names_the_files_that_fetch_brings():
    named = load_params(SHIPPED).source("nsl-kdd").paths().values()
    downloads = Project(Path()).downloads("nsl-kdd")
    assert set(named) == {downloads / file for file in PUBLISHED["nsl-kdd"].files}


def test_what_is_left_out_takes_its_default():
    params = check_params({"sources": SOURCES})
    assert params.seed == 0
    assert params.alerts == AlertSettings(rule="target", target=None, unit_minutes=10)
    assert params.source("days").start == dt.date(2026, 3, 2)
    assert params.source("mine").benign == ("benign", "normal", "0")


@pytest.mark.parametrize(
    "alerts",
    [
        {},
        {"target": {"false_incidents_per_day": 12}, "unit_minutes": 5},
        {"target": {"share_of_units": 0.02}},
        {"rule": "tail", "target": {"share_of_rows": 0.0005}},
        {"rule": "precision", "min_precision": 0.95, "attack_share": 0.01},
    ],
)
def test_what_is_promised_of_false_alarms_reads_back_the_same(alerts):
    params = check_params(changed(alerts=alerts))
    assert alerts.items() <= params.model_dump(mode="json", exclude_none=True)["alerts"].items()
    assert check_params(params.model_dump(mode="json")) == params


@pytest.mark.parametrize(
    ("alerts", "key", "rule", "got"),
    [
        ({"rule": "f1"}, "alerts.rule", "'best_f1' or 'precision'", "got 'f1'"),
        ({"target_fpr": 0.01}, "alerts.target_fpr", "`target: {share_of_rows: 0.01}`", "got 0.01"),
        (
            {"alerts_per_day": 20},
            "alerts.alerts_per_day", "write `target: {false_incidents_per_day: 20}`", "got 20",
        ),
        ({"rule": "fpr"}, "alerts.rule", "write `rule: target`", "got 'fpr'"),
        ({"rule": "alerts_per_day"}, "alerts.rule", "write `rule: target`", "'alerts_per_day'"),
        ({"target": {}}, "alerts.target", "exactly one of", "got nothing"),
        (
            {"target": {"share_of_rows": 0.01, "share_of_units": 0.01}},
            "alerts.target", "exactly one of", "share_of_units, share_of_rows",
        ),
        ({"target": {"share_of_units": 1}}, "alerts.target.share_of_units", "less than 1", "got 1"),
        ({"target": {"share_of_rows": 0}}, "alerts.target.share_of_rows", "0.000000001", "got 0"),
        ({"target": {"share_of_units": 5e-324}}, "share_of_units", "0.000000001", "got 5e-324"),
        (
            {"target": {"false_incidents_per_day": 1e308}},
            "alerts.target.false_incidents_per_day", "less than or equal to 1000000000", "1e+308",
        ),
        ({"target": 0.01}, "alerts.target", "a block of keys and values", "got 0.01"),
        (
            {"rule": "tail", "target": {"false_incidents_per_day": 5}},
            "alerts: ", "estimates shares", "got 'false_incidents_per_day'",
        ),
        ({"unit_minutes": 0}, "alerts.unit_minutes", "greater than or equal to 0.1", "got 0"),
        ({"min_precision": 1}, "alerts.min_precision", "less than 1", "got 1"),
        ({"attack_share": 2}, "alerts.attack_share", "less than 1", "got 2"),
        ({"risk": 0.1}, "alerts.risk", "is not a known key", "got 0.1"),
    ],
)  # fmt: skip
def test_a_wrong_threshold_setting_is_told(alerts, key, rule, got):
    with pytest.raises(ParameterError) as raised:
        check_params(changed(alerts=alerts))
    for part in (key, rule, got):
        assert part in str(raised.value)


def test_sources_know_what_their_rows_are():
    params = check_params({"sources": SOURCES})
    assert params.source("days").row_kind == "connections"
    assert params.source("mine").row_kind == "table"
    assert isinstance(params.source("mine"), TableSource)


@pytest.mark.parametrize(
    ("content", "key", "rule", "got"),
    [
        (changed(seeds=1), "seeds", "not a known key", "got 1"),
        (changed(seed=-1), "seed", "greater than or equal to 0", "got -1"),
        (changed(seed="many"), "seed", "valid integer", "got 'many'"),
        (changed(seed=2**31), "seed", "less than or equal to 2147483647", "got 2147483648"),
        (changed(split={"test": 1.5}), "split.test", "less than 1", "got 1.5"),
        (changed(split={"train_on": "some"}), "split.train_on", "'benign' or 'all'", "got 'some'"),
        (changed(split={"calibrate": 0.1}), "split.calibrate", "not a known key", "got 0.1"),
        (changed(split=None), "split", "is empty: give it keys", ""),
        (changed(alerts={"min_precision": 0}), "alerts.min_precision", "greater than 0", "got 0"),
        (changed(split={"test": float("nan")}), "split.test", "must be a finite number", "got nan"),
        (changed(search={"trials": -1}), "search.trials", "greater than or equal to 0", "got -1"),
        (changed(search={"trials": 2.5}), "search.trials", "valid integer", "got 2.5"),
        (
            changed(search={"detectors": ["forest"]}),
            "search.detectors.0",
            "'isolation_forest'",
            "got 'forest'",
        ),
        (
            {"sources": {"days": {"format": "simulated", "days": 0}}},
            "sources.days.days: must be",
            "greater than or equal to 1",
            "got 0",
        ),
        (
            {"sources": {"days": {"format": "simulated", "drift": ["rain"]}}},
            "sources.days.drift.0",
            "'new_service'",
            "got 'rain'",
        ),
        ({"sources": {"mine": {"format": "table"}}}, "sources.mine.train", "is required", ""),
        ({"sources": {"mine": {"format": "zip"}}}, "sources.mine", "'simulated'", "'zip'"),
        (
            {"sources": {"Mine!": SOURCES["days"]}},
            "sources: a name",
            "must be 1 to 50 of a-z",
            "got 'Mine!'",
        ),
        ({}, "sources", "is required", ""),
    ],
)  # fmt: skip
def test_an_error_names_the_key_the_rule_and_the_value_got(content, key, rule, got):
    with pytest.raises(ParameterError) as raised:
        check_params(content)
    message = str(raised.value)
    assert message.startswith("params.yaml: ")
    assert key in message
    assert rule in message
    assert got in message
    assert "\n" not in message


def test_many_errors_are_counted_and_the_first_are_named():
    content = changed(one=1, two=2, three=3, four=4, five=5)
    with pytest.raises(ParameterError, match=r"one: .*two: .*three: .*; and 2 more$") as raised:
        check_params(content)
    assert "four" not in str(raised.value)


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(ParameterError) as raised:
        check_params(changed(seed="x" * 5000))
    assert len(str(raised.value)) < 300


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"none\.yaml does not exist"):
        load_params(tmp_path / "none.yaml")


def test_a_folder_is_no_file_of_settings(tmp_path):
    with pytest.raises(ParameterError, match=r" is a folder, not a file"):
        load_params(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    file = tmp_path / "params.yaml"
    file.touch(mode=0o000)
    with pytest.raises(ParameterError, match="Permission denied"):
        load_params(file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"seed: [1", "params.yaml is not YAML"),
        (b"seed: 1\n\tsplit: 2", "params.yaml is not YAML"),
        (b"seed: \xff\xfe", "is not UTF-8 text"),
        (b"", "must hold keys and values, got nothing"),
        (b"- a\n- b", r"must hold keys and values, got \['a', 'b'\]"),
        (b"!!python/object/apply:os.system [echo]", "is not YAML"),
    ],
)
def test_a_file_that_is_no_yaml_of_keys_says_so_in_one_line(tmp_path, text, says):
    file = tmp_path / "params.yaml"
    file.write_bytes(text)
    with pytest.raises(ParameterError, match=says) as raised:
        load_params(file)
    assert "\n" not in str(raised.value)


def test_an_unknown_source_is_told_with_those_that_there_are():
    params = check_params({"sources": SOURCES})
    with pytest.raises(
        ParameterError, match=r"unknown source 'yours': params\.yaml has days, mine"
    ):
        params.source("yours")


def test_settings_cannot_be_changed():
    params = check_params({"sources": SOURCES})
    for block, key in (
        (params, "seed"),
        (params.alerts, "unit_minutes"),
        (params.source("days"), "days"),
    ):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(block, key, 1)


def test_every_drift_scenario_may_stand_in_a_source():
    block = {"format": "simulated", "drift": list(DRIFT_SCENARIOS)}
    source = check_params({"sources": {"days": block}}).source("days")
    assert source.drift == DRIFT_SCENARIOS


# YAML lets a key hold a line end, and then so does the message: no person writes that.
keys = st.text(st.characters(categories=["L", "N", "P"]), max_size=8)
fractions = st.floats(0, 1, exclude_min=True, exclude_max=True)


@given(
    seed=st.integers(0, 2**31 - 1),
    test=fractions,
    share=st.floats(1e-9, 1, exclude_max=True),
    trials=st.integers(0, 100_000),
    timeout=st.floats(1e-3, 1e6),
)
def test_what_is_written_out_reads_back_the_same(seed, test, share, trials, timeout):
    params = check_params(
        changed(
            seed=seed,
            split={"test": test},
            alerts={"target": {"share_of_rows": share}},
            search={"trials": trials, "timeout": timeout},
        )
    )
    again = yaml.safe_load(yaml.safe_dump(params.model_dump(mode="json")))
    assert Params.model_validate(again) == params


@given(
    st.dictionaries(
        st.sampled_from([*Params.model_fields, "sede", ""]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
            max_leaves=6,
        ),
    )
)
def test_whatever_stands_in_the_file_only_a_parameter_error_comes_of_it(content):
    try:
        params = check_params(content)
    except ParameterError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most contents are wrong, not all
    else:
        assert set(content) <= set(Params.model_fields)
        assert params.model_fields_set == set(content)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {"sources": {"a": {"format": "nslkdd", "train": "a.csv"}}},
            "'table', 'zeek', 'suricata', 'netflow', 'pcap', 'connections', got 'nslkdd'",
        ),
        ({"sources": {"a": {"train": "a.csv"}}}, "sources.a.format: is required"),
        (
            {"sources": SOURCES, "drift": {"sources": ["days", "dayz"]}},
            "drift.sources: must be one of the sources days, mine, got 'dayz'",
        ),
        (
            {"sources": SOURCES, "drift": {"current": {"dayz": "new/*.csv"}}},
            "drift.current: must be one of the sources days, mine, got 'dayz'",
        ),
        ({"sources": SOURCES, "seed": "x" * 200}, f"got '{'x' * 79}…"),
    ],
)
def test_the_key_at_fault_and_its_own_value_are_told(content, says):
    with pytest.raises(ParameterError) as raised:
        check_params(content)
    assert str(raised.value).endswith(says)


def test_a_source_that_stands_twice_is_refused(tmp_path):
    file = tmp_path / "params.yaml"
    file.write_text(
        "sources:\n  office: {format: simulated}\n  lab: {format: simulated}\n"
        "  office: {format: simulated, days: 3}\n"
    )
    with pytest.raises(
        ParameterError, match="office: is there twice, in the block that starts in line 2"
    ):
        load_params(file)


def test_a_zone_that_there_is_not_is_refused():
    with pytest.raises(ParameterError, match=r"drift\.zone: must be an IANA .* 'Mars/Base'"):
        check_params({"sources": SOURCES, "drift": {"zone": "Mars/Base"}})


def test_a_schedule_that_is_none_is_refused():
    with pytest.raises(ParameterError, match=r"drift\.schedule.*'every morning'"):
        check_params({"sources": SOURCES, "drift": {"schedule": "every morning"}})


def test_a_webhook_is_an_address_and_is_not_shown():
    params = check_params(
        {"sources": SOURCES, "notify": {"webhook": "https://hooks.example/T0KEN"}}
    )
    assert params.notify.address() == "https://hooks.example/T0KEN"
    assert "T0KEN" not in f"{params!r} {params.model_dump(mode='json')}"
    with pytest.raises(ParameterError, match=r"notify\.webhook: must be an http") as caught:
        check_params({"sources": SOURCES, "notify": {"webhook": "ftp://hooks.example/T0KEN"}})
    assert "T0KEN" not in str(caught.value)


def test_the_environment_names_a_webhook_before_the_file(monkeypatch):
    params = check_params({"sources": SOURCES, "notify": {"webhook": "https://hooks.example/a"}})
    monkeypatch.setenv("ODDWIRE_WEBHOOK", "http://127.0.0.1:9000/b")
    assert params.notify.address() == "http://127.0.0.1:9000/b"
    monkeypatch.setenv("ODDWIRE_WEBHOOK", "T0KEN")
    with pytest.raises(ParameterError, match="ODDWIRE_WEBHOOK must be") as caught:
        params.notify.address()
    assert "T0KEN" not in str(caught.value)


@pytest.mark.parametrize("value", ["2026-13-45", "9" * 5000])
def test_a_value_that_yaml_cannot_make_is_told_in_one_line(tmp_path, value):
    file = tmp_path / "params.yaml"
    file.write_text(f"sources:\n  mine:\n    format: simulated\n    start: {value}\n")
    with pytest.raises(ParameterError, match=r"^params\.yaml ") as raised:
        load_params(file)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"sources": None}, "sources: is empty: give it keys and values, or take it out"),
        ({"sources": {}}, "sources: must not be empty, got a block of keys and values"),
        ({"sources": {"days": None}}, "sources.days: is empty: give it keys and values"),
        (changed(drift=None), "drift: is empty: give it keys and values, or take it out"),
        (changed(split=[1]), "split: must be a block of keys and values, got [1]"),
        (changed(seed=None), "seed: must be a valid integer, got nothing"),
        (changed(seed=True), "seed: must be a number, got True"),
        (changed(split={"test": True}), "split.test: must be a number, got True"),
        (changed(alerts={"unit_minutes": True}), "alerts.unit_minutes: must be a number"),
        (
            {"sources": {"days": {"format": "simulated", "days": False}}},
            "sources.days.days: must be a number, got False",
        ),
        (changed(search={"timeout": float("inf")}), "search.timeout: must be a finite number"),
        (changed(search={"detectors": []}), "search.detectors: must not be empty, got []"),
        (
            changed(search={"detectors": ["kmeans", "kmeans"]}),
            "search.detectors: must name each detector once, got ['kmeans', 'kmeans']",
        ),
        (changed(explore={"max_rows": 10**30}), "explore.max_rows: must be less than or equal to"),
        (changed(split={"max_rows": 10**30}), "split.max_rows: must be less than or equal to"),
        (changed(rows_at_once=10**30), "rows_at_once: must be less than or equal to"),
        (changed(scoring={"folders": "out"}), "scoring.folders: must be a list, got 'out'"),
        (changed(promotion={"resamples": 10**30}), "promotion.resamples: must be less than or"),
        (
            changed(split={"calibration": 0.5, "validation": 0.5}),
            "split: calibration and validation must add up to less than 1, got (0.5, 0.5)",
        ),
        (
            {"sources": {"a": {"format": "simulated", "start": dt.date(9999, 12, 31)}}},
            "sources.a.start: must be less than or equal to 2200-01-01, got 9999-12-31",
        ),
        (
            {"sources": {"a": {"format": "table", "train": "a.csv", "attack": "y"}}},
            "sources.a: attack needs a label beside it, got 'y'",
        ),
        (
            {"sources": {"a": {"format": "table", "train": "a", "label": "y", "time": "y"}}},
            "sources.a: label, attack, campaign and time must be different columns, got 'y'",
        ),
        (
            {"sources": {"a": {"format": "table", "train": "a", "unit": ["x", "x"]}}},
            "sources.a.unit: must name each column once, got 'x'",
        ),
        (
            {"sources": {"a": {"format": "zeek", "files": "a", "unit": ["src_ip", "ts"]}}},
            "sources.a.unit.1: must be 'src_ip', 'dst_ip', ",
        ),
        (
            {"sources": {"a": {"format": "nsl-kdd", "train": "a", "unit": "src_ip"}}},
            "sources.a.unit: is not a known key",
        ),
        (
            {"sources": {"a": {"format": "table", "train": "a", "benign": []}}},
            "sources.a.benign: must not be empty",
        ),
        (changed(serch={"trials": 1}), "serch: is not a known key (is search meant?), got a block"),
        (changed(search={"trails": 1}), "search.trails: is not a known key (is trials meant?)"),
        (
            {"sources": {"a": {"format": "table", "trane": "a"}}},
            "sources.a.trane: is not a known key (is train meant?), got 'a'",
        ),
        (changed(**{"k" * 500: 1}), f"{'k' * 60}: is not a known key, got 1"),
    ],
)  # fmt: skip
def test_what_would_fail_in_a_stage_is_told_here(content, says):
    with pytest.raises(ParameterError) as raised:
        check_params(content)
    assert says in str(raised.value)
    assert len(str(raised.value)) < 300
