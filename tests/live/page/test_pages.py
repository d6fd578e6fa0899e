"""The page of incidents says what happened, and lets nobody say it in a log's stead."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex

import pytest
from page_visits import (
    EVIL,
    Visitor,
    assert_harmless,
    commands,
    evil_alerts,
    fill,
    judge,
    links,
    ordinary_alerts,
    text_of,
)
from some_alerts import some_alert

from oddwire.live.alerts.formats.feature_words import feature_in_words
from oddwire.live.alerts.kinds import Kind
from oddwire.live.page import listing, verdicts
from oddwire.live.page.texts.commands import of_alert
from oddwire.live.state import stored_alert
from oddwire.live.state.reading import lists
from oddwire.live.state.suppressing import Suppressions
from oddwire.traffic.features.connection_features import CONNECTION_FEATURES

EVERY_PAGE = ("/", "/watchers", "/incidents/{incident}", "/alerts/{alert}")


def first(visitor, query, what="/incidents/"):
    """Return the address of the first incident of a list."""
    return links(visitor.read(f"/?{query}"), what)[0]


def test_the_list_tells_an_incident_in_a_line(visitor):
    page = visitor.read("/?kind=scan&address=10.0.0.5")
    assert "1 incident" in text_of(page)
    row = text_of("<main>" + page[page.index("<tbody>") : page.index("</tbody>")])
    assert row == (
        "high Scan 10.0.0.5 → 32 or more hosts port 22 (ssh) about 1 in 40,000 benign units "
        "120 alerts 2026-03-02 12:00:00 to 12:03:58 closed judged attack office"
    )


def test_the_newest_come_first(visitor):
    times = re.findall(r"<time>(2026-\S+ \S+)</time>", visitor.read("/"))
    assert len(times) > 10
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("source=branch", {"Scan"}),
        ("severity=high&address=10.0", {"Scan"}),
        ("severity=medium&address=10.0&until=2026-03-02T13:30", {"Scan", "Beacon"}),
        ("kind=beacon", {"Beacon"}),
        ("state=open", {"Scan", "Unusual"}),
        ("since=2026-03-02T13:15&until=2026-03-02T14:15", {"Flood", "Brute force"}),
        ("since=2026-03-02T14:15%2B01:00&until=2026-03-02T14:15:00", {"Flood", "Brute force"}),
        ("address=10.0.9.1", {"Flood"}),
        ("address=203.0.113&kind=flood", {"Flood"}),
        ("address=+10.0.9.1+&state=&kind=", {"Flood"}),
    ],
)
def test_each_filter_leaves_what_was_asked_for(visitor, query, kinds):
    page = visitor.read(f"/?{query}")
    found = set(re.findall(r'href="/incidents/\w+">([^<]+)<', page))
    assert found == kinds, text_of(page)


def test_the_form_shows_what_was_asked_and_can_be_cleared(visitor):
    page = visitor.read("/?source=office&severity=low&since=2026-03-02T12:00:30Z&address=1%22%3E")
    assert '<option value="office" selected>' in page
    assert '<option value="low" selected>' in page
    assert 'value="2026-03-02T12:00"' in page
    assert 'value="1&#34;&gt;"' in page
    assert "No incident is like that" in page
    assert '<a href="/">Clear</a>' in page


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("severity=worst", "severity must be one of critical, high, medium, low, got 'worst'"),
        ("kind=<b>", "kind must be one of"),
        ("state=gone", "state must be one of open, closed"),
        ("since=yesterday", "since must be a time such as 2026-03-02T12:00, got 'yesterday'"),
        ("until=99999-01-01", "until must be a time"),
        ("since=0001-01-01T00:00%2B14:00", "since must be a time"),
        ("until=9999-12-31T23:59-14:00", "until must be a time"),
        ("source=of%00fice", "source must be printable, got 'of\\x00fice'"),
        ("address=%00", "address must be printable"),
        ("address=10*", "address must be an address, or at least 3 letters that one begins with"),
        ("address=1", "address must be an address, or at least 3 letters that one begins with"),
        ("after=1", "after must be a place from a link of this page"),
        ("order=newest", "order must be one of severity, got 'newest'"),
        ("order=severity&after=1.0~aa", "after must be a place in this order, got '1.0~aa'"),
        ("after=4~1.0~aa", "after must be a place in this order"),
        ("order=severity&after=x~1.0~aa", "after must be a place from a link of this page"),
        ("order=severity&after=1~2~3~aa", "after must be a place from a link of this page"),
        ("after=nan~aa", "after must be a place from a link of this page"),
        (f"address={'x' * 201}", "address must have at most 200 letters, got 201"),
    ],
)
def test_what_cannot_be_asked_for_is_said(visitor, query, said):
    for path in ("/", "/api/incidents"):
        answer = visitor.ask(f"{path}?{query}")
        assert answer.status_code == 400
        shown = answer.json()["error"] if path != "/" else text_of(answer.text)
        assert said in shown


def test_pages_hold_every_incident_once_while_new_ones_come(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    alerts = [some_alert(f"a{at}", minutes=at // 3, unit=f"10.0.0.{at}") for at in range(120)]
    known = {incident.id for incident in fill(address, alerts)}
    visitor, path, seen, sizes = Visitor(address), "/?kind=scan", [], []
    captions = []
    while path:
        page = visitor.read(path)
        ids = [link.rpartition("/")[2] for link in links(page, "/incidents/")]
        seen += ids
        sizes.append(len(ids))
        captions.append(re.search(r"([\d,]+ to [\d,]+ of [\d,]+) incidents", text_of(page))[1])
        path = next((link for link in links(page, "/?") if "after=" in link), None)
        late = some_alert(f"late {len(seen)}", minutes=500 + len(seen), unit="10.9.9.9")
        fill(address, [late])
    assert sizes == [50, 50, 20]
    assert captions == ["1 to 50 of 120", "52 to 101 of 121", "103 to 122 of 122"], "late ones too"
    assert len(seen) == len(known)
    assert set(seen) == known


def test_an_incident_is_told_in_sentences(visitor):
    page = visitor.read(first(visitor, "kind=scan&source=office"))
    told = text_of(page)
    for sentence in (
        "From 2026-03-02 12:00:00 UTC to 2026-03-02 12:03:58 UTC (4 min), 10.0.0.5 raised 120",
        "120 alerts by connections to 32 or more hosts at port 22 (ssh).",
        "The most unusual of them: about 1 in 40,000 benign units",
        "It looks like a scan: one source tries many hosts or ports. In MITRE ATT&CK that would be",
        "T1046, Network Service Discovery (Discovery).",
        "It closed at 2026-03-02 12:13:58 UTC, after ten minutes without an alert.",
        "targets of the source in a minute 240 3 above 99.9 % of benign rows 60 %",
        "service ssh https 2 % of benign rows have it 20 %",
    ):
        assert sentence in told
    assert "10.0.1.31" in told
    assert "10.0.1.32 " not in text_of(page.partition('id="alerts"')[0])


def test_an_incident_s_alerts_come_in_pages_the_first_first(visitor):
    path = first(visitor, "kind=scan&source=office")
    seen = []
    while path:
        page = visitor.read(path.partition("#")[0])
        seen += re.findall(r"<td class=\"to\"><bdi>([^<]*)</bdi>", page)
        path = next((link for link in links(page, "/incidents/") if "after=" in link), None)
    assert seen == [f"10.0.1.{number}:22" for number in range(120)]


def test_an_alert_is_told_with_its_connection_and_incident(visitor):
    incident = first(visitor, "kind=scan&source=office")
    page = visitor.read(links(visitor.read(incident), "/alerts/")[0])
    told = text_of(page)
    assert (
        "2026-03-02 11:59:58 UTC: 10.0.0.5:49152 connected to 10.0.1.0:22 by ssh over tcp, sent "
        "1.2 kB and got 3.4 kB."
    ) in told
    assert "To 10.0.1.0 (inside), port 22, sent 3.4 kB in 8 packets" in told
    assert links(page, "/incidents/") == [incident]


def test_a_suppressed_alert_says_why_it_was_not_sent(visitor):
    kept = some_alert("kept")
    told = visitor.see(f"/alerts/{kept.id}")
    assert "1 suppressed among those stored" in visitor.see("/watchers")
    assert "keeps it from being sent: backups <b>at</b> night. It belongs to no incident." in told


def test_an_alert_may_be_suppressed_after_it_joined_its_incident(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    alert = some_alert()
    (incident,) = fill(address, [alert])
    with Suppressions(address) as writer:
        writer.write([stored_alert(alert.suppressed("ours"), incident=incident.id)])
    told = Visitor(address).see(f"/alerts/{alert.id}")
    assert "keeps it from being sent: ours. It joined its incident before it did." in told


def test_what_people_judged_is_on_the_list_the_incident_and_the_alert(visitor):
    page = visitor.read(first(visitor, "kind=scan&source=office"))
    said = "attack port scan, 120 connections, 2026-03-05 10:00:00 UTC seen by the owner"
    assert f"What people judged {said}" in text_of(page)
    alert = visitor.see(links(page, "/alerts/")[0])
    assert "judged attack" in alert
    assert "attack port scan, 1 connection, 2026-03-05" in alert
    assert "judged" not in visitor.see(first(visitor, "kind=beacon"))
    content = visitor.ask("/api/incidents?kind=scan&source=office").json()["incidents"]
    assert [one["judged"] for one in content] == [{"attack": 120, "benign": 0}]


def test_verdicts_are_those_of_the_moment_and_of_all_judges(tmp_path):
    address, alerts = f"sqlite:///{tmp_path / 'alerts.db'}", ordinary_alerts()[:120]
    fill(address, alerts)
    visitor = Visitor(address, tmp_path)
    assert "judged" not in visitor.see("/")
    judge(tmp_path, alerts[:30], label=1, note="mine")
    assert "30 connections judged attack" in visitor.see("/")
    judge(tmp_path, alerts[30:40], label=0, note="no: the audit's", at="2026-03-06T10:00:00Z")
    assert "judged: 30 attack, 10 benign" in visitor.see("/")
    told = visitor.see(first(visitor, ""))
    assert told.index("benign 10 connections, 2026-03-06") < told.index(
        "attack 30 connections, 2026-03-05"
    )
    (tmp_path / "office.csv").unlink()
    assert "judged" not in visitor.see("/")


def test_a_verdict_on_a_flood_is_one_on_all_of_it(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    flood = [
        some_alert(at, minutes=at / 1000, unit=f"10.1.{at >> 8}.{at & 255}", kind=Kind.FLOOD)
        for at in range(1500)
    ]
    flood = [flood[0], *(dataclasses.replace(one, reasons=()) for one in flood[1:])]
    (incident,) = fill(address, flood)
    assert (incident.count, incident.listed) == (1500, 1000)
    judge(tmp_path, flood, label=1, incident=incident.id)
    visitor = Visitor(address, tmp_path)
    assert "1,500 alerts" in visitor.see("/")
    assert "judged attack" in visitor.see("/")
    assert "connections judged attack" not in visitor.see("/")
    told = visitor.see(f"/incidents/{incident.id}")
    assert "What people judged attack 1,500 connections, 2026" in told
    content = visitor.ask(f"/api/incidents/{incident.id}").json()
    assert content["judged"] == {"attack": 1500, "benign": 0}


def test_a_verdict_on_a_connection_is_shown_with_each_of_its_alerts(tmp_path):
    """A log may tell of a connection again while it lasts: each time an alert, and one verdict."""
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    start = some_alert().start
    alerts = [some_alert(at, minutes=at, start=start) for at in range(3)]
    (incident,) = fill(address, alerts)
    judge(tmp_path, alerts, label=1, incident=incident.id)
    visitor = Visitor(address, tmp_path)
    for alert in alerts:
        assert "judged attack" in visitor.see(f"/alerts/{alert.id}")
        content = visitor.ask(f"/api/alerts/{alert.id}").json()
        assert content["judged"] == {"attack": 1, "benign": 0}
    told = visitor.see(f"/incidents/{incident.id}")
    assert "1 connection judged attack" in told
    assert " of 3 " not in told


def test_a_verdict_on_what_is_not_stored_yet_is_found_once_it_is(tmp_path, monkeypatch):
    address, alerts = f"sqlite:///{tmp_path / 'alerts.db'}", ordinary_alerts()[:120]
    monkeypatch.setattr(verdicts, "_ASK_AGAIN", 0.0)
    judge(tmp_path, alerts, label=0)
    judge(tmp_path, [some_alert("?", id="no id \x00")], label=0)
    fill(address, [some_alert("other", minutes=-100)])
    visitor = Visitor(address, tmp_path)
    assert "judged" not in visitor.see("/")
    fill(address, alerts)
    assert "judged benign" in visitor.see("/")


def test_a_table_of_verdicts_that_is_damaged_leaves_the_rest_readable(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    (incident,) = fill(address, [some_alert()])
    (tmp_path / "office.csv").write_text("<b>no table</b>\n")
    visitor = Visitor(address, tmp_path)
    for path in ("/", f"/incidents/{incident.id}", f"/alerts/{some_alert().id}"):
        assert "cannot be read" in visitor.see(path)
    assert visitor.ask(f"/api/incidents/{incident.id}").json()["judged"] is None


def test_the_most_severe_come_first_where_asked_and_each_once(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    alerts = [
        some_alert(f"a{at}", minutes=30 * at, unit=f"10.0.0.{at}", p=10.0 ** -(2 + at % 5))
        for at in range(120)
    ]
    incidents = fill(address, alerts)
    incidents.sort(key=lambda one: (one.severity, one.opened), reverse=True)
    visitor = Visitor(address)
    path, seen, captions = links(visitor.read("/"), "/?order=severity")[0], [], []
    while path:
        page = visitor.read(path)
        seen += [link.rpartition("/")[2] for link in links(page, "/incidents/")]
        captions.append(re.search(r"[\d,]+ to [\d,]+ of [\d,]+ incidents", text_of(page))[0])
        assert links(page, "/") != []
        path = next((link for link in links(page, "/?order") if "after=" in link), None)
    assert len({one.severity for one in incidents}) > 1
    assert seen == [one.id for one in incidents]
    assert captions == [f"{begin} of 120 incidents" for begin in (
        "1 to 50", "51 to 100", "101 to 120"
    )]  # fmt: skip
    some = visitor.ask("/api/incidents?order=severity&severity=medium").json()["incidents"]
    assert [one["id"] for one in some] == seen[: len(some)]


def test_many_incidents_are_counted_so_far_as_that_is_soon_done(tmp_path, monkeypatch):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    alerts = [some_alert(f"a{at}", minutes=30 * at, unit=f"10.0.0.{at}") for at in range(120)]
    fill(address, alerts)
    visitor = Visitor(address)
    monkeypatch.setattr(listing, "MOST_COUNTED", 60)
    page = visitor.read("/")
    assert "1 to 50 of more than 60 incidents" in text_of(page)
    (older,) = [link for link in links(page, "/?") if "after=" in link]
    assert "50 incidents on this page, of more than 60" in visitor.see(older)
    monkeypatch.setattr(lists, "_BROAD", 10)
    assert "50 incidents on this page" in visitor.see("/?address=10.0.")


def test_no_page_names_a_feature_of_connections_by_its_column(visitor):
    names = [name for name in CONNECTION_FEATURES.columns if "_" in name]
    assert all(feature_in_words(name) != name for name in names)
    for path in ("/", first(visitor, "kind=scan&source=office"), f"/alerts/{evil_alerts()[-1].id}"):
        page = visitor.read(path)
        assert not [name for name in names if name in page]


def test_what_is_not_there_is_not_found(visitor):
    for path in ("/nowhere", f"/incidents/{'0' * 32}", f"/alerts/{'0' * 32}", "/incidents/"):
        answer = visitor.ask(path)
        assert answer.status_code == 404
        assert "All incidents" in answer.text
    assert visitor.ask("/api/nowhere").json() == {"error": "There is no such page."}
    assert visitor.ask(f"/api/alerts/{'0' * 32}").status_code == 404


def test_the_beginning_of_an_id_is_enough(visitor):
    whole = first(visitor, "kind=scan&source=office")
    assert visitor.read(whole[:20]) == visitor.read(whole)
    assert visitor.ask("/incidents/zz").status_code == 400


def test_commands_are_one_line_and_one_word_for_each_name(visitor):
    page = visitor.read(first(visitor, "kind=beacon"))
    explain, benign, attack, allow = map(shlex.split, commands(page))
    name = explain[-1]
    assert explain == ["oddwire", "explain", name]
    assert benign[:4] == ["oddwire", "label", name, "benign"]
    assert attack == ["oddwire", "label", name, "attack"]
    assert allow == [
        "oddwire", "allow", "add", "--source", "10.0.9.0", "--destination", "203.0.113.9",
        "--service", "ssh", "--for", "office", "--expires", "30d", "--reason",
        "why it is harmless",
    ]  # fmt: skip


@pytest.mark.parametrize("service", EVIL, ids=range(len(EVIL)))
def test_no_service_gets_out_of_its_word_of_a_command(service):
    (alert,) = evil_alerts([service])
    ends = {"source": some_alert().source, "destination": some_alert().destination}
    line = of_alert(type(alert)(**{**vars(alert), **ends}))[-1].line
    words = shlex.split(line)
    assert "\n" not in line
    assert line.isprintable()
    assert len(words) == 15
    assert words[words.index("--service") + 1] == alert.service
    assert of_alert(alert)[-1].line.startswith("oddwire label"), "a name is no address to allow"


def evil_pages(visitor):
    """Return every page that shows a text of an attacker's."""
    pages = ["/", "/watchers", "/?until=2026-03-02T20:30"]
    for alert in evil_alerts():
        page = visitor.ask(f"/alerts/{alert.id}")
        pages += [f"/alerts/{alert.id}", *links(page.text, "/incidents/")]
    return list(dict.fromkeys(pages))


def test_hostile_text_stays_text(visitor):
    pages = evil_pages(visitor)
    assert len(pages) == 3 + 2 * len(EVIL)
    for path in pages:
        page = visitor.read(path)
        assert_harmless(page)
        assert len(page) < 150_000, path
        assert page.count("<h1>") == 1


def test_what_is_cut_on_a_page_is_whole_for_machines(visitor):
    alert = evil_alerts()[-1]
    page = visitor.ask(f"/alerts/{alert.id}").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;xxx" in page
    content = visitor.ask(f"/api/alerts/{alert.id}").json()
    assert len(content["features"]["service"]) > 1_000_000
    assert content["alert"] == json.loads(json.dumps(alert.to_dict()))
    assert content["incident"] in page


def test_machines_read_all_incidents_page_by_page(visitor):
    path, seen = "/api/incidents?source=office", []
    while path:
        content = visitor.ask(path).json()
        seen += content["incidents"]
        path = content["next"]
    assert len(seen) == 5 + len(EVIL)
    assert seen[-1]["kind"] == Kind.SCAN.value
    assert visitor.ask(f"/api/incidents/{seen[0]['id']}").json() == seen[0]


def test_the_page_loads_itself_again_until_it_is_paused(visitor):
    refreshed = re.compile(r'http-equiv="refresh" content="30"')
    for path in ("/", "/?kind=scan", "/watchers"):
        page = visitor.read(path)
        assert refreshed.search(page)
        (paused,) = [link for link in links(page, "/") if "refresh=off" in link]
        page = visitor.read(paused)
        assert not refreshed.search(page)
        assert path in links(page, "/")
    # Somebody reads on, or is about to copy a command.
    for path in ("/?after=1e10~ff", first(visitor, "kind=scan")):
        assert not refreshed.search(visitor.read(path))


def test_nothing_watched_yet_says_what_to_do(tmp_path):
    address = f"sqlite:///{tmp_path / 'alerts.db'}"
    fill(address, [])
    told = Visitor(address).see("/")
    assert "No incident yet" in told
    assert "good news" in told
