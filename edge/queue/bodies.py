"""What requests of the queue say: their bodies, each field with its meaning; an unknown one is refused."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.hall import PriorityReason
from edge.queue.appointments import Channel


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


class Target(TicketName):
    """Where the visitor goes on; exactly one of the two."""

    service: Annotated[str | None, Field(description="id of a service: its queue", max_length=32)] = None
    window: Annotated[int | None, Field(description="no of a window: to it and no other")] = None


# ---- bookings

HHMM = r"^([01]\d|2[0-3]):[0-5]\d$"


class NewAppointment(Body):
    """What was booked; the two numbers are turned into marks and not kept."""

    service: ServiceId
    day: Annotated[date, Field(description="business day", examples=["2026-03-02"])]
    starts: Annotated[str, Field(alias="from", description="the hall's time", examples=["09:00"], pattern=HHMM)]
    ends: Annotated[str, Field(alias="to", description="later than `from`", examples=["10:00"], pattern=HHMM)]
    channel: Annotated[Channel, Field(description="how it was booked")]
    id_number: Annotated[str | None, Field(description="of whoever comes", pattern=r"^\d{17}[\dXx]$")] = None
    phone: Annotated[str | None, Field(description="its last four digits redeem", pattern=r"^(\+?86)?1\d{10}$")] = None

    @model_validator(mode="after")
    def _has_length(self) -> Self:
        if self.starts >= self.ends:
            raise ValueError("`to` must be later than `from`")
        return self


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
