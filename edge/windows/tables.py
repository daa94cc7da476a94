"""One row a window, made when the hall first knows it; how it differs from the file; what it told, what was noticed."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, text

from edge.database import METADATA

WINDOW = Table(
    "window",
    METADATA,
    Column("no", Integer, primary_key=True),
    Column("state", Text, nullable=False),  # open paused
    Column("sign", Text),  # while paused: wait_a_moment suspended go_to away noon; closed until it is opened again
    Column("resume", Text),  # while paused, if known: 14:30
    Column("contact", Text),  # while paused, if there is one
    Column("other", Integer),  # go_to, noon: which window
    Column("place", Text),  # away: where
    Column("staff", Text),  # who has signed in here
    Column("staff_day", Text),  # on which business day
    Column("staff_since", Integer),
    Column("armed_at", Integer),  # asked for the next ticket and found nobody
    Column("since", Integer, nullable=False),
    Column("closed_on", Text),  # the business day for which it was closed
    Column("handing_to", Text),  # whom who is signed in has asked to take over
    Column("handing_at", Integer),
    Column("principal", Text),  # whose window it is while it is handed over
    Column("deputy", Text),  # who took it over last, and answers for it
    Column("noon_at", Integer),  # when it was last put on its noon break by the clock
)

CHANGE = Table(
    "window_change",
    METADATA,
    Column("id", Integer, primary_key=True),  # the newest of a window holds; the newest of all is their revision
    Column("window", Integer, nullable=False),
    Column("config", Text),  # JSON: what differs from the hall file; all of a window that it has not; none: no more
    Column("until", Text),  # the last business day on which it holds; none: until it is changed
    Column("at", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Index("window_change_window", "window", "id"),
)

ALERT = Table(
    "window_alert",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("window", Integer, nullable=False),
    Column("kind", Text, nullable=False),  # of hallwindows.AlertKind; kiosk:1 of a kiosk, whose window is 0
    Column("words", Text, nullable=False),
    Column("staff", Text),  # who was signed in
    Column("raised_at", Integer, nullable=False),  # UTC, milliseconds, as all of these
    Column("due_at", Integer, nullable=False),  # told again when nobody has acknowledged it by then
    Column("escalated_at", Integer),
    Column("acknowledged_at", Integer),
    Column("acknowledged_by", Text),
    Column("closed_at", Integer),
    Column("closed_by", Text),
    Column("done", Text),
    Column("closed_on", Text),
    Index("window_alert_waits", "window", "kind", unique=True, sqlite_where=text("acknowledged_at IS NULL")),
    Index("window_alert_open", "raised_at", sqlite_where=text("closed_at IS NULL")),
    Index("window_alert_closed", "closed_at"),
)

NOTICE = Table(
    "window_notice",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),  # of load.Kind
    Column("since", Integer, nullable=False),  # the first look that found it
    Column("seen_at", Integer, nullable=False),  # the last one
    Column("raised_at", Integer),  # when somebody was told; what ends before that leaves no row
    Column("ended_at", Integer),
    Column("body", Text, nullable=False),  # the words, as JSON
    Index("window_notice_open", "key", unique=True, sqlite_where=text("ended_at IS NULL")),
)

ZONE_HOUR = Table(
    "zone_hour",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("zone", Text, primary_key=True),
    Column("hour", Integer, primary_key=True),  # of the hall's clock
    Column("looks", Integer, nullable=False),
    Column("people", Integer, nullable=False),  # who waited, summed over the looks
    Column("peak", Integer, nullable=False),
)
