"""One row a window, made when the hall first knows it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table, Text

from edge.database import METADATA

WINDOW = Table(
    "window",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("state", Text, nullable=False),  # open paused
    Column("sign", Text),  # while paused: wait_a_moment suspended go_to away
    Column("resume", Text),  # while paused, if known: 14:30
    Column("contact", Text),  # while paused, if there is one
    Column("other", Integer),  # go_to: which window
    Column("place", Text),  # away: where
    Column("staff", Text),  # who has signed in here
    Column("staff_day", Text),  # on which business day
    Column("armed_at", Integer),  # asked for the next ticket and found nobody
    Column("since", Integer, nullable=False),
)
