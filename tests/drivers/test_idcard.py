"""ID-card readers: the device against a reader in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import (
    CardRead,
    CardUnread,
    Condition,
    DeviceError,
    DeviceEvent,
    IdCard,
    ProtocolError,
    Unreachable,
)
from drivers.idcard import DEVICE, Decoder, IdCardReader, Reply
from tests.drivers.idcard_cards import (
    FIND,
    FOUND,
    GOLDEN,
    NO_CARD,
    NUMBER,
    OTHER_NUMBER,
    PAGE,
    READ,
    SELECT,
    SELECTED,
    STATUS,
    UNREAD,
    UNSELECTED,
    WELL,
    After,
    Reader,
    block,
    frame,
    page,
)
from tests.wire import End, closed, pair

CARD = CardRead(0, IdCard("张三", NUMBER, date(1949, 12, 31), "female", None))
OTHER = CardRead(0, IdCard("张三", OTHER_NUMBER, date(1880, 1, 1), "male", None))
OTHER_PAGE = page(block(number=OTHER_NUMBER, born="18800101", sex="1"))
UNREADABLE = CardUnread(0, "unreadable")
REFUSED, FAILED = GOLDEN["not authorised"].raw, GOLDEN["self-test failed"].raw
CONFUSED = GOLDEN["unknown error"].raw


class Hall:
    """The device at work, what it told, and the error that ended it."""

    def __init__(self, device: IdCardReader, reader: Reader) -> None:
        self.device, self.reader = device, reader
        self.told: list[DeviceEvent] = []
        self.error: DeviceError | None = None

    async def listen(self) -> None:
        try:
            async for event in self.device.events():
                self.told.append(event)
        except DeviceError as error:
            self.error = error

    def ended(self) -> type[DeviceError] | None:
        return type(self.error) if self.error else None

    async def after(self, seconds: float) -> list[DeviceEvent]:
        """What was told in these seconds."""
        known = len(self.told)
        await asyncio.sleep(seconds)
        return self.told[known:]


@contextlib.asynccontextmanager
async def hall(after: After = "finds") -> AsyncIterator[Hall]:
    link, wire = pair()

    async def opener() -> End:
        return link

    reader = Reader(wire, after)
    async with IdCardReader(opener) as device:
        working = Hall(device, reader)
        tasks = [asyncio.create_task(each) for each in (reader.run(), working.listen())]
        try:
            yield working
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def test_it_is_the_driver() -> None:
    assert DEVICE is IdCardReader
    assert not IdCardReader.OPTIONS


# ---- the poll


@pytest.mark.looptime
async def test_it_looks_every_second_and_asks_for_the_status_every_three() -> None:
    async with hall() as at:
        assert await at.after(9.5) == []
        assert at.reader.asked(FIND) == pytest.approx(list(range(10)), abs=0.01)
        assert at.reader.asked(STATUS) == pytest.approx([0, 3, 6, 9], abs=0.01)
        assert at.reader.heard[0][1] == STATUS
        assert not at.reader.asked(SELECT)
        assert at.device.counters.frames_in == 14  # no card, but a sign of life
        assert at.device.counters.bytes_out == 140


@pytest.mark.looptime
@pytest.mark.req("IDR-01")
async def test_a_card_is_found_selected_and_read() -> None:
    async with hall() as at:
        at.reader.lay()
        assert await at.after(0.5) == [CARD]
        assert [raw for _, raw in at.reader.heard] == [STATUS, FIND, SELECT, READ]


# ---- once for each time that it is laid on


@pytest.mark.looptime
@pytest.mark.parametrize("after", get_args(After))
async def test_a_card_that_lies_there_is_told_once(after: After) -> None:
    async with hall(after) as at:
        at.reader.lay()
        assert await at.after(30) == [CARD]
        assert len(at.reader.asked(READ)) == 1


@pytest.mark.looptime
@pytest.mark.parametrize("after", get_args(After))
async def test_cards_that_follow_each_other_are_told_each(after: After) -> None:
    async with hall(after) as at:
        for _ in range(3):
            at.reader.lay()
            assert await at.after(2.2) == [CARD]
            at.reader.lift()
            assert await at.after(1.6) == []
            at.reader.lay(OTHER_PAGE)
            assert await at.after(2.2) == [OTHER]
            at.reader.lift()
            assert await at.after(1.6) == []


@pytest.mark.looptime
@given(
    st.sampled_from(get_args(After)),
    st.lists(st.tuples(st.booleans(), st.integers(0, 2), st.floats(3.0, 6.0), st.floats(1.5, 4.0)), max_size=6),
)
async def test_every_laying_is_told_once(after: After, layings: list[tuple[bool, int, float, float]]) -> None:
    async with hall(after) as at:
        for other, failures, lies, gone in layings:
            at.reader.replies[READ] = [UNREAD] * failures
            at.reader.lay(OTHER_PAGE if other else PAGE)
            card = OTHER if other else CARD
            assert await at.after(lies) == [UNREADABLE if failures and after == "hides" else card]
            at.reader.lift()
            assert await at.after(gone) == []


@pytest.mark.looptime
@given(st.sampled_from(get_args(After)), st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 3.0)), max_size=8))
async def test_no_laying_is_told_twice(after: After, layings: list[tuple[float, float]]) -> None:
    async with hall(after) as at:
        for lies, gone in layings:
            at.reader.lay()
            await at.after(lies)
            at.reader.lift()
            await at.after(gone)
        await at.after(3)
        assert set(at.told) <= {CARD, UNREADABLE}
        assert len(at.told) <= len(layings)


@pytest.mark.looptime
async def test_a_second_look_comes_soon_but_not_too_soon() -> None:
    async with hall() as at:
        at.reader.lay()
        await at.after(0.5)
        at.reader.lift()
        await at.after(1.2)
        looks = at.reader.asked(FIND)
        assert [round(later - sooner, 2) for sooner, later in pairwise(looks)] == [1.0, 0.4]


@pytest.mark.looptime
async def test_a_card_that_lies_there_from_the_start_is_told() -> None:
    async with hall() as at:
        at.reader.lay()
        assert await at.after(5) == [CARD]


# ---- cards that cannot be read


@pytest.mark.looptime
@pytest.mark.parametrize("code", ["10", "11", "21", "24", "31", "32", "33", "40", "41", "47", "80", "81", "91", "EE"])
@pytest.mark.parametrize("command", [SELECT, READ], ids=["select", "read"])
async def test_a_card_that_fails_is_tried_again_and_told_once(command: bytes, code: str) -> None:
    no = frame(bytes.fromhex("00 04 6A 82" + code))
    async with hall() as at:
        at.reader.lay()
        at.reader.replies[command] = [no] * 99
        assert await at.after(30) == [UNREADABLE]
        assert at.reader.asked(command) == pytest.approx([0, 0.4, 0.8], abs=0.01)
        at.reader.lift()
        assert await at.after(2) == []
        at.reader.lay()
        assert await at.after(10) == [UNREADABLE]


@pytest.mark.looptime
@pytest.mark.parametrize(("command", "no"), [(SELECT, UNSELECTED), (READ, UNREAD), (READ, NO_CARD)])
async def test_a_card_that_is_read_at_last_is_a_card(command: bytes, no: bytes) -> None:
    async with hall() as at:
        at.reader.lay()
        at.reader.replies[command] = [no, no]
        assert await at.after(10) == [CARD]
        # Each try begins with find.
        raws = [raw for _, raw in at.reader.heard if raw != STATUS]
        cycle = [FIND, SELECT] if command == SELECT else [FIND, SELECT, READ]
        assert raws[: 2 * len(cycle) + 3] == [*cycle, *cycle, FIND, SELECT, READ]


@pytest.mark.looptime
async def test_a_card_that_blinks_while_it_fails_is_still_the_same_card() -> None:
    async with hall("blinks") as at:
        at.reader.lay()
        at.reader.replies[READ] = [UNREAD] * 99
        assert await at.after(30) == [UNREADABLE]
        assert len(at.reader.asked(READ)) == 3


@pytest.mark.looptime
async def test_a_card_that_is_taken_away_too_soon_is_told() -> None:
    async with hall() as at:
        at.reader.replies[FIND] = [FOUND]
        assert await at.after(30) == [UNREADABLE]


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("card", "reason"),
    [
        (page(block(kind="J")), "unsupported_document"),
        (page(block(nation="")), "unsupported_document"),
        (page(head="01 20 03 E0"), "unsupported_document"),
        (page(block(number="110105194912310020")), "bad_number"),
        (page(block(name="")), "unreadable"),
    ],
    ids=["kind J", "no nation", "longer text", "wrong checksum", "no name"],
)
async def test_what_is_no_resident_identity_card_is_told_once(card: bytes, reason: str) -> None:
    async with hall() as at:
        at.reader.lay(card)
        [told] = await at.after(10)
        assert isinstance(told, CardUnread)
        assert told.reason == reason
        assert len(at.reader.asked(READ)) == 1


# ---- a reader that a person should look at


@pytest.mark.looptime
@pytest.mark.parametrize("no", [REFUSED, FAILED], ids=["not authorised", "self-test failed"])
@pytest.mark.parametrize("command", [STATUS, FIND], ids=["status", "find"])
async def test_a_fault_is_told_and_that_it_is_over(command: bytes, no: bytes) -> None:
    async with hall() as at:
        at.reader.replies[command] = [no]
        assert await at.after(0.5) == [Condition("reader_fault", True)]
        assert await at.after(1) == [Condition("reader_fault", False)]
        at.reader.replies[command] = [no] * 20
        assert await at.after(12) == [Condition("reader_fault", True)]


@pytest.mark.looptime
async def test_a_reader_that_only_refuses_to_read_is_faulty_while_it_should() -> None:
    async with hall() as at:
        at.reader.lay()
        at.reader.replies[READ] = [REFUSED] * 99
        assert await at.after(2) == [Condition("reader_fault", True), UNREADABLE, Condition("reader_fault", False)]
        assert await at.after(30) == []


@pytest.mark.looptime
@pytest.mark.parametrize("command", [STATUS, FIND], ids=["status", "find"])
async def test_a_reader_that_never_makes_sense_is_faulty(command: bytes) -> None:
    async with hall() as at:
        at.reader.replies[command] = [CONFUSED] * 2
        assert await at.after(10) == []
        at.reader.replies[command] = [CONFUSED] * 3
        assert await at.after(10) == [Condition("reader_fault", True), Condition("reader_fault", False)]
        assert at.device.counters.frames_in == len(at.reader.heard)


@pytest.mark.looptime
async def test_a_fault_does_not_forget_the_card() -> None:
    async with hall() as at:
        at.reader.lay()
        assert await at.after(1.5) == [CARD]
        at.reader.replies[STATUS] = [FAILED] * 3
        assert await at.after(30) == [Condition("reader_fault", True), Condition("reader_fault", False)]


# ---- the line


@pytest.mark.looptime
async def test_silence_for_the_status_is_known_after_three_seconds() -> None:
    async with hall() as at:
        at.reader.replies[STATUS] = [b""]
        await at.after(2.9)
        assert at.ended() is None
        await at.after(0.2)
        assert at.ended() is Unreachable
        assert await closed(at.reader.wire)


@pytest.mark.looptime
@pytest.mark.parametrize("command", [FIND, SELECT, READ], ids=["find", "select", "read"])
@pytest.mark.parametrize("part", [b"", PAGE[:-1], PAGE[:4]], ids=["nothing", "all but the check", "a beginning"])
async def test_silence_is_unreachable_after_five_seconds(command: bytes, part: bytes) -> None:
    async with hall() as at:
        at.reader.lay()
        at.reader.replies[command] = [part]
        await at.after(4.9)
        assert at.ended() is None
        assert await at.after(0.2) == []
        assert at.ended() is Unreachable
        assert await closed(at.reader.wire)
        assert at.device._decoder._buffer == b""


@pytest.mark.looptime
@pytest.mark.parametrize("answer", [b"\xf8\x00\xfe", PAGE[:-1] + b"?"], ids=["a wrong baud rate", "a wrong check"])
async def test_nonsense_is_a_protocol_error(answer: bytes) -> None:
    async with hall() as at:
        at.reader.replies[STATUS] = [answer]
        await at.after(3.1)
        assert at.ended() is ProtocolError
        assert await closed(at.reader.wire)


@pytest.mark.looptime
async def test_babble_is_not_listened_to_for_ever() -> None:
    async with hall() as at:
        at.reader.replies[STATUS] = [bytes(20000)]
        await at.after(0.1)
        assert at.ended() is ProtocolError
        assert await closed(at.reader.wire)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "late",
    [PAGE, FOUND, NO_CARD, UNREAD, UNSELECTED, SELECTED, WELL, CONFUSED],
    ids=["page", "found", "no card", "unread", "unselected", "selected", "well", "confused"],
)
async def test_the_answer_to_a_question_before_the_connection_is_no_answer(late: bytes) -> None:
    async with hall() as at:
        await at.reader.wire.write(late)
        at.reader.lay(OTHER_PAGE)
        assert await at.after(10) == [OTHER]
        assert at.ended() is None
        assert at.device.ignored == 1


@pytest.mark.looptime
async def test_replies_in_pieces_and_noise() -> None:
    async with hall() as at:
        at.reader.replies[STATUS] = [b"\xaa\x00" + WELL + b"\x00"]
        at.reader.replies[READ] = [b""]
        at.reader.lay()
        await at.after(0.1)
        for byte in b"\xaa\xaa" + PAGE:
            await at.reader.wire.write(bytes([byte]))
            await asyncio.sleep(0.003)
        assert at.told == [CARD]
        assert at.device.counters.garbage == 5


@pytest.mark.looptime
async def test_cancelling_hangs_up_and_forgets() -> None:
    link, wire = pair()

    async def opener() -> End:
        return link

    device = IdCardReader(opener)
    await device.__aenter__()
    asking = asyncio.create_task(anext(device.events()))
    assert await wire.read() == STATUS
    await wire.write(PAGE[:600])
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await closed(wire)
    assert device._decoder._buffer == b""


@pytest.mark.looptime
async def test_a_line_that_is_gone_is_unreachable() -> None:
    async with hall() as at:
        await at.after(1.5)
        await at.reader.wire.close()
        await at.after(1.0)
        assert at.ended() is Unreachable


class Remembering(Decoder):
    """Keeps the replies that it gave away."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[Reply] = []

    def feed(self, data: bytes) -> list[Reply]:
        replies = super().feed(data)
        self.given += replies
        return replies


@pytest.mark.looptime
async def test_what_was_read_is_overwritten() -> None:
    async with hall() as at:
        decoder = at.device._decoder = Remembering()
        await at.reader.wire.write(PAGE)  # an answer that is late
        for card in (PAGE, page(block(sex="1")), page(head="01 20 03 E0")):
            at.reader.lay(card)
            await at.after(2)
            at.reader.lift()
            await at.after(2)
        pages = [reply for reply in decoder.given if len(reply.data) > 8]
        assert len(pages) == 4
        assert not any(any(reply.data) for reply in pages)


@pytest.mark.looptime
async def test_nothing_personal_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with hall() as at:
        for card in (PAGE, page(block(sex="1")), page(block(kind="I"))):
            at.reader.lay(card)
            await at.after(2)
            at.reader.lift()
            await at.after(2)
        at.reader.lay()
        at.reader.replies[READ] = [UNREAD] * 3
        await at.after(2)
        at.reader.replies[STATUS] = [PAGE[:-1] + b"?"]
        await at.after(10)
    assert "reading failed" in caplog.text
    text = caplog.text + str(at.error)
    assert "张" not in text
    assert not any(part in text for part in (NUMBER, NUMBER[:6], NUMBER[6:14], PAGE[14:40].hex(), "1949"))
