"""Addresses and errors as people may see them: without users, passwords and tokens.

What an address that does not parse would show is a guess: a password may hold any character, and
where it ends can no longer be told. So such a one is never shown, and neither is what a library
says of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, unquote, unquote_plus, urlsplit

HIDDEN = "***"
_LONGEST_REASON = 300
# Shorter ones are parts of ordinary words: cutting them out would tell them.
_SHORTEST_CUT = 4
_PLACE = "\N{PLACE OF INTEREST SIGN}"  # of the address itself, while the rest is looked at
_QUOTED_ANEW = set("\\'\"")  # a library's own quoting writes them in ways of its own

# An `@` after the authority means that the password itself may hold the `/`, `?` or `#`.
_URI = re.compile(
    r"(?P<scheme>[a-z][a-z0-9-]{0,29}(?:\+[a-z0-9_]{1,29})?)://"
    r"(?:(?P<user>[^/?#\s\[\]]*)@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[\w.~-]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[^?#@;=&\s]*)?)"
    r"(?:\?(?P<query>[^#@]*))?(?:\#(?P<fragment>[^@]*))?"
)
# SQLite and files have no authority; their paths may hold more, but nothing like user and password.
_FILE = re.compile(
    r"(?P<start>(?:sqlite(?:\+[a-z0-9_]{1,29})?:///|file:)(?!.*:.*@)[^?]*)"
    r"(?:\?(?P<query>.*))?"
)
# Of a user and password that are written as they must be: what a library makes of them is known.
_SIGN = r"(?:[\w.~!$&'()*+,;=-]|%[0-9a-fA-F]{2})*"
_SOUND_USER = re.compile(rf"{_SIGN}(?::{_SIGN})?")

_SECRET_VARIABLE = re.compile(
    r"(?i)(?:^|_)(?:token|password|passwd|secret|key|auth_string|credentials|webhook)(?:_|$)"
)
# Bounded, so that a word of a megabyte takes no time that grows with its square.
_USER_IN_TEXT = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]{0,30}://)[^\s/?#'\"<>]{1,1000}@")
_SECRET_IN_TEXT = re.compile(
    r"(?i)\b((?:ssl|db_?)?(?:password|passwd|pwd)|(?:access_?|auth_?)?token|secret|api_?key)"
    r"=([^\s&;'\",)]+)"
)
_WEBHOOK_IN_TEXT = re.compile(r"(?im)(\bwebhook[\"']?\s*:[ \t]*)\S.*$")


def masked(uri: str) -> str:
    """Return an address without user, password, query and fragment.

    Of one that does not parse at most the scheme is left.

    Examples
    --------
    >>> masked("postgresql://oddwire:secret@db.example:5432/mlflow?sslpassword=secret")
    'postgresql://***@db.example:5432/mlflow?***'
    >>> masked("http://user:pass/word@mlflow.example")
    'http://***'
    """
    if not parses(uri):
        scheme, found, _ = uri.partition("://")
        known = found and re.fullmatch(r"[a-z][a-z0-9+]{0,19}", scheme)
        return f"{scheme}://{HIDDEN}" if known else HIDDEN
    if file := _FILE.fullmatch(uri):
        start, hash_, fragment = file["start"].partition("#")
        return start + _hidden("#", fragment if hash_ else None) + _hidden("?", file["query"])
    parts = _URI.fullmatch(uri)
    if parts is None:
        return HIDDEN
    user = "" if parts["user"] is None else f"{HIDDEN}@"
    port = "" if parts["port"] is None else f":{parts['port']}"
    rest = _hidden("?", parts["query"]) + _hidden("#", parts["fragment"])
    return f"{parts['scheme']}://{user}{parts['host']}{port}{parts['path']}{rest}"


def parses(uri: str) -> bool:
    """Tell whether it can be told where an address's user and password end."""
    if not uri.isprintable() or not (_FILE.fullmatch(uri) or _URI.fullmatch(uri)):
        return False
    try:
        _ = urlsplit(uri).port
    except ValueError:
        return False
    return True


def reason(error: BaseException, uri: str) -> str:
    """Return what a library says of an address, as far as it tells no secret, in one line.

    Parameters
    ----------
    error
        A library's exception: its text may quote the address, or any part of it.
    uri
        The address that it failed with.
    """
    kind, secrets = type(error).__name__, [*_secrets(uri)]
    parts = _URI.fullmatch(uri)
    if not parses(uri) or (parts and not _SOUND_USER.fullmatch(parts["user"] or "")):
        return kind  # libraries end the password elsewhere, and quote the rest as a host
    if any(not secret.isprintable() or set(secret) & _QUOTED_ANEW for secret in secrets):
        return kind
    text = without_secrets(_cut(str(error).replace(uri, _PLACE), secrets))
    if any(part in text.replace(HIDDEN, "") for secret in secrets for part in _parts(secret)):
        return kind  # cut short or split, it is in there still
    line = " ".join(text.replace(_PLACE, masked(uri)).strip().partition("\n")[0].split())
    return line[:_LONGEST_REASON] or kind


def without_secrets(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a text without what looks like a secret, or is one of the environment.

    Those are users and passwords of addresses, values such as ``password=…``, and the values of
    variables that are named for a secret or hold an address.
    """
    variables = os.environ if environment is None else environment
    for name, value in variables.items():
        if "://" in value:
            whole = _SECRET_VARIABLE.search(name) or not parses(value)
            text = _cut(text, _every_part(value) if whole else [*_secrets(value)])
        elif _SECRET_VARIABLE.search(name):
            text = _cut(text, [value])
    text = _USER_IN_TEXT.sub(rf"\1{HIDDEN}@", text)
    text = _SECRET_IN_TEXT.sub(rf"\1={HIDDEN}", text)
    return _WEBHOOK_IN_TEXT.sub(rf"\1{HIDDEN}", text)


def _hidden(mark: str, content: str | None) -> str:
    return "" if content is None else f"{mark}{HIDDEN}"


def _cut(text: str, secrets: Iterator[str] | list[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST_CUT:
            text = text.replace(secret, HIDDEN)
    return text


def _parts(secret: str) -> list[str]:
    """Return every stretch of a secret that is long enough to be no chance."""
    last = max(1, len(secret) - _SHORTEST_CUT)
    return [secret[start : start + _SHORTEST_CUT + 1] for start in range(last)]


def _every_part(address: str) -> list[str]:
    """Return what may be the secret of an address that is one, or does not parse."""
    rest = address.partition("://")[2]
    user = rest.rpartition("@")[0]
    return [address, rest, user, user.partition(":")[2]]


def _secrets(uri: str) -> Iterator[str]:
    """Yield every part of an address that must not be shown, as it may be written."""
    file, parts = _FILE.fullmatch(uri), _URI.fullmatch(uri)
    found = [file["query"]] if file else []
    if parts and not file:
        user = parts["user"] or ""
        found += [user, *user.split(":", 1), parts["query"], parts["fragment"]]
    for query in filter(None, (match["query"] for match in (file, parts) if match)):
        found += [pair.partition("=")[2] or pair for pair in re.split("[&;]", query)]
    for secret in found:
        if secret:
            plain = unquote(secret)
            yield from {secret, plain, unquote_plus(secret), quote(plain, safe=""), quote(plain)}
