"""How far the relay has come, and the events that the centre refused to take."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

RELAY = Table(
    "relay",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("delivered", Integer, nullable=False),  # every event up to this seq is with the centre, or parked
)

PARKED = Table(
    "relay_parked",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("key", Text, nullable=False, index=True),
    Column("type", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("at", Integer, nullable=False),
)
