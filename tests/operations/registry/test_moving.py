"""Which version is champion: decisions of trainings, and moves by hand that can be taken back."""

from __future__ import annotations

import getpass
import threading

import pytest
from stubs import RecordedProgress

from oddwire.errors import ModelError, NoModelError, ParameterError
from oddwire.operations.locks import source_lock
from oddwire.operations.progress import watched_by
from oddwire.operations.registry import moving
from oddwire.operations.registry.moving import promote_by_hand, roll_back
from oddwire.operations.registry.versions import CHALLENGER, CHAMPION, PREVIOUS


@pytest.fixture
def page(registry):
    """Return a function that reads what a version's page says."""

    def of(number):
        found = registry.tracking.client.get_model_version("oddwire-desk", number)
        return found.description, found.tags

    return of


@pytest.fixture
def two(register, settled):
    """Version 1 was champion before version 2."""
    for _ in range(2):
        settled(register(description="It is a forest."), promote=True)


def test_a_promoted_challenger_is_champion_and_the_old_one_can_be_found(register, settled, numbers):
    settled(register(), promote=True)
    assert numbers() == {CHAMPION: "1"}
    settled(register(), promote=True)
    assert numbers() == {CHAMPION: "2", PREVIOUS: "1"}
    settled(register(), promote=True)
    assert numbers() == {CHAMPION: "3", PREVIOUS: "2"}


def test_a_refused_challenger_changes_no_champion_and_keeps_its_reason(
    registry, register, settled, numbers
):
    settled(register(), promote=True)
    refused = register()
    settled(refused, promote=False)
    assert numbers() == {CHAMPION: "1", CHALLENGER: "2"}
    tags = registry.tracking.client.get_model_version("oddwire-desk", refused.number).tags
    assert (tags["promotion"], tags["promotion_reason"]) == ("refused", "Refused: it is worse.")


def test_promoting_the_champion_again_makes_it_not_its_own_predecessor(register, settled, numbers):
    version = register()
    settled(version, promote=True)
    settled(version, promote=True)
    assert numbers() == {CHAMPION: "1"}


def test_the_ledger_says_what_was_decided_and_only_grows(
    registry, register, settled, ledger, fitted
):
    first = register()
    settled(first, promote=True)
    before = registry.ledger.read_bytes()
    settled(register(), promote=False)
    assert registry.ledger.read_bytes().startswith(before)
    entries = ledger()
    assert [entry["action"] for entry in entries] == ["promoted", "refused"]
    assert entries[0]["version"] == "1"
    assert entries[0]["run_id"] == first.run_id
    assert entries[0]["manifest_sha256"] == fitted.digest
    assert entries[1]["reason"] == "Refused: it is worse."
    assert entries[1]["time"].endswith("+00:00")


def test_the_ledger_says_who_decided_and_from_where_to_where(register, settled, ledger):
    settled(register(), promote=True)
    settled(register(), promote=False)
    settled(register(), promote=True)
    told = [[entry[key] for key in ("who", "version", "from", "to")] for entry in ledger()]
    assert told == [
        ["training-7", "1", None, "1"],
        ["training-7", "2", "1", "1"],
        ["training-7", "3", "1", "3"],
    ]


def test_a_champion_that_is_proposed_again_keeps_why_it_was_promoted(
    register, settled, ledger, page, numbers
):
    version = register(description="It is a forest.")
    settled(version, promote=True)
    before = page("1")
    settled(version, promote=False)
    assert page("1") == before
    assert numbers() == {CHAMPION: "1"}
    assert ledger()[-1]["action"] == "already champion"


def test_a_version_s_page_says_what_it_is_and_what_was_decided_last(bare, two, page):
    description = page("1")[0]
    assert description.startswith("It is a forest.\n\n**Decision:** Promoted")
    assert "it is the first" in description
    moved = promote_by_hand(bare, "desk", "1", because="it finds *scans*", who="alice")
    description, tags = page("1")
    assert description.startswith("It is a forest.\n\n**Decision:** promoted by hand by alice")
    assert description.count("**Decision:**") == 1
    assert "*scans*" not in description, "a reason is no Markdown"
    assert tags["promotion"] == "promoted by hand"
    assert tags["promotion_reason"] == f"promoted by hand by alice: {moved.why}"


def test_a_reason_of_any_length_fits_the_page(bare, two, page):
    promote_by_hand(bare, "desk", "1", because="<b>_" * 250_000)
    description, tags = page("1")
    assert len(description) <= 5000
    assert len(tags["promotion_reason"]) <= 5000
    assert description.startswith("It is a forest.")


def test_any_version_can_be_promoted_by_hand(bare, two, ledger, numbers):
    moved = promote_by_hand(bare, "desk", "01", because=" a better \n look ")
    assert numbers() == {CHAMPION: "1", PREVIOUS: "2"}
    user = getpass.getuser()
    assert moved.sentence == (
        "oddwire-desk: version 1 is champion instead of version 2 (promoted by hand by "
        f"{user}: a better look)"
    )
    entry = ledger()[-1]
    assert (entry["action"], entry["who"]) == ("promoted by hand", user)
    assert (entry["from"], entry["to"], entry["reason"]) == ("2", "1", "a better look")


def test_a_challenger_promoted_by_hand_is_no_challenger_any_more(bare, register, numbers):
    register()
    moved = promote_by_hand(bare, "desk", "1", because="we need one")
    assert numbers() == {CHAMPION: "1"}
    assert "is champion (promoted" in moved.sentence
    register()
    promote_by_hand(bare, "desk", "1", because="again")
    assert numbers() == {CHAMPION: "1", CHALLENGER: "2"}


def test_promoting_the_champion_changes_nothing_and_says_so(bare, two, ledger, numbers):
    lines = ledger()
    moved = promote_by_hand(bare, "desk", "2", because="sure?")
    assert moved.sentence == "oddwire-desk: version 2 is champion already, nothing changed"
    assert (ledger(), numbers()) == (lines, {CHAMPION: "2", PREVIOUS: "1"})


def test_rolling_back_twice_returns(bare, two, ledger, numbers, page):
    moved = roll_back(bare, "desk")
    assert numbers() == {CHAMPION: "1", PREVIOUS: "2"}
    assert (moved.before, moved.after, moved.why) == ("2", "1", "no reason given")
    assert page("1")[1]["promotion"] == "brought back", "it is the other one that was rolled back"
    roll_back(bare, "desk", because="back again", who="roll-back-desk")
    assert numbers() == {CHAMPION: "2", PREVIOUS: "1"}
    assert [entry["action"] for entry in ledger()[-2:]] == ["rolled back"] * 2
    assert ledger()[-1]["who"] == "roll-back-desk"


def test_a_roll_back_may_name_the_version(bare, two, register, settled, numbers):
    settled(register(), promote=True)
    roll_back(bare, "desk", to="1")
    assert numbers() == {CHAMPION: "1", PREVIOUS: "3"}


def test_a_roll_back_leads_away_from_a_champion_that_is_broken(bare, two, registry, numbers):
    registry.tracking.client.delete_model_version_tag("oddwire-desk", "2", "manifest_sha256")
    roll_back(bare, "desk")
    assert numbers() == {CHAMPION: "1", PREVIOUS: "2"}


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        ("9", NoModelError, "oddwire-desk has no version 9: there are 1, 2"),
        ("two", ParameterError, "a version must be a number such as 3, got 'two'"),
        ("²", ParameterError, "a version must be a number"),
        ("-1", ParameterError, "a version must be a number"),
    ],
)
def test_a_version_that_is_not_there_is_refused(bare, two, ledger, number, error, words):
    lines = ledger()
    with pytest.raises(error, match=words):
        promote_by_hand(bare, "desk", number, because="x")
    with pytest.raises(error, match=words):
        roll_back(bare, "desk", to=number)
    assert ledger() == lines


def test_a_version_that_does_not_load_is_refused(bare, two, registry, ledger, numbers):
    lines = ledger()
    model_id = registry.numbered("desk", "1").model_id
    (manifest,) = registry.tracking.artifacts.rglob(f"{model_id}/**/manifest.json")
    manifest.write_text(manifest.read_text() + " ")
    for move in (
        lambda: promote_by_hand(bare, "desk", "1", because="x"),
        lambda: roll_back(bare, "desk"),
    ):
        with pytest.raises(ModelError, match=r"oddwire-desk version 1/manifest\.json was altered"):
            move()
    assert (ledger(), numbers()) == (lines, {CHAMPION: "2", PREVIOUS: "1"})


def test_what_a_move_needs_is_asked_for(bare, register):
    with pytest.raises(ParameterError, match="must have a reason"):
        promote_by_hand(bare, "desk", "1", because=" ")
    with pytest.raises(NoModelError, match="no previous champion of source 'desk'"):
        roll_back(bare, "desk")
    with pytest.raises(ParameterError, match="unknown source 'nowhere'"):
        roll_back(bare, "nowhere")
    with pytest.raises(NoModelError, match="has no version 1: there are none yet"):
        promote_by_hand(bare, "desk", "1", because="x")


def test_the_ledger_knows_before_the_aliases_move(bare, two, ledger, numbers, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(moving, "_move_aliases", killed)
    with pytest.raises(KeyboardInterrupt):
        roll_back(bare, "desk")
    assert ledger()[-1]["action"] == "rolled back"
    assert numbers() == {CHAMPION: "2", PREVIOUS: "1"}


def test_a_move_waits_for_another_promotion_but_not_for_a_training(bare, two, numbers):
    steps = RecordedProgress()

    def back():
        with watched_by(steps):
            roll_back(bare, "desk")

    thread = threading.Thread(target=back)
    with source_lock(bare, "desk"), moving.one_move_at_a_time(bare, "desk"):
        thread.start()
        assert steps.waiting.wait(30)
        assert numbers()[CHAMPION] == "2"
    thread.join(60)
    assert steps.begun == ["waiting for another promotion of desk to end"]
    assert numbers()[CHAMPION] == "1"
    with source_lock(bare, "desk"):
        roll_back(bare, "desk")
    assert numbers()[CHAMPION] == "2"


def test_a_user_without_a_name_has_a_number(monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert moving.user_name().startswith("user ")
