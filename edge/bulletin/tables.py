"""One row an entry and one a version of it; texts over everything, those of the past too."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, text

from edge.database import METADATA

BULLETIN = Table(
    "bulletin",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # notice result commitment
    Column("position", Integer, nullable=False),  # in the playlist, the smallest first
    Column("withdrawn_at", Integer),
    Column("withdrawn_by", Text),  # a person's name, as all `_by` here
)

BULLETIN_VERSION = Table(
    "bulletin_version",
    METADATA,
    Column("bulletin", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # from 1
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("results", Text, nullable=False),  # JSON: of persons only masked names
    Column("zones", Text, nullable=False),  # JSON, empty: all
    Column("first", Text, nullable=False),  # business days
    Column("last", Text),  # empty: until withdrawn
    Column("entered_at", Integer, nullable=False),
    Column("entered_by", Text, nullable=False),
    Column("approved_at", Integer),
    Column("approved_by", Text),
)

EMERGENCY = Table(
    "emergency",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("words", Text, nullable=False),
    Column("zones", Text, nullable=False),  # JSON, empty: all
    Column("set_at", Integer, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("cleared_at", Integer),
    Column("cleared_by", Text),
    Index("emergency_stands", "set_at", sqlite_where=text("cleared_at IS NULL")),
)
