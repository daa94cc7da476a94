"""Rows of attendance: what terminals recorded, and what is known of each terminal. No face, finger or photo, ever."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from edge.database import METADATA

PUNCH = Table(
    "punch",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("person", Text, nullable=False),  # 工号
    Column("shown", Text, nullable=False),  # what the terminal's clock showed: 2026-03-02T08:01:05
    Column("sequence", Text, nullable=False),
    Column("at", Integer, nullable=False),  # UTC, milliseconds: the shown time less the terminal's offset
    Column("offset_ms", Integer, nullable=False),  # by which it was corrected
    Column("day", Text, nullable=False),  # the hall's date of `at`
    Column("direction", Text, nullable=False),  # in out unknown
    Column("mode", Text, nullable=False),  # face fingerprint palm card password unknown
    Column("live", Integer, nullable=False),
    Column("stored_at", Integer, nullable=False),
    UniqueConstraint("device", "person", "shown", "sequence"),  # one punch is one row for ever
    Index("punch_day", "day", "person"),
)

TERMINAL = Table(
    "terminal",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("bookmark", Text, nullable=False, server_default=""),
    Column("offset_ms", Integer, nullable=False, server_default="0"),
    Column("measured_at", Integer),
    Column("discarded", Integer, nullable=False, server_default="0"),  # biometric records that came and were dropped
)
