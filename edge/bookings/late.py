"""What a visitor is told who comes for a booking after its time."""

from __future__ import annotations

from edge.hall import Hall
from edge.queue.appointments import Appointment


def words(hall: Hall, it: Appointment) -> dict[str, str] | None:
    """In two languages, why this is an ordinary number; None where it is not."""
    if it.state != "late":
        return None
    grace = hall.booking.late_grace
    over, past = (f"已过{grace}分钟", f"more than {grace} minutes ago") if grace else ("时间已过", "before now")
    return {
        "words": f"您预约的{it.time}{over}，已为您取普通号",
        "words_en": f"Your booked time {it.time} ended {past}: this is an ordinary number",
    }
