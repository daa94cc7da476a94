"""The place of a waiting ticket in its line, which is ordered by (rank, position): see balance."""

from __future__ import annotations

from datetime import date
from typing import Literal, get_args

from edge.clock import Now
from edge.database import Session
from edge.hall import Hall
from edge.queue import balance
from edge.queue.slots import moment
from edge.statements import Rows

Place = Literal["first", "last", "sorted"]
"""Before the whole line; as if its number were taken now; by the time at which it was taken."""
PLACES: tuple[Place, ...] = get_args(Place)

OTHERS = "FROM ticket WHERE state='waiting' AND service=:service AND id<>:id"


def put(session: Session, hall: Hall, now: Now, ticket: str, service: str, place: Place) -> None:
    """In the line of this service; sorted leaves it where the time of its number puts it."""
    if place == "first":
        _before(session, ticket, service, "")
    elif place == "last":
        put_last(session, hall, now, ticket)


def _run(session: Session, sql: str, ticket: str, service: str, **more: int) -> Rows:
    return session.connection.exec_driver_sql(sql, {"id": ticket, "service": service} | more)


def _before(session: Session, ticket: str, service: str, whom: str) -> None:
    sql = f"UPDATE ticket SET rank=min(rank, coalesce((SELECT min(rank) - 1 {OTHERS} {whom}), rank)) WHERE id=:id"  # noqa: S608  our own words
    _run(session, sql, ticket, service)


def put_urgent(session: Session, hall: Hall, ticket: str, service: str) -> None:
    """By the hall's lead for 加急, or, where it has none, before everyone but those whom the law puts first."""
    lead = balance.lead_ms(hall.priority, balance.Claim("urgent", "declared"))
    if lead:
        session.connection.exec_driver_sql("UPDATE ticket SET rank=min(rank, taken_at - ?) WHERE id=?", (lead, ticket))
    else:
        _before(session, ticket, service, f"AND rank > -{balance.STRICT // 2}")


LAST_SQL = """
UPDATE ticket SET rank = max(:at, (SELECT max(at) FROM journal)) - :lead,
  position = (SELECT max(seq) FROM journal) WHERE id=:id
"""


BOOKED_SQL = "SELECT day, starts FROM appointment WHERE ticket=? AND state='checked_in'"


def put_last(session: Session, hall: Hall, now: Now, ticket: str) -> None:
    """As if its number were taken now: behind all of its own class. Call it after the move's event is written."""
    run = session.connection.exec_driver_sql
    reason = run("SELECT priority FROM ticket WHERE id=?", (ticket,)).scalar_one()
    booked = run(BOOKED_SQL, (ticket,)).first() if reason == "appointment" else None
    # Whoever is still early counts from the booked time on: to be put last is no way to the front.
    early = moment(date.fromisoformat(booked[0]), booked[1], hall.zone_info) - now.at if booked else 0
    lead = balance.lead_ms(hall.priority, balance.Claim(reason, "declared", max(0, early))) if reason else 0
    run(LAST_SQL, {"at": now.at, "lead": lead, "id": ticket})


def put_back(session: Session, ticket: str, service: str, places: int) -> None:
    """Behind so many others of the line, or behind all of them where they are fewer; never before its own place."""
    sql = f"SELECT rank, position {OTHERS} ORDER BY rank, position LIMIT :places"
    line = _run(session, sql, ticket, service, places=places).all()
    if line:
        rank, position = line[-1]
        session.connection.exec_driver_sql(
            "UPDATE ticket SET rank=?, position=? WHERE id=? AND (rank, position) < (?, ?)",
            (rank, position + 1, ticket, rank, position),
        )
