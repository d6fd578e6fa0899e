"""The tables of the one database that everything about following is committed to."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    inspect,
    literal_column,
    select,
)

from oddwire.errors import ServiceError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Dialect


VERSION = 3
metadata = MetaData()
# SQLite numbers rows by itself only where the column is an INTEGER.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")
# Compared letter by letter, whatever the language of a PostgreSQL: what begins with a text is a
# range of the index.
_NAME = String().with_variant(String(collation="C"), "postgresql")


class PackedText(TypeDecorator[str]):
    """Text of which the database holds compressed bytes: of JSON, about a third."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, _: Dialect) -> bytes | None:
        """Return what the database holds of a text."""
        return None if value is None else zlib.compress(value.encode(), level=1)

    def process_result_value(self, value: bytes | None, _: Dialect) -> str | None:
        """Return the text again."""
        return None if value is None else zlib.decompress(value).decode()


versions = Table("oddwire_live", metadata, Column("version", Integer, primary_key=True))

followers = Table(
    "followers",
    metadata,
    Column("source", String, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("token", String, nullable=False),  # of the last commit: was it ours?
    Column("position", LargeBinary, nullable=False),
)

carried = Table(
    "carried",
    metadata,
    Column("source", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

# The rows of commits, while windows need them or a restart would replay them.
carried_rows = Table(
    "carried_rows",
    metadata,
    Column("source", String, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of the commit
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("carried_rows_by_time", "source", "last"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("source", String, primary_key=True),
    Column("number", BigInteger, nullable=False),  # of the commit that it was written with
    Column("content", LargeBinary, nullable=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("source", String, primary_key=True),
    Column("at", Double, nullable=False),
    Column("content", Text, nullable=False),
)

# Each list is read along one index that ends with its order: no list looks at all rows.
alerts = Table(
    "alerts",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("source", String, nullable=False),
    Column("seen", Double, nullable=False),
    Column("incident", _NAME, nullable=False),
    Column("suppressed", Text, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("source_address", _NAME, nullable=False),
    Column("destination", _NAME, nullable=False),
    Column("content", PackedText, nullable=False),
    Index("alerts_by_time", "source", "seen", "id"),
    Index("alerts_by_severity", "source", "severity", "seen", "id"),
    Index("alerts_by_kind", "source", "kind", "severity", "seen", "id"),
    # With the ends: whether an address took part in an incident is seen in the index alone.
    Index("alerts_of_incident", "incident", "seen", "id", "source_address", "destination"),
    Index("alerts_from", "source_address", "seen", "id", "incident"),
    Index("alerts_to", "destination", "seen", "id", "incident"),
)

# What a flood raised beyond that: those of an incident that were committed together.
more_alerts = Table(
    "more_alerts",
    metadata,
    Column("id", _NAME, primary_key=True),  # in the order of the commits, within an incident
    Column("incident", _NAME, nullable=False),
    Column("alerts", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("more_alerts_of_incident", "incident", "id"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", _NAME, primary_key=True),
    Column("source", String, nullable=False),
    Column("opened", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("closed", Double),
    Column("alerts", BigInteger, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("content", PackedText, nullable=False),
    Index("incidents_by_time", "source", "opened", "id"),
    Index("incidents_by_severity", "source", "severity", "opened", "id"),
    Index("incidents_by_kind", "source", "kind", "severity", "opened", "id"),
    Index("incidents_by_end", "source", "closed", "opened", "id"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", PackedText, nullable=False),
    Column("incident", _NAME, nullable=False),
    Column("at", Double, nullable=False),  # when it was committed, by this machine's clock
    Index("messages_of_incident", "incident", "at"),
)

# Those are few: they would be looked for among all.
SUPPRESSED = alerts.c.suppressed != literal_column("''")
_suppressed_alerts = Index(
    "alerts_suppressed", alerts.c.source, alerts.c.seen, alerts.c.id,
    sqlite_where=SUPPRESSED, postgresql_where=SUPPRESSED,
)  # fmt: skip
alerts.indexes.remove(_suppressed_alerts)  # `make_tables` makes it

# Its rows are written by the sinks' threads and by commits: each has columns of its own.
sinks = Table(
    "sinks",
    metadata,
    Column("source", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("delivered", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("dead", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("trouble", Text, nullable=False),
    Column("since", Double),
    Column("place", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("entry", _NUMBER, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("sink", String, nullable=False),
    Column("message", String, ForeignKey("messages.id"), nullable=False),
    # What a sink is about to deliver: no policy drops it, and after a kill it comes first again.
    Column("taken", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("draw", BigInteger, nullable=False),  # by the id: the lowest stay in a sample
    Index("outbox_in_order", "source", "sink", "entry"),
    Index("outbox_of_message", "message"),
    sqlite_autoincrement=True,  # a number is never given twice
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("entry", _NUMBER, primary_key=True, autoincrement=False),
    Column("source", String, nullable=False),
    Column("sink", String, nullable=False),
    Column("message", String, ForeignKey("messages.id"), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Double, nullable=False),
    Index("dead_letters_of_message", "message"),
)


FOREIGN = (
    "the store of alerts must be a database of its own, got one that holds the table {!r:.80}: "
    "name another in ODDWIRE_ALERTS_STORE"
)


def refuse_foreign(connection: Connection) -> None:
    """Refuse a database with tables of others that are called like ours, before making any.

    Raises
    ------
    ServiceError
        Naming one of its tables.
    """
    there = set(inspect(connection).get_table_names())
    if versions.name not in there and (others := there & set(metadata.tables)):
        raise ServiceError(FOREIGN.format(min(others)))


def make_tables(connection: Connection) -> None:
    """Make the tables and indexes that are not there yet."""
    metadata.create_all(connection)
    # SQLAlchemy makes the indexes of a table in any order, and of two that seem to serve as well
    # SQLite takes the newest one: that must be this one, which is the smaller by far.
    _suppressed_alerts.create(connection, checkfirst=True)


def check_version(connection: Connection) -> bool:
    """Return whether the tables have been made.

    Raises
    ------
    ServiceError
        If they are of another version.
    """
    found = connection.scalar(select(versions.c.version))
    if found not in {None, VERSION}:
        raise ServiceError(
            f"the store of alerts must have tables of version {VERSION}, got version {found}, of "
            "another release of oddwire: begin with another ODDWIRE_ALERTS_STORE, or move "
            "data/live/alerts.db away; verdicts in labels/ stay"
        )
    return found is not None
