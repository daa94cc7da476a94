"""Links that a person bound to a device; without a row it has the hall file's."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

DEVICE_LINK = Table(
    "device_link",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("link", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("actor", Text, nullable=False),
)
