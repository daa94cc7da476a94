"""How a hall takes bookings (预约): its slots, how many of each, and how early and late a visitor may come. Models.

The documents ask that every item can be booked, in statutory and extended hours and on weekends; they give no numbers
but one (红旗区: slots of one working hour). The values here are this product's own.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge.hallday import Minutes


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Booking(_Model):
    slot_minutes: Annotated[int, Field(ge=5, le=240)] = 30
    """The length of a slot. What an opening has left over is shared out: its last slot has half to one and a half."""
    days_ahead: Annotated[int, Field(ge=0, le=60)] = 7
    """Calendar days after today that visitors and the centre may book; the hall's staff may book any day."""
    per_slot: Annotated[int, Field(ge=0, le=999)] = 2
    """Bookings of one service in one slot; 0: none."""
    early: Minutes = 30
    """Minutes before the booked time from which its number is given."""
    late_grace: Minutes = 15
    """Minutes after the end of the booked time in which a visitor still counts as on time."""


class Bookable(_Model):
    """What `[[service]]` says of bookings."""

    slot_quota: Annotated[int | None, Field(ge=0, le=999)] = None
    """As `[booking] per_slot`, where this service's is another; 0: it cannot be booked."""
