"""What requests of the queue say: their bodies, each field with its meaning; an unknown one is refused."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge.hall import PriorityReason
from edge.hallqueue import Hold, Outcome
from edge.queue.appointments import Channel
from edge.queue.places import Place


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


ServiceId = Annotated[str, Field(description="id of the service", examples=["pension"], max_length=32)]
CardHandle = Annotated[str, Field(description="`card` of what lies on the kiosk's reader", max_length=64)]


class Here(Body):
    """Where a number is taken."""

    channel: Annotated[Literal["kiosk", "desk", "page"], Field(description="where the number was taken")] = "kiosk"
    kiosk: Annotated[str | None, Field(description="id of the kiosk whose printer prints it", examples=["1"])] = None


class NewTicket(Here):
    """What a visitor chose, and what they said of themselves."""

    service: ServiceId
    card: CardHandle | None = None
    priority: Annotated[PriorityReason | None, Field(description="as declared; the age on a card counts too")] = None
    phone: Annotated[str | None, Field(description="for text messages", examples=["13800138000"], max_length=20)] = None


class TicketName(Body):
    """The ticket a move is meant for; another in this window's hand is answered with 409."""

    ticket: Annotated[str, Field(description="id of the ticket", max_length=64)]


class Nothing(Body):
    """No fields."""


class AtWindow(Body):
    window: Annotated[int, Field(description="no of the window that takes it", examples=[3])]


class Held(TicketName):
    kind: Annotated[
        Hold | None,
        Field(description="without_papers 不持件: any window goes on; with_papers 持件, waiting 等待: this one does"),
    ] = None


class Redirect(TicketName):
    """Where the visitor should have been sent; exactly one of the two."""

    service: Annotated[str | None, Field(description="id of a service: its queue", max_length=32)] = None
    window: Annotated[int | None, Field(description="no of a window: to it and no other")] = None


def names_nobody(value: str) -> str:
    """The journal keeps it for a year, and sends it to the centre."""
    if re.search(r"\d{7}", value):
        raise ValueError("no number of a person or a phone belongs into a reason")
    return value


Reason = Annotated[str, Field(description="for the journal", max_length=60), AfterValidator(names_nobody)]


class Target(Redirect):
    """Where the visitor goes on; exactly one of service, window and staff."""

    staff: Annotated[str | None, Field(description="工号: to this clerk, at any window", max_length=32)] = None
    place: Annotated[Place, Field(description="in the line; sorted is by the time of the number")] = "sorted"
    delay_minutes: Annotated[int, Field(description="before which nobody calls it", ge=0, le=480)] = 0
    reason: Reason = ""


class Why(Body):
    reason: Annotated[Reason, Field(min_length=1)]


class WalkIn(Body):
    service: ServiceId


# ---- bookings

HHMM = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
ENDS = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"


class Slot(Body):
    """A time to come."""

    day: Annotated[date, Field(description="business day", examples=["2026-03-02"])]
    starts: Annotated[str, Field(alias="from", description="the hall's time", examples=["09:00"], pattern=HHMM)]
    ends: Annotated[str, Field(alias="to", description="later than `from`", examples=["10:00"], pattern=ENDS)]

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.starts >= self.ends:
            raise ValueError("`to` must be later than `from`")
        return self


class NewAppointment(Slot):
    """What was booked; the two numbers are turned into marks and not kept."""

    service: ServiceId
    channel: Annotated[Channel, Field(description="how it was booked")]
    id_number: Annotated[str | None, Field(description="of whoever comes", pattern=r"^\d{17}[\dXx]$")] = None
    phone: Annotated[str | None, Field(description="its last four digits redeem", pattern=r"^(\+?86)?1\d{10}$")] = None


Word = Annotated[str, Field(max_length=400)]


class Finish(TicketName):
    """How the service ended. What is missing, in 补办 and 退件, is told once and complete."""

    outcome: Annotated[Outcome | None, Field(description="即办 承诺 补办 退件 联办 咨询 另约; the hall's without")] = (
        None
    )
    missing: Annotated[tuple[Word, ...], Field(description="of the service's `materials`", max_length=40)] = ()
    text: Annotated[str, Field(description="the same in words; on paper only, never kept", max_length=400)] = ""
    values: Annotated[dict[str, Word], Field(description="of the notice: applicant deadline basis", max_length=40)] = {}
    appointment: Annotated[Slot | None, Field(description="of rebooked: a later day")] = None


class ByNotice(Here):
    """What the paper of a 补办 or 退件 says."""

    notice: Annotated[str, Field(description="its code", examples=["B7K3M9Q2XP"], max_length=32)]


class ByCard(Here):
    """The booking, and the card of whoever booked it."""

    card: CardHandle
    id: Annotated[str, Field(description="id of the booking", max_length=64)]


class ByPhone(Here):
    """What the visitor was told, and knows."""

    number: Annotated[str, Field(description="booking number", examples=["204817"], pattern=r"^\d{6}$")]
    phone_tail: Annotated[str, Field(description="last four digits of the phone", pattern=r"^\d{4}$")]


class ByCode(Here):
    """What the QR code says."""

    code: Annotated[str, Field(max_length=64)]
