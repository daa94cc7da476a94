"""One row a finished service: the invitation and what came of it; and what was done about the bad ones."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, text

from edge.database import METADATA

EVALUATION = Table(
    "evaluation",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("ticket", Text, nullable=False, unique=True),  # 一次一评
    Column("window", Integer, nullable=False),
    Column("staff", Text),  # who served
    Column("state", Text, nullable=False),  # invited rated timed_out cancelled device_fault
    Column("invited_at", Integer, nullable=False),
    Column("expires_at", Integer, nullable=False),
    Column("seq", Integer, nullable=False, server_default="0"),  # the journal's, when it opened
    Column("ended_at", Integer),
    Column("calls", Integer, nullable=False, server_default="0"),  # made here while it was open
    Column("level", Integer),  # 5 非常满意 … 1 非常不满意
    Column("channel", Text),
    Column("reasons", Text),
    Column("comment", Text),
    # One invitation at a time is open at a window: a press there can mean no other service.
    Index("evaluation_open", "window", unique=True, sqlite_where=text("state = 'invited'")),
    Index("evaluation_bad", "ended_at", sqlite_where=text("level <= 2")),
    info={
        "upkeep": (
            "CREATE TRIGGER IF NOT EXISTS evaluation_called AFTER UPDATE OF state ON ticket"
            " WHEN new.state='called' AND old.state<>'called' BEGIN"
            " UPDATE evaluation SET calls=calls + 1 WHERE window=new.window AND state='invited'; END",
        )
    },
)

REVIEW_STEP = Table(
    "bad_review_step",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("evaluation", Text, nullable=False),
    Column("at", Integer, nullable=False),  # UTC, milliseconds
    Column("step", Text, nullable=False),  # of bad_reviews.STEPS
    Column("by", Text, nullable=False),  # who answers for it
    Column("words", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Index("bad_review_step_evaluation", "evaluation"),
    sqlite_autoincrement=True,
)
"""A row is never changed: the last one of an evaluation says where it stands, none that it waits to be verified."""

STRAY = Table(
    "evaluation_stray",
    METADATA,
    Column("window", Integer, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("presses", Integer, nullable=False),  # pressed outside any invitation: counted, given to nobody
)
