"""Days of the hall: those entered at ops, and how far each has come."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

CALENDAR_DAY = Table(
    "calendar_day",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # closed off working extended duty
    Column("name", Text, nullable=False),
    Column("shifts", Text, nullable=False),  # JSON, of an extended day or of one with its own hours
    Column("changed_at", Integer, nullable=False),
    Column("changed_by", Text, nullable=False),
)

HALL_DAY = Table(
    "hall_day",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("phase", Text, nullable=False),  # before open noon after off
    Column("since", Integer, nullable=False),
    Column("closed_at", Integer),  # when its tickets, invitations and sign-ins were ended, and its figures made
)
