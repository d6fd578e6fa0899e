"""What Prefect's page shows of one source is never shown as another's."""

from __future__ import annotations

from hypothesis import assume, example, given
from hypothesis import strategies as st
from prefect.client.schemas.actions import ArtifactCreate

from flows.artifact_keys import artifact_key
from oddwire.params.loading import check_params

SOURCES = st.from_regex(r"[a-z][a-z0-9_-]{4,49}", fullmatch=True)


@given(SOURCES, SOURCES)
@example("office_lan", "office-lan")
@example("a_b_c", "a-b_c")
@example("a_", "a-")
def test_two_sources_have_two_keys_that_prefect_takes(one, other):
    assume(one != other)
    check_params({"sources": {name: {"format": "simulated"} for name in (one, other)}})
    keys = {artifact_key("scoring", name) for name in (one, other)}
    assert len(keys) == 2
    for key in keys:
        assert ArtifactCreate(key=key).key == key


def test_a_name_without_underscores_is_the_key_as_it_is():
    assert artifact_key("leaderboard", "nsl-kdd") == "leaderboard-nsl-kdd"
