"""Fetching public data, against a real web server on this machine."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from urllib.parse import unquote

import pytest

from oddwire.errors import DataError, ParameterError, ServiceError
from oddwire.traffic.sources.reading import fetching
from oddwire.traffic.sources.reading.fetching import PUBLISHED, Published, fetch

CONTENT = {"small+one.txt": b"one\n" * 5000, "two.txt": b"two\n"}


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder and keep what was asked for."""

    def log_message(self, *_):
        self.server.asked.append(self.path)


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    handler = functools.partial(Handler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked, server.folder = [], folder
        server.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def published(monkeypatch, server):
    """A small data set beside the real ones: on the server, and where no server answers."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    addresses = {"small": server.url, "lost": "http://127.0.0.1:9/"}
    small = {name: Published(address, hashes) for name, address in addresses.items()}
    monkeypatch.setattr(fetching, "PUBLISHED", {**PUBLISHED, **small})


@pytest.mark.usefixtures("published")
def test_downloads_checks_and_does_not_ask_twice(server, tmp_path, capsys):
    into = tmp_path / "into"
    files = fetch("small", into=into)
    assert {file.name: file.read_bytes() for file in files} == CONTENT
    assert sorted(map(unquote, server.asked)) == ["/small+one.txt", "/two.txt"]
    assert "/small%2Bone.txt" in server.asked  # a bare plus sign may be read as a space
    assert "B/s" in capsys.readouterr().err
    assert fetch("small", into=into) == files
    assert len(server.asked) == 2
    files[1].write_bytes(b"broken")
    fetch("small", into=into)
    assert files[1].read_bytes() == CONTENT["two.txt"]
    assert len(server.asked) == 3


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("trouble", ["changed", "gone", "no server"])
def test_a_failed_download_names_the_address_and_leaves_nothing(server, tmp_path, trouble):
    into = tmp_path / "into"
    if trouble == "changed":
        (server.folder / "two.txt").write_bytes(b"another content")
    if trouble == "gone":
        (server.folder / "two.txt").unlink()
    with pytest.raises(ServiceError) as caught:
        fetch("lost" if trouble == "no server" else "small", into=into)
    message = str(caught.value)
    assert "http://127.0.0.1" in message
    assert "--from DIR" in message
    assert "\n" not in message
    assert not into.exists()


@pytest.mark.usefixtures("published")
def test_local_files_are_checked_before_any_is_copied(server, tmp_path):
    into = tmp_path / "into"
    files = fetch("small", into=into, from_dir=server.folder)
    assert {file.name: file.read_bytes() for file in files} == CONTENT
    assert server.asked == []
    other = tmp_path / "other"
    (server.folder / "two.txt").write_bytes(b"another content")
    with pytest.raises(DataError, match=r"two\.txt is not the published file: SHA-256"):
        fetch("small", into=other, from_dir=server.folder)
    (server.folder / "two.txt").unlink()
    with pytest.raises(DataError, match=r"two\.txt does not exist"):
        fetch("small", into=other, from_dir=server.folder)
    assert not other.exists()


def test_an_unknown_data_set_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"cannot fetch 'kdd99'.*nsl-kdd"):
        fetch("kdd99", into=tmp_path)


def test_the_sample_files_are_the_published_ones(shared_data, tmp_path):
    files = fetch("nsl-kdd", into=tmp_path, from_dir=shared_data / "nsl-kdd")
    assert [file.name for file in files] == ["KDDTrain+_20Percent.txt", "KDDTest+.txt"]
    assert all(file.stat().st_size > 3_000_000 for file in files)
