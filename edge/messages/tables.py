"""Numbers of visitors who asked for messages, sealed, and one row a message."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from edge.database import METADATA

CONTACT = Table(
    "contact",
    METADATA,
    Column("ticket", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),  # vault.seal(number, about=ticket)
    Column("mark", Text, nullable=False),  # vault.mark("phone", number)
    Column("ahead", Integer, nullable=False),  # how many were ahead when it was given: these it has been told of
    Column("day", Text, nullable=False, index=True),
    Column("event", Integer, nullable=False),  # seq of the last event that refers to it
)

MESSAGE = Table(
    "message",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("ticket", Text, nullable=False),
    Column("kind", Text, nullable=False),  # issued soon come
    Column("occasion", Integer, nullable=False),  # which one: how many ahead for soon, called_at for come, else 0
    Column("mark", Text),  # of the number it is for; forgotten with that
    Column("day", Text, nullable=False),
    Column("state", Text, nullable=False),  # wanted sending sent delivered failed unknown expired suppressed
    Column("why", Text),
    Column("wanted_at", Integer, nullable=False),
    Column("until", Integer, nullable=False),  # not sent after it
    Column("device", Text),
    Column("sent_at", Integer),  # given to the device; empty when it is certain that nothing went out
    Column("done_at", Integer),
    Column("reference", Text),  # the device's, for the network's report
    UniqueConstraint("ticket", "kind", "occasion", "mark"),
    Index("message_open", "state", "until"),
    Index("message_day", "day", "mark"),
)
