"""Tokens, kept only as hashes, and the answers stored for repeated requests."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

TOKEN = Table(
    "token",
    METADATA,
    Column("hash", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text),  # the one window, pad, kiosk or zone it is for; NULL: all
    Column("made_at", Integer, nullable=False),
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("at", Integer, nullable=False, index=True),
)
