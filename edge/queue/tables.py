"""Rows of the queue: tickets and their number series, whose they are, bookings, and the print jobs."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

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
    Column("rank", Integer, nullable=False, server_default="0"),  # taken_at less the lead: see balance
    Column("priority", Text),
    Column("priority_source", Text),  # card declared appointment
    Column("window", Integer),
    Column("for_window", Integer),  # transferred to this window, and to no other; 0: to none yet
    Column("for_staff", Text),  # transferred to this clerk, at whichever window
    Column("not_before", Integer),  # UTC, milliseconds; `for_window` is 0 until then
    Column("due_window", Integer),  # what `for_window` becomes then
    Column("visit", Text),  # the service of several steps that it is for; `service` is the present step
    Column("step", Integer, nullable=False, server_default="0"),
    Column("since", Integer),  # of its present state
    Column("taken_at", Integer, nullable=False),
    Column("called_at", Integer),
    Column("started_at", Integer),
    Column("held_at", Integer),
    Column("ended_at", Integer),
    Column("recalls", Integer, nullable=False, server_default="0"),  # of the present call
    Column("returns", Integer, nullable=False, server_default="0"),
    Column("hold", Text),  # without_papers with_papers waiting
    Column("outcome", Text),  # instant committed supplement rejected joint advice rebooked
    Column("assisted", Boolean, nullable=False, server_default="0"),  # 帮办代办 was asked for
    Column("helper", Text),  # 工号 of who helps, once that is known
    Column("expected", Float),  # minutes until the call, by rollout at the issue; none where nothing could be said
    Column("by_mean", Float),  # the same by the mean time of those ahead
    Column("told_low", Integer),  # minutes, as the visitor was told at the issue
    Column("told_minutes", Integer),
    Column("told_high", Integer),
    UniqueConstraint("day", "prefix", "ordinal"),
    # Only who waits stands in it: a call takes one entry away, and no later move touches it.
    Index("ticket_line", "service", "rank", "position", sqlite_where=text("state = 'waiting'")),
    Index("ticket_window", "window", "day", sqlite_where=text("window IS NOT NULL")),
    Index("ticket_held", "day", sqlite_where=text("state = 'held'")),
    Index("ticket_for", "for_window", sqlite_where=text("for_window IS NOT NULL AND state = 'waiting'")),
    # No window ever has two tickets in hand, whatever the code above believes.
    Index("ticket_in_hand", "window", unique=True, sqlite_where=text("state IN ('called', 'serving')")),
    info={"upkeep": ("DROP INDEX IF EXISTS ticket_order", "DROP INDEX IF EXISTS ticket_day")},
)

LINE = Table(
    "line",
    METADATA,
    Column("service", Text, primary_key=True),
    Column("waiting", Integer, nullable=False),
    info={
        # How long each line is weighs at every call; counting long lines took longer than all else. The store keeps
        # count itself, so that no move can forget to.
        "upkeep": (
            "CREATE TRIGGER IF NOT EXISTS line_joined AFTER INSERT ON ticket WHEN new.state='waiting' BEGIN"
            " INSERT INTO line (service, waiting) VALUES (new.service, 1)"
            " ON CONFLICT (service) DO UPDATE SET waiting=waiting + 1; END",
            "DROP TRIGGER IF EXISTS line_changed",
            "CREATE TRIGGER IF NOT EXISTS line_came AFTER UPDATE OF state, service ON ticket"
            " WHEN new.state='waiting' AND (old.state <> 'waiting' OR old.service <> new.service) BEGIN"
            " INSERT INTO line (service, waiting) VALUES (new.service, 1)"
            " ON CONFLICT (service) DO UPDATE SET waiting=waiting + 1; END",
            "CREATE TRIGGER IF NOT EXISTS line_went AFTER UPDATE OF state, service ON ticket"
            " WHEN old.state='waiting' AND (new.state <> 'waiting' OR old.service <> new.service) BEGIN"
            " UPDATE line SET waiting=waiting - 1 WHERE service=old.service; END",
            "CREATE TRIGGER IF NOT EXISTS line_left AFTER DELETE ON ticket WHEN old.state='waiting' BEGIN"
            " UPDATE line SET waiting=waiting - 1 WHERE service=old.service; END",
            "INSERT OR REPLACE INTO line (service, waiting)"
            " SELECT service, sum(state='waiting') FROM ticket GROUP BY service",
        )
    },
)

TICKET_PERIOD = Table(
    "ticket_period",
    METADATA,
    Column("ticket", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),  # the journal's, of the move that ended it
    Column("kind", Text, nullable=False),  # waiting called serving held missed: the state that ended
    Column("service", Text, nullable=False),
    Column("window", Integer),  # none where it costs no window any time
    Column("clerk", Text),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Index("ticket_period_served", "window", "start", sqlite_where=text("kind = 'serving'")),
    sqlite_with_rowid=False,
)

SERVICE_TIME = Table(
    "service_time",
    METADATA,
    Column("day", Text, primary_key=True),
    Column("service", Text, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("at_window_ms", Integer, nullable=False),  # of those called: to the end, or until they were given up
    Column("wraps", Integer, nullable=False),  # how often the next one waited already
    Column("wrapping_ms", Integer, nullable=False),  # until that one was called
    sqlite_with_rowid=False,
)

FORECAST_RESIDUAL = Table(
    "forecast_residual",
    METADATA,
    Column("seq", Integer, primary_key=True),  # the journal's, of a ticket's first call
    Column("rollout", Float, nullable=False),  # minutes, as expected at its issue
    Column("by_mean", Float, nullable=False),
    Column("actual", Float, nullable=False),
)

NOTICE = Table(
    "notice",
    METADATA,
    Column("code", Text, primary_key=True),  # what its paper says: whoever has it may come back with it
    Column("ticket", Text, nullable=False),  # whose visit it ended
    Column("service", Text, nullable=False),
    Column("outcome", Text, nullable=False),  # supplement rejected
    Column("missing", Text, nullable=False),  # what was ticked, a JSON list; the clerk's own words are on paper only
    Column("day", Text, nullable=False),
    Column("used_by", Text),  # the ticket that was taken with it
)

PERSON_TICKET = Table(
    "person_ticket",
    METADATA,
    Column("ticket", Text, primary_key=True),
    Column("mark", Text, nullable=False, index=True),
    Column("sealed", LargeBinary),  # empty unless a hall must have the number back
    Column("until", Integer),  # its ticket's day is over: forgotten once every event up to this seq is delivered
)

APPOINTMENT = Table(
    "appointment",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("number", Text, nullable=False),  # six digits
    Column("service", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("starts", Text, nullable=False),  # 09:00, the hall's time
    Column("ends", Text, nullable=False),
    Column("channel", Text, nullable=False),  # onsite phone online
    Column("state", Text, nullable=False),  # booked checked_in late cancelled missed
    Column("mark", Text, index=True),
    Column("phone_mark", Text),  # of day, number and the last four digits
    Column("phone_day", Text),  # the day of that mark, where the booking was moved since
    Column("code", Text, nullable=False, unique=True),  # what its QR code says
    Column("ticket", Text),
    Column("until", Integer),  # as above, for the marks
    Column("created_at", Integer, nullable=False),
    Column("ref", Text),  # the centre's own name of it
    Column("told", Text),  # JSON: conditions, materials and version as they were told
    Column("told_at", Integer),
    UniqueConstraint("number", "day"),
    Index("appointment_ref", "ref", unique=True, sqlite_where=text("ref IS NOT NULL")),
    Index("appointment_state", "state", "day"),
    Index("appointment_known", "day", sqlite_where=text("mark IS NOT NULL OR phone_mark IS NOT NULL")),
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
