"""Statistics, leakage suspects, maps, pictures and the page of a source."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from oddwire.exploration.findings import findings, rows_in_words
from oddwire.exploration.leakage import find_suspects
from oddwire.exploration.page.gallery import draw_all, write
from oddwire.exploration.projections import Maps, draw_up
from oddwire.exploration.sample import sample
from oddwire.exploration.single_features import auc, auc_alone
from oddwire.exploration.statistics import describe, most_telling, repeats
from oddwire.traffic.schema import FeatureSchema

SCHEMA = FeatureSchema(numeric=("told", "twin", "noise", "same", "gaps"), categorical=("proto",))
PICTURES = {"alone", "classes", "correlation", "distributions", "missing", "pca", "tsne"}
HOSTILE = '<img src="http://evil.example/x.png" onerror=alert(1)>$\x1b{{7*7}}'


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(3)
    attack = random.random(600) < 0.1
    told = random.lognormal(3, 2, 600) * np.where(attack, 50, 1)
    gaps = random.normal(size=600)
    gaps[:60], gaps[60:63] = np.nan, np.inf
    return pd.DataFrame(
        {
            "label": pd.array(attack.astype(int), dtype="Int8"),
            "attack": pd.Series(np.where(attack, "scan", None), dtype=object),
            "told": told,
            "twin": told * 2,
            "noise": random.normal(size=600),
            "same": 1.0,
            "gaps": gaps,
            "proto": random.choice(np.array(["tcp", "udp", None], dtype=object), 600),
        }
    )


def explored(rows, schema, source="made"):
    about = {"source": source, "seed": 0, **describe(rows, rows, schema)}
    return about | {"suspects": find_suspects(rows, rows, schema, about), "maps": {}}


def kinds(rows, schema):
    found = find_suspects(rows, rows, schema, describe(rows, rows, schema))
    return {(one["column"], one["kind"]) for one in found}


def test_describes_rows_and_features(rows):
    about = describe(rows, rows, SCHEMA)
    attacks = int(rows["label"].sum())
    assert about["rows"] == {"benign": 600 - attacks, "attack": attacks, "unlabelled": 0}
    assert about["families"] == {"scan": attacks}
    assert (about["constant"], about["empty"]) == (["same"], [])
    assert about["gaps"]["infinite"] == 3
    assert [pair[:2] for pair in about["alike"]] == [["told", "twin"]]
    assert (about["numeric"]["gaps"]["missing"], about["numeric"]["gaps"]["infinite"]) == (60, 3)
    benign, told = rows.loc[rows["label"] == 0, "told"], about["numeric"]["told"]["benign"]
    assert told["count"] == told["distinct"] == len(benign)
    assert told["median"] == pytest.approx(benign.median())
    assert told["q95"] == pytest.approx(benign.quantile(0.95))
    assert told["std"] == pytest.approx(benign.std(ddof=0))
    assert about["categorical"]["proto"]["missing"] == rows["proto"].isna().sum()
    assert about["categorical"]["proto"]["distinct"] == 2
    assert json.loads(json.dumps(about, allow_nan=False)) == about


def test_figures_of_the_largest_numbers_stay_in_range(rows):
    huge = np.resize([-1.7e308, 0.0, 1.7e308], len(rows))
    about = describe(rows.assign(told=huge), rows.assign(told=huge), SCHEMA)
    assert json.dumps(about, allow_nan=False)
    assert about["numeric"]["told"]["benign"]["max"] == 1.7e308


def test_rows_that_repeat_and_rows_that_contradict_are_counted():
    schema = FeatureSchema(numeric=("a",), categorical=("b",))
    rows = pd.DataFrame(
        {
            "label": pd.array([0, 0, 1, 1, None], dtype="Int8"),
            "a": [0.0, -0.0, 0.0, np.nan, np.nan],
            "b": ["x", "x", "x", None, None],
        }
    )
    assert repeats(rows, schema) == {"repeated": 3, "contradicting": 3}


def test_the_most_telling_feature_comes_first_and_its_twin_is_left_out(rows):
    names = most_telling(describe(rows, rows, SCHEMA), most=9)
    assert names[0] in {"told", "twin"}
    assert {"told", "twin"} - set(names)
    assert "same" not in names


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=40).filter(
        lambda pairs: len({attack for _, attack in pairs}) == 2
    )
)
def test_the_auc_is_scikit_learns(pairs):
    score, attack = (np.array(part) for part in zip(*pairs, strict=True))
    assert auc(score.astype(float), attack) == pytest.approx(roc_auc_score(attack, score))


def test_a_feature_alone_is_seen_to_tell_whichever_way_it_does(rows):
    attack = rows["label"].eq(1).to_numpy()
    random = np.random.default_rng(0)
    made = rows.assign(
        lower=np.where(attack, -5.0, random.normal(size=600)),
        middle=np.where(attack, 0.0, random.choice([-1.0, 1.0], 600)),
        absent=np.where(attack, np.nan, random.normal(size=600)),
        word=np.where(attack, "bad", "good"),
        own=[f"u{at}" for at in range(600)],
    )
    schema = FeatureSchema(("lower", "middle", "absent", "noise", "same"), ("word", "own"))
    told = auc_alone(made, schema)
    assert min(told[name] for name in ("lower", "middle", "absent", "word")) > 0.99
    assert max(told[name] for name in ("noise", "same", "own")) < 0.65
    assert auc_alone(made[~attack], schema) == {}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ("copy", "separates"), ("id", "row number"), ("offset", "order"), ("epoch", "moment"),
        ("Src Port", "port"), ("dsport", "port"), ("flow", "unique"), ("host", "address"),
        ("mac", "address"), ("when", "moment"),
    ],
)  # fmt: skip
def test_columns_that_leak_are_suspected(rows, column, kind):
    random = np.random.default_rng(1)
    ports = random.integers(1, 65_536, 600).astype(float)
    made = rows.assign(
        **{
            "copy": rows["label"].astype(float),
            "id": random.permutation(600).astype(float),
            "offset": np.sort(random.random(600)) * 86_400,
            "epoch": 1.7e9 + random.random(600) * 1e6,
            "Src Port": ports,
            "dsport": ports,
            "flow": [f"f{at}" for at in range(600)],
            "host": random.choice(["10.0.0.1", "2001:db8::7", "192.0.2.3"], 600),
            "mac": random.choice(["00:11:22:aa:bb:cc", "00:11:22:aa:bb:cd"], 600),
            "when": [f"2017-07-03 12:{at % 60:02d}:00.5" for at in range(600)],
        }
    )
    text = isinstance(made[column].iloc[0], str)
    schema = FeatureSchema(() if text else (column,), (column,) if text else ())
    assert (column, kind) in kinds(made, schema)


def test_plain_columns_are_not_suspected(rows):
    # Whole numbers in the range of ports, under a name that only holds the word.
    made = rows.assign(transport=np.random.default_rng(1).integers(0, 100, 600) * 30.0)
    schema = FeatureSchema((*SCHEMA.numeric, "transport"), SCHEMA.categorical)
    assert kinds(made, schema) == set()


def test_findings_name_the_leak_first_and_count_what_is_odd(rows):
    made = rows.assign(copy=rows["label"].astype(float), gone=np.nan)
    schema = FeatureSchema((*SCHEMA.numeric, "copy", "gone"), SCHEMA.categorical)
    about = explored(made, schema)
    found = findings(about)
    assert found[0].weight == "check"
    assert found[0].text.startswith("1 column separates the classes alone: copy.")
    assert any("1 column without any value: gone." in one.text for one in found)
    assert any("1 column of one value only: same." in one.text for one in found)
    assert rows_in_words(about).startswith("600 rows before the test part: ")


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=300),
    most=st.integers(1, 200),
)
def test_a_sample_keeps_order_and_holds_as_many_rows_as_it_may(labels, most):
    rows = pd.DataFrame({"label": pd.array(labels, dtype="Int8"), "at": range(len(labels))})
    taken = sample(rows, max_rows=most)
    assert len(taken) == min(most, len(rows))
    assert taken["at"].is_monotonic_increasing
    assert taken["at"].is_unique
    attacks = rows["label"].eq(1).sum()
    assert taken["label"].eq(1).sum() >= min(attacks, most // 2)


def test_a_map_repeats_sets_groups_apart_and_names_what_weighs():
    random = np.random.default_rng(0)
    matrix = random.normal(size=(80, 4)) * [0.1, 0.1, 0.1, 0.0]
    matrix[40:, 1] += 5
    names = ["a", "b", "c", "same"]
    maps = draw_up(matrix, names, seed=1)
    assert isinstance(maps, Maps)
    assert maps.leading[0][0] == "b"
    assert maps.explained[0] > 0.9
    for places in (maps.principal, maps.neighbours):
        apart = np.linalg.norm(places[:40].mean(axis=0) - places[40:].mean(axis=0))
        assert apart > 2 * places[:40].std()
    assert np.array_equal(maps.neighbours, draw_up(matrix, names, seed=1).neighbours)


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        (np.zeros((50, 0)), "two columns that vary, got 0"),
        (np.arange(50.0)[:, None], "two columns that vary, got 1"),
        (np.eye(5), "needs 20 rows, got 5"),
    ],
)
def test_where_no_map_can_be_drawn_it_is_said_why(matrix, why):
    assert why in draw_up(matrix, ["a"] * matrix.shape[1], seed=0)


def test_many_equal_rows_make_a_map():
    maps = draw_up(np.repeat([[0.0, 1.0], [1.0, 0.0]], 30, axis=0), ["a", "b"], seed=0)
    assert np.isfinite(maps.neighbours).all()


CASES = ["labelled", "unlabelled", "one class", "one column", "text alone", "empty", "infinite"]


def case_of(case, rows):
    no_label = pd.array([None] * len(rows), dtype="Int8")
    return {
        "labelled": (rows, SCHEMA),
        "unlabelled": (rows.assign(label=no_label, attack=None), SCHEMA),
        "one class": (rows[rows["label"] == 1].reset_index(drop=True), SCHEMA),
        "one column": (rows, FeatureSchema(("told",))),
        "text alone": (rows, FeatureSchema((), ("proto",))),
        "empty": (rows.assign(same=np.nan, proto=None), FeatureSchema(("same",), ("proto",))),
        "infinite": (
            rows.assign(same=np.resize([np.inf, -np.inf], len(rows))),
            FeatureSchema(("same", "gaps")),
        ),
    }[case]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_draws_whatever_the_columns_are(rows, tmp_path, case):
    made, schema = case_of(case, rows)
    about = explored(made, schema)
    matrix = np.nan_to_num(made[["told", "noise"]].to_numpy())
    maps = draw_up(matrix, ["told", "noise"], seed=0) if case != "empty" else "nothing to draw"
    about["maps"] = maps.to_dict() if isinstance(maps, Maps) else {}
    scores = None if case == "one class" else matrix[:, 0]

    def draw(folder):
        folder.mkdir()
        write(about, draw_all(about, made, schema, on_map=made, maps=maps, scores=scores), folder)
        return {file.name: file.read_bytes() for file in folder.iterdir()}

    first = draw(tmp_path / "first")
    drawn = PICTURES | ({"categories"} if schema.categorical else set())
    assert set(first) == {f"{name}.png" for name in drawn} | {"index.html", "statistics.json"}
    assert all(first[f"{name}.png"].startswith(b"\x89PNG") for name in drawn)
    if case == "labelled":
        assert first == draw(tmp_path / "second")


class Page(HTMLParser):
    """What a browser would load, run and read out."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.alts, self.handlers = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.sources += [value for name, value in attrs if name in {"src", "href", "srcset"}]
        self.alts += [value for name, value in attrs if name == "alt"]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.slow
def test_the_page_needs_nothing_else_and_escapes_what_came_over_the_wire(rows, tmp_path):
    schema = FeatureSchema(("told", "noise", HOSTILE), (f"{HOSTILE}2",))
    made = rows.assign(**{HOSTILE: rows["label"].astype(float), f"{HOSTILE}2": HOSTILE})
    made["attack"] = made["attack"].where(made["attack"].isna(), HOSTILE)
    about = explored(made, schema)
    pictures = draw_all(about, made, schema, on_map=made, maps="none wanted", scores=None)
    write(about, pictures, tmp_path)
    text = (tmp_path / "index.html").read_text()
    page = Page(text)
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert not page.handlers
    assert all(re.match(r"data:image/png;base64,|#\w+$", source) for source in page.sources)
    assert len(page.alts) == len(pictures)
    assert all(page.alts)
    assert "default-src 'none'" in text
    assert "\x1b" not in text
    assert "{{7*7}}" in text  # shown as it stands, not worked out
    assert "1 column separates the classes alone: &lt;img" in text


@pytest.mark.slow
def test_of_many_columns_some_are_drawn_and_the_page_says_how_many(tmp_path):
    random = np.random.default_rng(0)
    names = tuple(f"c{at}" for at in range(1000))
    rows = pd.DataFrame(random.normal(size=(200, 1000)), columns=list(names))
    rows["label"] = pd.array([0, 1] * 100, dtype="Int8")
    rows["attack"] = None
    schema = FeatureSchema(names)
    about = explored(rows, schema)
    pictures = draw_all(about, rows, schema, on_map=rows, maps="none wanted", scores=None)
    write(about, pictures, tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert "The first 200 of 1,000 numeric columns" in text
    assert "Shown: 40 of 1,000 numeric features that vary." in text
    assert "Shown: 20 of 1,000 features." in text
    assert len(json.loads((tmp_path / "statistics.json").read_text())["numeric"]) == 1000
