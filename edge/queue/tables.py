"""Rows of the queue: tickets, their number series, and the print jobs written together with them."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table, Text, UniqueConstraint, text

from edge.database import METADATA

TICKET = Table(
    "ticket",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("day", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("kiosk", Text),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("position", Integer, nullable=False),  # the seq of its issue: the hall's order of arrival
    Column("window", Integer),
    Column("for_window", Integer),  # transferred to this window, and to no other
    Column("taken_at", Integer, nullable=False),
    Column("called_at", Integer),
    Column("started_at", Integer),
    Column("held_at", Integer),
    Column("ended_at", Integer),
    Column("recalls", Integer, nullable=False, server_default="0"),
    UniqueConstraint("day", "prefix", "ordinal"),
    Index("ticket_line", "state", "service", "position"),
    Index("ticket_day", "day", "window"),
    Index("ticket_for", "for_window", sqlite_where=text("for_window IS NOT NULL AND state = 'waiting'")),
    # No window ever has two tickets in hand, whatever the code above believes.
    Index("ticket_in_hand", "window", unique=True, sqlite_where=text("state IN ('called', 'serving')")),
)

SERIES = Table(
    "series",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("prefix", Text, primary_key=True),
    Column("last", Integer, nullable=False),
)

PRINT_JOB = Table(
    "print_job",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("ticket", Text, nullable=False),  # "" for a notice without one
    Column("template", Text, nullable=False, server_default="ticket"),
    Column("content", Text),  # a notice's values, persons masked; forgotten once printed
    Column("printer", Text, nullable=False),
    Column("copy", Boolean, nullable=False),  # marked 补打 on the paper
    Column("state", Text, nullable=False),  # wanted sent printed unknown
    Column("wanted_at", Integer, nullable=False),
    Column("sent_at", Integer),
    Column("done_at", Integer),
    Index("print_job_ticket", "ticket"),
    Index("print_job_open", "printer", "state"),
)
