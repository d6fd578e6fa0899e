"""The allow-list of a project: ``allow_list.yaml``, which people edit and ``oddwire allow`` too.

It is a file of its own: it changes more often than settings do, it is reviewed by other people, and
no DVC stage depends on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddwire.errors import ParameterError, short_repr
from oddwire.live.alerts.alert import Alert
from oddwire.live.alerts.allow_entry import AllowEntry, Network
from oddwire.live.alerts.wire_names import ip_address
from oddwire.params.text.yaml_text import read_yaml
from oddwire.project import Project

_FOR = "for"
_KEYS = ("source", "destination", "service", "expires", "reason", _FOR)


@dataclass(frozen=True)
class ListedEntry:
    """An entry as it is listed.

    Parameters
    ----------
    number
        Its place in the file, from 1 on.
    entry
        What it covers.
    source
        The source of ``params.yaml`` that it is for; None for all.
    """

    number: int
    entry: AllowEntry
    source: str | None = None

    def is_for(self, source: str) -> bool:
        """Return whether it holds for the alerts of a source."""
        return self.source in (None, source)

    def may_cover(self, source: str, destination: str) -> bool:
        """Return whether the ends of an alert leave it open: a look that costs little."""
        ends = ((self.entry.source, source), (self.entry.destination, destination))
        return all(
            network is None or ((address := ip_address(name)) is not None and address in network)
            for network, name in ends
        )

    def covers(self, alert: Alert) -> bool:
        """Return whether it says not to send an alert."""
        return self.is_for(alert.made_by.source) and self.entry.covers(alert)


def in_short(network: Network) -> str:
    """Return a network as people write it: one of a single address without its length.

    Examples
    --------
    >>> import ipaddress
    >>> [in_short(ipaddress.ip_network(text)) for text in ("10.0.3.0/24", "10.0.3.7", "::1")]
    ['10.0.3.0/24', '10.0.3.7', '::1']
    """
    return str(network.network_address if network.num_addresses == 1 else network)


def read_allow_list(file: Path) -> tuple[ListedEntry, ...]:
    """Read all entries, those that have expired too; where there is no file, there is none.

    Raises
    ------
    ParameterError
        If the file cannot be read, or an entry is not what it must be; it names the entry.
    """
    if not file.exists():
        return ()
    content = read_yaml(file)
    if content is None:
        return ()
    if not isinstance(content, list):
        raise ParameterError(
            f"{file.name} must be a list of entries, each beginning with a dash, got "
            f"{short_repr(content)}"
        )
    return tuple(
        listed_entry(at, each, named=f"{file.name}, entry {at}")
        for at, each in enumerate(content, start=1)
    )


def listed_entry(number: int, content: Any, *, named: str) -> ListedEntry:
    """Read one entry, called so in an error.

    Raises
    ------
    ParameterError
        Naming the entry, and what is wrong with it.
    """
    try:
        _check_keys(content)
        rest = {key: value for key, value in content.items() if key != _FOR}
        return ListedEntry(number, AllowEntry.from_dict(rest), content.get(_FOR))
    except ParameterError as error:
        raise ParameterError(f"{named}: {error}") from None


def _check_keys(content: Any) -> None:
    if not isinstance(content, Mapping):
        raise ParameterError(f"it must hold keys and values, got {short_repr(content)}")
    if unknown := [key for key in content if key not in _KEYS]:
        raise ParameterError(
            f"an allow-list entry has the keys {', '.join(_KEYS)}, got {short_repr(unknown[0])}"
        )
    source = content.get(_FOR)
    if source is not None and (not isinstance(source, str) or not source):
        raise ParameterError(f"`for` must name one source of params.yaml, got {short_repr(source)}")


class AllowList:
    """The entries for a source, as the file has them from moment to moment.

    A file that is wrong keeps nobody from watching: the entries that were read last go on to hold,
    and before the first were read, there are none. Rather too many alerts than none.

    Parameters
    ----------
    project, source
        Whose.
    """

    def __init__(self, project: Project, source: str) -> None:
        self._file, self._source = project.allow_list, source
        self._seen: tuple[int, ...] | None = None
        self._read: tuple[AllowEntry, ...] | None = None
        self._wrong = ""
        self.entries()

    @property
    def trouble(self) -> str:
        """What is wrong with the file now, and what holds as long as it is; empty if nothing is."""
        return self._wrong

    def entries(self) -> tuple[AllowEntry, ...]:
        """Return the entries, read again where the file has changed: cheap, and never an error."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            try:
                self._read = _entries(read_allow_list(self._file), self._source)
            except ParameterError as error:
                stays = "stays as it was" if self._read is not None else "suppresses nothing"
                self._wrong = f"the allow-list {stays} until it is mended: {error}"
            else:
                self._wrong = ""
        return self._read or ()

    def _state(self) -> tuple[int, ...]:
        try:
            found = self._file.stat()
        except OSError:
            return ()
        return found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode


def _entries(listed: Iterable[ListedEntry], source: str) -> tuple[AllowEntry, ...]:
    return tuple(each.entry for each in listed if each.is_for(source))
