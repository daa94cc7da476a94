"""Rows of the watch over the windows: what was found amiss, from the first look to the last."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, text

from edge.database import METADATA

ALARM = Table(
    "attendance_alarm",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),  # of posts.Kind
    Column("window", Integer),
    Column("person", Text),  # 工号, where it speaks of one
    Column("since", Integer, nullable=False),  # the first look that found it; UTC, milliseconds, as all of these
    Column("seen_at", Integer, nullable=False),  # the last one
    Column("raised_at", Integer),  # when somebody was told; what ends before that leaves no row
    Column("ended_at", Integer),
    Column("body", Text, nullable=False),  # the words, the clause, the persons, as JSON
    Index("attendance_alarm_open", "key", unique=True, sqlite_where=text("ended_at IS NULL")),
    Index("attendance_alarm_time", "since"),
)
