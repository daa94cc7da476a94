"""The figures of days that are over, as they were made when each was closed."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

DAY_FIGURES = Table(
    "day_figures",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # day priority
    Column("made_at", Integer, nullable=False),
    Column("body", Text, nullable=False),  # JSON: numbers and ids, no names
)
