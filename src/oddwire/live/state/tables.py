"""The tables of the one database that everything about following is committed to."""

from __future__ import annotations

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
)

VERSION = 1
metadata = MetaData()
# SQLite numbers rows by itself only where the column is an INTEGER.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

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

alerts = Table(
    "alerts",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("seen", Double, nullable=False),
    Column("incident", String, nullable=False),
    Column("suppressed", Text, nullable=False),
    Column("content", Text, nullable=False),
    Index("alerts_by_time", "source", "seen"),
    Index("alerts_by_incident", "incident"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("opened", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("closed", Double),
    Column("alerts", BigInteger, nullable=False),
    Column("content", Text, nullable=False),
    Index("incidents_by_time", "source", "updated"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("source", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),
)

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
)
