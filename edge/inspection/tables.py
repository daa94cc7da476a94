"""What was observed; a row is never changed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text

from edge.database import METADATA

OBSERVATION = Table(
    "observation",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("at", Integer, nullable=False),  # when it was seen; UTC, milliseconds
    Column("day", Text, nullable=False),  # in the hall's time, of `at`
    Column("entered_at", Integer, nullable=False),
    Column("how", Text, nullable=False),  # of desk.HOW
    Column("window", Integer),
    Column("place", Text, nullable=False),  # where it was no window
    Column("staff", Text, nullable=False),  # 工号 of whom it is about, empty for nobody
    Column("seen", Text, nullable=False),  # of desk.SEEN, a JSON list
    Column("words", Text, nullable=False),
    Column("measure", Text, nullable=False),  # what was done about it
    Column("by", Text, nullable=False),  # who saw it
    Column("actor", Text, nullable=False),
    Index("observation_day", "day"),
    sqlite_autoincrement=True,
)
