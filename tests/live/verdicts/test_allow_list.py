"""The allow-list of a project: read, changed with its comments kept, followed while running."""

from __future__ import annotations

import datetime as dt
import os

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from some_alerts import NOON, some_alert

from oddwire.errors import ParameterError
from oddwire.live.alerts.allow_entry import AllowEntry, apply_allow_list
from oddwire.live.verdicts.allow_list import AllowList, read_allow_list
from oddwire.live.verdicts.allowing import add_entry, count_covered, remove_entry
from oddwire.project import Project

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
BY_HAND = """\
# What the security team agreed on.

# nightly
- source: 10.0.3.0/24   # the backup hosts
  service: ssh
  expires: 2026-12-31
  reason: >
    backups go
    there every night
# until the old scanner is gone
- {destination: 10.0.9.7, expires: 2026-06-01, reason: "scanner: #1", for: office}
# the end
"""


@pytest.fixture
def project(tmp_path):
    sources = {"office": {"format": "simulated"}, "lab": {"format": "simulated"}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump({"sources": sources}))
    return Project(tmp_path)


def test_entries_are_of_all_sources_or_of_one(project):
    project.allow_list.write_text(BY_HAND)
    office, lab = (AllowList(project, source).entries() for source in ("office", "lab"))
    assert [entry.reason for entry in office] == ["backups go there every night", "scanner: #1"]
    assert office[:1] == lab


@pytest.mark.parametrize("text", [None, "", "# nothing yet\n", "[]\n"])
def test_a_list_that_is_not_there_or_empty_suppresses_nothing(project, text):
    if text is not None:
        project.allow_list.write_text(text)
    assert AllowList(project, "office").entries() == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: 10.0.0.1\n", "must be a list of entries, each beginning with a dash"),
        ("- [1]\n", "entry 1: it must hold keys and values"),
        ("- {source: 10.0.0.1, expires: 2026-12-31}\n", "entry needs a reason"),
        ("- {source: 10.0.0.300, expires: 2026-12-31, reason: x}\n", "entry 1: the source of an"),
        ("- {sauce: 10.0.0.3, expires: 2026-12-31, reason: x}\n", "got 'sauce'"),
        ("- {service: ssh, expires: never, reason: x}\n", "needs the date or time when it expires"),
        ("- {service: ssh, expires: 2026-12-31, reason: x, for: [a]}\n", "`for` must name one"),
        ("- {service: ssh\n", "allow_list.yaml is not YAML: line"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(project, text, said):
    project.allow_list.write_text(text)
    with pytest.raises(ParameterError, match=r"^allow_list\.yaml") as told:
        read_allow_list(project.allow_list)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


class TestAChange:
    def test_adds_behind_what_is_there_and_keeps_every_other_line(self, project):
        project.allow_list.write_text(BY_HAND)
        added = add_entry(
            project, {"service": "dns", "expires": "30d", "reason": "a\nresolver"},
            source="lab", now=NOW,
        )  # fmt: skip
        text = project.allow_list.read_text()
        assert text.startswith(BY_HAND)
        assert added.number == 3
        assert read_allow_list(project.allow_list)[2] == added
        assert added.entry.expires == dt.datetime(2026, 4, 2, tzinfo=dt.UTC)  # 30 whole days
        assert "  expires: 2026-04-02\n" in text

    def test_removes_the_entry_s_own_lines_alone(self, project):
        project.allow_list.write_text(BY_HAND)
        assert remove_entry(project, 1).entry.service == "ssh"
        kept = project.allow_list.read_text().splitlines()
        assert kept == [
            line for at, line in enumerate(BY_HAND.splitlines()) if not 3 <= at <= 8
        ]  # fmt: skip
        remove_entry(project, 1)
        assert read_allow_list(project.allow_list) == ()
        add_entry(project, {"service": "dns", "expires": "1d", "reason": "x"}, now=NOW)
        assert len(read_allow_list(project.allow_list)) == 1
        assert project.allow_list.read_text().startswith("# What the security team agreed on.\n")

    @settings(
        deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        texts=st.lists(
            st.text(min_size=1).filter(lambda text: text.split()) | st.sampled_from(
                ["- x: y", "# no", "'", '"', "{{a}}", "x: # y", "a\u2028b", "null", "~"]
            ),
            min_size=1, max_size=4,
        ),
        end=st.sampled_from(["\n", "\r\n"]),
        removed=st.integers(1, 4),
    )  # fmt: skip
    def test_writes_what_is_read_back_whatever_the_reason_says(self, project, texts, end, removed):
        project.allow_list.write_bytes(f"# first{end}".encode())
        for text in texts:
            given = {"source": "10.0.0.1", "expires": "5d", "reason": text}
            add_entry(project, given, now=NOW)
        before = read_allow_list(project.allow_list)
        assert len(before) == len(texts)
        if removed <= len(texts):
            gone = remove_entry(project, removed)
            left = [each.entry for each in before if each.number != gone.number]
            assert [each.entry for each in read_allow_list(project.allow_list)] == left

    @pytest.mark.parametrize(
        ("given", "source", "said"),
        [
            ({"reason": "x", "expires": "3d"}, None, "needs a source, a destination or a service"),
            ({"source": "0.0.0.0/0", "reason": "x", "expires": "3d"}, None, "not be every address"),
            ({"source": "10.0.0.1", "reason": "x", "expires": "2026-03-01"}, None, "than now"),
            ({"source": "10.0.0.1", "reason": "x"}, None, "needs the date or time"),
            ({"source": "10.0.0.1", "expires": "3d"}, None, "needs a reason"),
            ({"source": "10.0.0.1", "reason": "x", "expires": "3d"}, "offce", "offce"),
        ],
    )  # fmt: skip
    def test_of_an_entry_that_is_none_writes_nothing(self, project, given, source, said):
        with pytest.raises(ParameterError, match=said):
            add_entry(project, given, source=source, now=NOW)
        assert not project.allow_list.exists()

    @pytest.mark.parametrize("number", [0, 3, -1])
    def test_of_an_entry_that_is_not_there_says_which_are(self, project, number):
        project.allow_list.write_text(BY_HAND)
        with pytest.raises(ParameterError, match=f"no entry {number}, it has 1 to 2"):
            remove_entry(project, number)
        assert project.allow_list.read_text() == BY_HAND

    def test_of_a_list_on_one_line_is_left_to_people(self, project):
        one = "{service: ssh, expires: 2026-12-31, reason: x}"
        text = f"[{one}, {one}]\n"
        project.allow_list.write_text(text)
        with pytest.raises(ParameterError, match="must be changed by hand"):
            remove_entry(project, 1)
        with pytest.raises(ParameterError, match="must be changed by hand"):
            add_entry(project, {"service": "ftp", "expires": "3d", "reason": "x"}, now=NOW)
        assert project.allow_list.read_text() == text


class TestWhileRunning:
    def test_a_change_holds_from_the_next_look_on(self, project):
        followed = AllowList(project, "office")
        assert followed.entries() == ()
        project.allow_list.write_text(BY_HAND)
        assert len(followed.entries()) == 2
        remove_entry(project, 2)
        assert len(followed.entries()) == 1
        project.allow_list.unlink()
        assert followed.entries() == ()

    def test_a_broken_file_keeps_the_last_good_list_and_is_told(self, project):
        project.allow_list.write_text(BY_HAND)
        followed = AllowList(project, "office")
        good = followed.entries()
        project.allow_list.write_text("- {\n")
        assert followed.entries() is good
        assert followed.trouble.startswith(
            "the allow-list stays as it was until it is mended: allow_list.yaml is not YAML"
        )
        project.allow_list.write_text("")
        assert (followed.entries(), followed.trouble) == ((), "")

    def test_nothing_is_read_where_nothing_changed(self, project):
        project.allow_list.write_text(BY_HAND)
        followed = AllowList(project, "office")
        before = project.allow_list.stat()
        good = followed.entries()
        project.allow_list.write_text("!" * before.st_size)
        os.utime(project.allow_list, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert followed.entries() is good

    def test_a_list_that_is_wrong_from_the_start_suppresses_nothing_until_it_is_mended(
        self, project
    ):
        project.allow_list.write_text("- 1\n")
        followed = AllowList(project, "office")
        assert followed.entries() == ()
        assert followed.trouble.startswith(
            "the allow-list suppresses nothing until it is mended: allow_list.yaml, entry 1: "
        )
        project.allow_list.write_text(BY_HAND)
        assert (len(followed.entries()), followed.trouble) == (2, "")


def test_an_alert_counts_for_the_first_entry_that_covers_it(project):
    project.allow_list.write_text(
        "- {service: ssh, expires: 2026-12-31, reason: lab's own, for: lab}\n"
        "- {source: 10.0.0.0/24, expires: 2026-12-31, reason: first}\n"
        "- {service: ssh, expires: 2026-12-31, reason: second}\n"
        "- {service: ssh, expires: 2026-03-02, reason: over}\n"
    )
    listed = read_allow_list(project.allow_list)
    alerts = [some_alert(at, unit=unit) for at, unit in enumerate(["10.0.0.5", "10.0.1.5", "x"])]
    assert count_covered(listed, alerts) == {1: 0, 2: 1, 3: 2, 4: 0}
    loaded = AllowList(project, alerts[0].made_by.source).entries()
    held = apply_allow_list([alerts[0], some_alert(service="dns", unit="10.9.9.9")], loaded)
    assert [each.suppressed_by for each in held] == ["first", None]
    assert AllowEntry.from_dict(listed[0].entry.to_dict()) == listed[0].entry
    assert alerts[0].clock == NOON
