"""Which headers of logs are kept."""

from oddwire.live.reading.headings import Headings
from oddwire.traffic.sources.logs.growing.state import ReaderState


def test_those_that_were_read_last_are_kept_changed_or_not():
    headings, state = Headings({}), ReaderState(kind="zeek_tsv", heading=b"#fields\tts\n")
    for origin in [*"abcdefgh", "a", "i"]:
        headings.keep(origin, state)
    assert list(headings.plain()) == [*"cdefgh", "a", "i"]
