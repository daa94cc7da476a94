"""What requests about bookings say, beside what the queue's do."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from edge.queue.bodies import NewAppointment, Reason, Slot

REF = r"^[A-Za-z0-9._:-]{1,64}$"


def _names_nobody(value: str) -> str:
    """It stands in events, and in the answers to everybody who may see the booking."""
    if re.fullmatch(r"\d{17}[\dXx]|(86)?1\d{10}", value):
        raise ValueError("a reference must not be a number of a person or a phone")
    return value


Ref = Annotated[
    str, Field(description="the centre's own name of the booking", pattern=REF), AfterValidator(_names_nobody)
]


class NewBooking(NewAppointment):
    ref: Ref | None = None
    beyond_quota: Annotated[bool, Field(description="desk and ops: although the slots are full")] = False
    kiosk: Annotated[str | None, Field(description="id of the kiosk whose printer prints the slip", max_length=32)] = (
        None
    )


class NewTime(Slot):
    reason: Reason = ""
    beyond_quota: Annotated[bool, Field(description="desk and ops: although the slots are full")] = False
