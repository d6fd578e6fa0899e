"""No user, password or token is told: not of an address, and not of what libraries say of it."""

from __future__ import annotations

import time
from urllib.parse import quote, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oddwire.masking import masked, parses, reason, without_secrets

HEAD, TAIL = "hEad0x", "tA1lq9"  # of every secret: in no word of ours
SCHEMES = [
    "http", "https", "postgresql", "postgresql+psycopg2", "mysql+pymysql", "mssql", "sqlite",
    "redis", "rediss", "mlflow-artifacts",
]  # fmt: skip
SIGNS = st.text(st.sampled_from("#/[]?@:%&=;+ .,'\"\\\n\té🙂aZ09*$!"), max_size=8)


@st.composite
def secrets(draw):
    """A secret of any characters, raw or percent-encoded, that begins and ends with marks."""
    plain = f"{HEAD}{draw(SIGNS)}{TAIL}"
    return draw(st.sampled_from([plain, quote(plain, safe=""), quote(plain)]))


@st.composite
def addresses(draw):
    """An address with a secret as user, password, token, or in the query or fragment."""
    secret, scheme = draw(secrets()), draw(st.sampled_from(SCHEMES))
    host = draw(st.sampled_from(["db.example", "db.example:5432", "[::1]:5000", "h", ""]))
    place = draw(st.sampled_from(["", "/", "/mlflow", "/a/b"]))
    forms = [
        f"{scheme}://{secret}@{host}{place}",
        f"{scheme}://{secret}:@{host}{place}",
        f"{scheme}://joe:{secret}@{host}{place}",
        f"{scheme}://{secret}:{secret}@{host}{place}",
        f"{scheme}://jo@e:{secret}@x@{host}{place}",
        f"{scheme}://joe:{secret}@{host}{place}?sslmode=require",
    ]
    if not set(secret) & set("@"):  # which an `@` in a query makes a user of
        forms += [
            f"{scheme}://{host}{place}?{name}={secret}"
            for name in ("password", "sslpassword", "token", "odbc_connect")
        ]
        forms += [f"{scheme}://{host}{place}?{secret}"]
        forms += [f"{scheme}://joe:pw@{host}{place}?a=b&password={secret}#c"]
        if "#" not in secret:
            forms += [f"{scheme}://{host}{place}#{secret}"]
    return draw(st.sampled_from(forms))


def assert_told_nothing(text):
    for part in (HEAD, TAIL, HEAD.lower(), TAIL.lower()):
        assert part not in text


@given(addresses())
@example(f"http://{HEAD}#{TAIL}@host")
@example(f"http://user:{HEAD}/{TAIL}@host")
@example(f"http://user:1/{TAIL}@host")
@example(f"sqlite:///user:{HEAD}?{TAIL}@host")
@example(f"http://host/?password={HEAD}@{TAIL}")
@example(f"sqlite:///#{HEAD}{TAIL}")
@example(f"http://user:{HEAD}[{TAIL}@host")
def test_of_an_address_no_secret_is_shown(address):
    assert_told_nothing(masked(address))
    assert_told_nothing(masked(masked(address)))


@given(addresses())
def test_what_libraries_say_of_an_address_tells_no_secret(address):
    """Python's own, SQLAlchemy's, httpx's and requests' errors, each of the very address."""
    for failing in (_urlsplit_port, _urlopen, _sqlalchemy, _httpx, _requests):
        try:
            failing(address)
        except Exception as error:  # noqa: BLE001 - whatever they raise is what is looked at
            assert_told_nothing(reason(error, address))


@given(addresses(), SIGNS)
def test_whatever_part_of_an_address_is_quoted_it_tells_no_secret(address, more):
    for quoted in (address, repr(address), address.encode().hex(), address[:-1] + more):
        if HEAD in quoted or TAIL in quoted:
            assert_told_nothing(reason(ValueError(f"cannot connect to {quoted}"), address))


def _urlsplit_port(address):
    return urlsplit(address).port


def _urlopen(address):
    from http.client import HTTPConnection

    HTTPConnection(address.partition("://")[2].partition("/")[0])


def _sqlalchemy(address):
    import sqlalchemy

    sqlalchemy.create_engine(address)


def _httpx(address):
    import httpx

    httpx.Response(401, request=httpx.Request("GET", address)).raise_for_status()


def _requests(address):
    import requests

    raise requests.ConnectionError(f"failed: {requests.Request('GET', address).prepare().url}")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:5000/base", "http://127.0.0.1:5000/base"),
        ("https://joe:pw@mlflow.lan:8443/base", "https://***@mlflow.lan:8443/base"),
        ("http://TOKEN@mlflow.lan", "http://***@mlflow.lan"),
        ("http://u:p@s@mlflow.lan", "http://***@mlflow.lan"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("postgresql://u:p@db:5432/mlflow?sslpassword=x", "postgresql://***@db:5432/mlflow?***"),
        ("postgresql://u:p#q@db/mlflow", "postgresql://***"),
        ("sqlite:////home/me@work/a b/mlflow.db", "sqlite:////home/me@work/a b/mlflow.db"),
        ("sqlite:///mlruns/mlflow.db?key=x", "sqlite:///mlruns/mlflow.db?***"),
        ("joe:pw@db", "***"),
        ("http://h/\x1b[31m", "http://***"),
    ],
)
def test_what_finds_a_server_is_still_shown(address, shown):
    assert masked(address) == shown


@pytest.mark.parametrize("address", ["http://[::1", "http://u:p/w@h", "u:p@h", "http://h:port", ""])
def test_what_does_not_parse_is_told_apart(address):
    assert not parses(address)
    assert reason(ValueError(f"no address: {address}"), address) == "ValueError"


def test_what_a_library_says_is_kept_where_it_tells_nothing():
    address = "postgresql://mlflow:hunter22@db:5432/mlflow"
    error = OSError(f"connection to {address} failed:   refused\nsecond line")
    assert reason(error, address) == (
        "connection to postgresql://***@db:5432/mlflow failed: refused"
    )


def test_a_long_text_is_looked_through_in_no_time():
    for word in ("x", "http://x", "password=", "webhook: "):
        text = word * (1_000_000 // len(word))
        begun = time.monotonic()
        without_secrets(text, {})
        assert time.monotonic() - begun < 10


def test_a_text_loses_the_secrets_of_the_environment_and_whatever_looks_like_one():
    environment = {
        "MLFLOW_TRACKING_URI": "http://joe:hunter%2122@h",
        "MLFLOW_TRACKING_PASSWORD": "correct-horse",
        "PREFECT_API_KEY": "pnu_12345678",
        "PREFECT_API_AUTH_STRING": "admin:battery-staple",
        "ODDWIRE_WEBHOOK": "https://hooks.example/services/T0/SLACKTOKEN",
        "ODDWIRE_OPTUNA_STORAGE": "postgresql://u:half/part@db/x",
        "HOME": "/home/joe",
        "PWD": "/home/joe/work",
    }
    text = " ".join([
        *environment.values(), "hunter!22", "redis://:elsewhere@cache:6379", "?sslpassword=inquery",
        "half/part", '\n+  webhook: "https://hooks.example/OLD"\n',
    ])  # fmt: skip
    shown = without_secrets(text, environment)
    for secret in (
        "hunter", "correct-horse", "12345678", "battery", "SLACKTOKEN", "elsewhere", "inquery",
        "part", "OLD",
    ):  # fmt: skip
        assert secret not in shown
    assert "/home/joe/work" in shown
    assert "cache:6379" in shown
