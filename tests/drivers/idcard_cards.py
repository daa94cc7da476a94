"""Cards of people who do not exist, and a reader that they are laid on. Offsets and replies are the protocol's own."""

from __future__ import annotations

import asyncio
from typing import Literal

from tests import frames_toml as golden
from tests.wire import End

GOLDEN = {frame.name: frame for frame in golden.load("idcard")}
STATUS, FIND = GOLDEN["status"].raw, GOLDEN["find a card"].raw
SELECT, READ = GOLDEN["select the card"].raw, GOLDEN["read text and photo"].raw
WELL, NO_CARD = GOLDEN["all is well"].raw, GOLDEN["no card"].raw
FOUND, SELECTED = GOLDEN["a card is there"].raw, GOLDEN["the card is selected"].raw
UNSELECTED, UNREAD = GOLDEN["selecting failed"].raw, GOLDEN["reading failed"].raw

PAGE = GOLDEN["text and photo"].raw
NUMBER, OTHER_NUMBER = "11010519491231002X", "440524188001010014"
PLACES = {
    "name": (0, 30),
    "sex": (30, 2),
    "nation": (32, 4),
    "born": (36, 16),
    "address": (52, 70),
    "number": (122, 36),
    "issuer": (158, 30),
    "since": (188, 16),
    "until": (204, 16),
    "kind": (248, 2),
}


def block(**fields: str) -> bytearray:
    """The text of the golden card, with other fields."""
    text = bytearray(PAGE[14:270])
    for name, value in fields.items():
        at, size = PLACES[name]
        text[at : at + size] = (value.encode("utf-16-le") + b" \0" * size)[:size]
    return text


def frame(body: bytes) -> bytes:
    """What stands between preamble and check, made whole."""
    check = 0
    for byte in body:
        check ^= byte
    return bytes.fromhex("AA AA AA 96 69") + body + bytes([check])


def page(text: bytes | bytearray = b"", head: str = "01 00 04 00") -> bytes:
    """The reply to 30 01 with this text and the golden photo; `head` is the length of each."""
    return frame(bytes.fromhex("05 08 00 00 90" + head) + (text or PAGE[14:270]) + PAGE[270:-1])


After = Literal["finds", "hides", "blinks"]


class Reader:
    """Answers like a reader. `card` is the reply to 30 01 while a card lies there; setting it lays one on.

    `after` a card was selected, the reader finds it again, does not, or only every other time. `replies` overrides
    what a command is answered by, one after the other; b"" is silence.
    """

    def __init__(self, wire: End, after: After = "finds") -> None:
        self.wire, self.after = wire, after
        self.replies: dict[bytes, list[bytes]] = {}
        self.heard: list[tuple[float, bytes]] = []
        self._card = b""
        self._touched = self._hidden = False

    def lay(self, card: bytes = PAGE) -> None:
        self._card = card
        self._touched = self._hidden = False

    def lift(self) -> None:
        self._card = b""

    def asked(self, request: bytes) -> list[float]:
        return [at for at, raw in self.heard if raw == request]

    async def run(self) -> None:
        while True:
            request = await self.wire.read()
            self.heard.append((asyncio.get_running_loop().time(), request))
            replies = self.replies.get(request)
            await self.wire.write(replies.pop(0) if replies else self._reply(request))

    def _reply(self, request: bytes) -> bytes:
        if request == STATUS:
            return WELL
        if request == FIND:
            seen = bool(self._card) and not self._hidden
            if self._touched and self.after == "blinks":
                self._hidden = not self._hidden
            return FOUND if seen else NO_CARD
        self._touched, self._hidden = True, self.after != "finds"
        if request == SELECT:
            return SELECTED if self._card else UNSELECTED
        assert request == READ, request.hex()
        return self._card or UNREAD
