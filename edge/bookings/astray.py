"""Bookings for times that are no longer open: the calendar was changed later, or the service has gone."""

from __future__ import annotations

from typing import Any

from edge.clock import Now
from edge.hall import Hall
from edge.queue import board, vacancies
from edge.statements import Statements

View = dict[str, Any]
OF_TIME = "SELECT id FROM appointment WHERE state='booked' AND day=? AND service=? AND starts=? AND ends=? ORDER BY id"
ADVICE = {
    "online": "请中心通知本人，再改约",
    "phone": "本厅没有留电话：本人来电、到场时改约，或由中心通知",
    "onsite": "本厅没有留电话：本人来电、到场时改约，或由中心通知",
}
GONE = "这项业务不能改约：请告诉本人到哪里办，再取消"


def to_rebook(connection: Statements, hall: Hall, now: Now) -> list[View]:
    """JSON-ready, earliest first: `board.appointment` with `why` it must be moved and what is `todo`."""
    found = []
    for each in vacancies.strays(connection, hall, now):
        ids = connection.exec_driver_sql(OF_TIME, each[:4]).all()
        for (id_,) in ids:
            view = board.appointment(connection, hall, id_)
            todo = ADVICE[view["channel"]] if each.service in hall.service else GONE
            found.append(view | {"why": each.why, "todo": todo})
    return found
