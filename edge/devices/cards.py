"""What lies on the card readers of the kiosks: who stands there now, for a minute and a half and only in memory.

Of a card neither number nor name is kept: only a keyed mark, the masked name, the age, and whether it has expired.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import date

from drivers.base import CardRead, CardUnread, IdCard
from edge import hall as halls
from edge.access.vault import Vault
from edge.clock import Clock
from edge.mask import mask
from edge.queue.persons import Person
from edge.refusal import Refused

LIFETIME_S = 90.0
WORDS = {
    "unreadable": "没有读到身份证，请把身份证平放再试一次",
    "unsupported_document": "这里只能刷二代身份证，其他证件请到导办台，也可以直接取号",
    "bad_number": "身份证信息有误，请再试一次，或到导办台",
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose card was laid on."""

    tag: str
    """Names this reading; no secret."""
    handle: str = field(repr=False)
    """Whoever has it may act for this person at this kiosk, as long as it is kept."""
    person: Person = field(repr=False)
    name: str = field(repr=False)
    """`张*`"""
    expired: bool
    """The card's own date is over."""
    forgotten_at: int
    """UTC, milliseconds."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A card was laid on, and nobody knows whose."""

    tag: str
    reason: str
    words: str


Reading = Visitor | Unread


class Cards:
    """The newest reading of each kiosk; the next one replaces it."""

    def __init__(self, hall: halls.Hall, vault: Vault, clock: Clock) -> None:
        self._vault, self._clock = vault, clock
        self._kiosks = {each.reader: each.id for each in hall.kiosks if each.reader is not None}
        self._readings: dict[str, Reading] = {}
        self._laid_on = asyncio.Event()
        self._closed = False

    def card(self, device: halls.Device, event: CardRead | CardUnread) -> None:
        """A reader that belongs to no kiosk is not listened to."""
        kiosk = self._kiosks.get(device.id)
        if kiosk is None:
            return
        tag = secrets.token_hex(4)
        if isinstance(event, CardRead):
            reading: Reading = self._visitor(tag, event.card, self._readings.get(kiosk))
        else:
            reading = Unread(tag, event.reason, WORDS[event.reason])
        self._readings[kiosk] = reading
        asyncio.get_running_loop().call_later(LIFETIME_S, self._forget, kiosk, reading)
        self._wake()

    def _visitor(self, tag: str, card: IdCard, before: Reading | None) -> Visitor:
        """Who lays the same card on again keeps the handle: the page may be about to use it."""
        now = self._clock.now()
        today = date.fromisoformat(now.day)
        person = Person(self._vault.mark("id", card.number), age(card.born, today))
        handle = secrets.token_urlsafe(16)
        if isinstance(before, Visitor) and before.person.mark == person.mark:
            handle = before.handle
        return Visitor(
            tag,
            handle,
            person,
            mask("name", card.name),
            card.valid_until is not None and card.valid_until < today,
            now.at + int(LIFETIME_S * 1000),
        )

    def _forget(self, kiosk: str, reading: Reading) -> None:
        if self._readings.get(kiosk) is reading:
            del self._readings[kiosk]

    def tag(self, kiosk: str) -> str:
        """Of the newest reading at this kiosk; empty where there is none."""
        reading = self._readings.get(kiosk)
        return reading.tag if reading is not None else ""

    async def wait(self, kiosk: str, after: str | None) -> Reading | None:
        """The reading at this kiosk as soon as there is one other than `after` (a tag); None when the service ends."""
        while not self._closed:
            reading = self._readings.get(kiosk)
            if reading is not None and reading.tag != after:
                return reading
            await self._laid_on.wait()
        return None

    def find(self, handle: str, kiosk: str | None) -> Visitor:
        """Who laid on this card, at this kiosk where one is named. Raises Refused (409) when it is kept no longer."""
        for place, reading in self._readings.items():
            if isinstance(reading, Visitor) and reading.handle == handle and kiosk in (None, place):
                return reading
        raise Refused("card_gone", "请重新刷身份证", "no card of this handle")

    def close(self) -> None:
        """The process ends: nobody is kept waiting."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        laid_on, self._laid_on = self._laid_on, asyncio.Event()
        laid_on.set()


def age(born: date, today: date) -> int:
    """Full years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
