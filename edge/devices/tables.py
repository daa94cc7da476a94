"""Links that a person bound, the ledger of the equipment, and when each device last worked."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

DEVICE_LINK = Table(
    "device_link",
    METADATA,
    Column("device", Text, primary_key=True),  # without a row it has the hall file's
    Column("link", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("actor", Text, nullable=False),
)

ASSET_ENTRY = Table(
    "asset_entry",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("at", Integer, nullable=False),  # UTC, milliseconds
    Column("day", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("number", Text, nullable=False, index=True),  # 统一编号
    Column("kind", Text, nullable=False),  # of ledger.KINDS
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("device", Text, nullable=False),  # of the hall file; empty for what has no wire
    Column("place", Text, nullable=False),
    Column("keeper", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("checked_by", Text, nullable=False),
    Column("reason", Text, nullable=False),  # of ledger.REASONS or ledger.FOUND
    Column("due", Text, nullable=False),  # when a loan ends: 2026-03-31
    Column("note", Text, nullable=False),
    sqlite_autoincrement=True,
)

DEVICE_SEEN = Table(
    "device_seen",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("at", Integer, nullable=False),  # when it came, or when it stopped working; UTC, milliseconds
    Column("up", Integer, nullable=False),
)
