"""Rows of attendance: what terminals recorded, and what is known of each terminal. No face, finger or photo, ever."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint

from edge.database import METADATA

PUNCH = Table(
    "punch",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("device", Text, nullable=False),
    Column("person", Text, nullable=False),  # 工号
    Column("shown", Text, nullable=False),  # what the terminal's clock showed: 2026-03-02T08:01:05
    Column("sequence", Text, nullable=False),
    Column("at", Integer, nullable=False),  # UTC, milliseconds: the shown time less the terminal's offset
    Column("offset_ms", Integer, nullable=False),  # by which it was corrected
    Column("day", Text, nullable=False),  # the hall's date of `at`
    Column("direction", Text, nullable=False),  # in out unknown
    Column("mode", Text, nullable=False),  # face fingerprint palm card password unknown
    Column("live", Integer, nullable=False),
    Column("stored_at", Integer, nullable=False),
    UniqueConstraint("device", "person", "shown", "sequence"),  # one punch is one row for ever
    Index("punch_day", "day", "person"),
)

TERMINAL = Table(
    "terminal",
    METADATA,
    Column("device", Text, primary_key=True),
    Column("bookmark", Text, nullable=False, server_default=""),
    Column("offset_ms", Integer, nullable=False, server_default="0"),
    Column("measured_at", Integer),
    Column("right_at", Integer, nullable=False, server_default="0"),  # when its clock was last found to be right
    Column("was_ms", Integer, nullable=False, server_default="0"),  # by how much it was wrong before that
    Column("was_from", Integer, nullable=False, server_default="0"),
    Column("was_until", Integer, nullable=False, server_default="0"),
    Column("discarded", Integer, nullable=False, server_default="0"),  # biometric records that came and were dropped
)

PERSON = Table(
    "person",
    METADATA,
    Column("id", Text, primary_key=True),  # 工号
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False),  # 派驻单位, of the hall file
    Column("body", Text, nullable=False),  # roster.Person as JSON
    Column("changed_at", Integer, nullable=False),
    Column("changed_by", Text, nullable=False),
)
ENTRY = Table(
    "attendance_entry",
    METADATA,
    Column("seq", Integer, primary_key=True),  # the newest of a ref holds; the others stay, with who and why
    Column("ref", Text, nullable=False),
    Column("kind", Text, nullable=False),  # leave outing duty roll_call study off_post manual_punch excuse
    Column("person", Text, nullable=False),
    Column("first", Integer, nullable=False),  # UTC, milliseconds
    Column("last", Integer, nullable=False),
    Column("body", Text, nullable=False),  # of entries.py, as JSON
    Column("withdrawn", Integer, nullable=False),
    Column("source", Text, nullable=False),  # central csv ops
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Index("attendance_entry_ref", "ref", "seq"),
    Index("attendance_entry_time", "first"),
)
PUBLICATION = Table(
    "publication",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("every", Text, nullable=False),  # weekly monthly quarterly yearly
    Column("first", Text, nullable=False),
    Column("last", Text, nullable=False),
    Column("published_at", Integer, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("rules", Text, nullable=False),  # the profile by which it was made, as JSON
    Column("locked_at", Integer),
    UniqueConstraint("every", "first"),
)
RESULT = Table(
    "attendance_result",
    METADATA,
    Column("publication", Text, primary_key=True),
    Column("person", Text, primary_key=True),
    Column("version", Integer, primary_key=True),  # the newest holds; a correction is a new one
    Column("body", Text, nullable=False),  # the person and the days, as JSON
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", Integer, nullable=False),
)
OBJECTION = Table(
    "objection",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("publication", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("answer", Text),
    Column("upheld", Integer),  # 1: the person was right
    Column("answered_by", Text),
    Column("answered_at", Integer),
    Index("objection_publication", "publication"),
)
