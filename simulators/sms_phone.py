"""The telephone that simulated messages arrive on: it puts the parts of a long one together, as they come."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from simulators.sms_pdu import Submit

KEPT = 200
GAP = "[…]"
"""Stands for a part that has not come."""

State = Literal["sent", "delivered", "failed", "partial"]


@dataclass(slots=True)
class Sent:
    """What one CMGS sent."""

    reference: int
    """As +CMGS told it."""
    submit: Submit
    at: datetime
    arrived: bool | None = None
    """None while it is on its way."""


@dataclass(slots=True)
class Message:
    number: str
    total: int
    parts: dict[int, Sent] = field(default_factory=dict)
    """By their place, from 1."""

    @property
    def text(self) -> str:
        places = range(1, self.total + 1)
        return "".join(self.parts[place].submit.text if place in self.parts else GAP for place in places)

    @property
    def state(self) -> State:
        arrived = {each.arrived for each in self.parts.values()}
        if len(self.parts) < self.total:
            return "partial"
        if False in arrived:
            return "failed"
        return "sent" if None in arrived else "delivered"

    def lacks(self, submit: Submit) -> bool:
        """Whether this is a part of this message that has not come yet."""
        part, first = submit.part, next(iter(self.parts.values())).submit
        if part is None or first.part is None or submit.number != self.number or part.number in self.parts:
            return False
        return (part.reference, part.total) == (first.part.reference, first.part.total)


class Phone:
    def __init__(self) -> None:
        self.messages: deque[Message] = deque(maxlen=KEPT)
        """Oldest first."""

    def take(self, sent: Sent) -> None:
        """A part that has come already begins another message: nothing a host sends twice stays unseen."""
        part = sent.submit.part
        message = next((each for each in reversed(self.messages) if each.lacks(sent.submit)), None)
        if message is None:
            message = Message(sent.submit.number, part.total if part else 1)
            self.messages.append(message)
        message.parts[part.number if part else 1] = sent

    def newest(self, count: int) -> list[Message]:
        return list(self.messages)[: -count - 1 : -1]
