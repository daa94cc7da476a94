"""What requests of the help desk say."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge.hall import PriorityReason
from edge.queue.bodies import HHMM, Body, ServiceId


class OtherService(Body):
    service: ServiceId


class Declared(Body):
    priority: Annotated[PriorityReason, Field(description="for which the desk has seen the proof")]


class Assisted(Body):
    staff: Annotated[str | None, Field(description="工号 of who helps; null while nobody is named", max_length=24)] = (
        None
    )


# ---- numbers on paper

Time = Annotated[str, Field(description="the hall's time, today", examples=["09:05"], pattern=HHMM)]


class ServedByHand(Body):
    window: Annotated[int, Field(description="no of the window", examples=[3])]
    starts: Annotated[Time, Field(alias="from")]
    ends: Annotated[Time, Field(alias="to")]


class HandNumber(Body):
    number: Annotated[
        str, Field(description="digits on the paper, no prefix", examples=["007"], pattern=r"^[0-9]{1,6}$")
    ]
    service: ServiceId
    taken_at: Time
    served: Annotated[ServedByHand | None, Field(description="null: still waits")] = None


class HandNumbers(Body):
    """Numbers on paper (手工号); all of them are entered, or none."""

    numbers: Annotated[tuple[HandNumber, ...], Field(min_length=1, max_length=500)]
