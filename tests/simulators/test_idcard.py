"""The simulated card reader against the published frames of the SAM_V module, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.idcard import SIMULATOR, Deframer, Reader
from simulators.idcard_cards import CARDS, Card
from simulators.port import Faults, FaultyWire
from tests.frames_toml import splits
from tests.wire import End, pair

pytestmark = pytest.mark.looptime


def frame(after_preamble: str) -> bytes:
    return bytes.fromhex("AA AA AA 96 69" + after_preamble)


# source: public manuals and clients of the module
RESET, STATUS, SAM_ID = frame("00 03 10 FF EC"), frame("00 03 11 FF ED"), frame("00 03 12 FF EE")
FIND, SELECT = frame("00 03 20 01 22"), frame("00 03 20 02 21")
READ, READ_FINGERS, READ_ADDRESS = frame("00 03 30 01 32"), frame("00 03 30 10 23"), frame("00 03 30 03 30")
RF_80 = frame("00 04 61 FF 50 CA")
OK = frame("00 04 00 00 90 94")
FOUND = frame("00 08 00 00 9F 00 00 00 00 97")
SELECTED = frame("00 0C 00 00 90 00 00 00 00 00 00 00 00 9C")
NO_CARD, SELECT_FAILED, READ_FAILED = (
    frame("00 04 00 00 80 84"),
    frame("00 04 00 00 81 85"),
    frame("00 04 00 00 41 45"),
)
# worked out by hand from the table of SW3
WRONG_CHECK, WRONG_LENGTH = frame("00 04 00 00 10 14"), frame("00 04 00 00 11 15")
WRONG_COMMAND, UNKNOWN = frame("00 04 00 00 21 25"), frame("00 04 00 00 24 20")
SELF_TEST_FAILED, UNAUTHORISED = frame("00 04 00 00 60 64"), frame("00 04 00 00 66 62")
NO_CONTENT = frame("00 04 00 00 91 95")
ZHANG, WANG = CARDS["zhang_wei"], CARDS["wang_xiuying"]


@contextlib.asynccontextmanager
async def reader(card: Card | None = None, **options: Any) -> AsyncIterator[tuple[Reader, End]]:
    simulator = Reader("reader", options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    if card:
        simulator.lay(card)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def said(link: End, *pieces: bytes, within: float = 1.0) -> bytes:
    """What it says to this until it is silent for `within` seconds."""
    for piece in pieces:
        await link.write(piece)
    heard = b""
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(within):
                heard += await link.read()
    return heard


async def cycle(link: End, read: bytes = READ, within: float = 1.0) -> bytes:
    assert await said(link, FIND) == FOUND
    assert await said(link, SELECT) == SELECTED
    return await said(link, read, within=within)


def xor(data: bytes) -> int:
    total = 0
    for byte in data:
        total ^= byte
    return total


# ---- the module


async def test_the_module_answers_for_itself_without_a_card() -> None:
    async with reader() as (simulator, link):
        assert await said(link, STATUS) == OK
        assert await said(link, RESET) == OK
        assert await said(link, RF_80) == OK
        assert simulator.state()["rf_bytes"] == 0x50
        answer = await said(link, SAM_ID)
        assert answer.startswith(frame("00 14 00 00 90 05 00 01 00 5B 03 33 01"))
        assert (len(answer), xor(answer[5:])) == (27, 0)
        assert simulator.state()["sam_id"].startswith("05.01-20120411-")
        assert Reader("other", {}).sam_id != simulator.sam_id


@pytest.mark.parametrize(
    ("request_", "speed"),
    [
        ("00 03 60 00 63", 115200),
        ("00 03 60 01 62", 57600),
        ("00 03 60 02 61", 38400),
        ("00 03 60 03 60", 19200),
        ("00 03 60 04 67", 9600),
    ],
)
async def test_the_speed_is_taken_and_shown_until_the_power_goes(request_: str, speed: int) -> None:
    async with reader() as (simulator, link):
        assert await said(link, frame(request_)) == OK
        assert simulator.state()["speed"] == speed
        simulator.control("off")
        simulator.control("off")
        assert simulator.state()["speed"] == 115200


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (frame("00 03 20 01 23"), WRONG_CHECK),
        (frame("00 03 21 01 22"), WRONG_CHECK),
        (frame("00 02 20 22"), WRONG_LENGTH),
        (frame("00 00"), WRONG_LENGTH),
        (frame("05 08 20 01 22"), WRONG_LENGTH),
        (frame("00 04 20 01 22"), WRONG_LENGTH),  # one byte never comes
        (frame("00"), WRONG_LENGTH),
        (frame("00 04 20 01 50 75"), WRONG_LENGTH),  # data where there is none
        (frame("00 03 61 FF 9D"), WRONG_LENGTH),  # none where there is some
        (frame("00 03 20 03 20"), WRONG_COMMAND),
        (frame("00 03 60 05 66"), WRONG_COMMAND),
        (frame("00 03 77 FF 8B"), WRONG_COMMAND),
        (b"", b""),
        (b"\xaa\xaa\xaa\x96", b""),
        (b"\xaa\xaa\x96\x69" + STATUS[5:], b""),
    ],
)
async def test_a_request_that_is_wrong_is_told_so_once_and_the_next_is_served(request_: bytes, answer: bytes) -> None:
    async with reader() as (_, link):
        assert await said(link, request_) == answer
        assert await said(link, STATUS) == OK


async def test_a_length_that_cannot_be_is_answered_at_once() -> None:
    async with reader() as (_, link):
        for length in ("00 00", "00 02", "00 11", "FF FF"):
            assert await said(link, frame(length), within=0.1) == WRONG_LENGTH


async def test_noise_between_requests_is_not_heard_and_two_at_once_are_both_served() -> None:
    async with reader() as (_, link):
        assert await said(link, b"\x00\xff\xaa" + STATUS + b"\xaa\xaa" + FIND) == OK + NO_CARD


# ---- find, select, read


async def test_a_card_is_found_selected_and_read_with_its_photo() -> None:
    async with reader(ZHANG) as (simulator, link):
        answer = await cycle(link)
        assert len(answer) == 1295
        assert answer.startswith(frame("05 08 00 00 90 01 00 04 00 20 5F 1F 4F 20 00"))  # 张 is 5F20, 伟 is 4F1F
        assert xor(answer[5:]) == 0
        assert answer[14:270] == ZHANG.text
        assert len(set(answer[270:1294])) > 200  # no picture of anybody: random
        assert [what for _, what in simulator.history] == ["laid zhang_wei", "read zhang_wei"]
        simulator.take()
        simulator.lay(ZHANG)
        assert await cycle(link) == answer


@pytest.mark.parametrize(
    ("key", "size", "length"),
    [("wang_xiuying", 1297, "05 0A"), ("ouyang", 1809, "07 0A"), ("zhang_wei", 2321, "09 0A")],
)
async def test_fingerprints_come_in_three_sizes(key: str, size: int, length: str) -> None:
    async with reader(CARDS[key]) as (_, link):
        answer = await cycle(link, READ_FINGERS)
        assert len(answer) == size
        assert answer.startswith(frame(length + "00 00 90 01 00 04 00") + (size - 1297).to_bytes(2, "big"))
        assert xor(answer[5:]) == 0
        assert answer[16:272] == CARDS[key].text


async def test_the_newest_address_is_70_bytes_or_there_is_none() -> None:
    async with reader(WANG) as (simulator, link):
        answer = await cycle(link, READ_ADDRESS)
        assert answer.startswith(frame("00 4A 00 00 90"))
        assert (len(answer), xor(answer[5:])) == (81, 0)
        assert answer[10:80].decode("utf-16-le").rstrip(" ") == "北京市示例区虚构路8号院2单元301室"
        assert len(await said(link, READ)) == 1295
        assert await said(link, READ_ADDRESS) == answer
        simulator.lay(ZHANG)
        assert await cycle(link, READ_ADDRESS) == NO_CONTENT


async def test_every_reading_needs_its_own_find_and_select() -> None:
    async with reader(ZHANG, must_leave=False) as (_, link):
        assert await said(link, READ) == READ_FAILED
        assert await said(link, READ_ADDRESS) == READ_FAILED
        assert await said(link, SELECT) == SELECT_FAILED
        assert await said(link, FIND) == FOUND
        assert await said(link, READ) == READ_FAILED
        assert await said(link, SELECT) == SELECT_FAILED  # the failure ended what was found
        assert len(await cycle(link)) == 1295
        assert await said(link, READ) == READ_FAILED
        assert len(await cycle(link)) == 1295


async def test_a_card_taken_away_at_any_moment_is_no_card_any_more() -> None:
    async with reader(ZHANG) as (simulator, link):
        assert await said(link, FIND) == FOUND
        simulator.take()
        assert await said(link, SELECT) == SELECT_FAILED
        assert await said(link, FIND) == NO_CARD
        simulator.lay(ZHANG)
        await said(link, FIND, SELECT)
        simulator.lay(WANG)
        assert await said(link, READ) == READ_FAILED
        simulator.control("slow")
        await said(link, FIND, SELECT)
        await link.write(READ)
        await asyncio.sleep(2)
        simulator.take()
        assert await said(link, within=3) == READ_FAILED


async def test_a_card_that_was_read_must_leave_before_it_is_found_again() -> None:
    async with reader(ZHANG) as (simulator, link):
        await cycle(link)
        assert await said(link, FIND) == NO_CARD
        simulator.take()
        assert await said(link, FIND) == NO_CARD
        simulator.lay(ZHANG)
        await cycle(link)
        simulator.lay(WANG)  # one card is exchanged for the other
        await cycle(link)
        simulator.control("must_leave")
        await cycle(link)
        simulator.control("must_leave")
        assert await said(link, FIND) == NO_CARD
        assert await said(link, RESET) == OK
        await cycle(link)


async def test_a_damaged_chip_is_found_and_cannot_be_read() -> None:
    async with reader(CARDS["damaged"]) as (simulator, link):
        assert await cycle(link) == READ_FAILED
        assert "读卡失败" in simulator.picture()
        assert await cycle(link, READ_ADDRESS) == READ_FAILED


# ---- rudeness


async def test_a_busy_reader_takes_a_second_to_say_that_it_does_not_know() -> None:
    async with reader(ZHANG) as (simulator, link):
        assert await said(link, FIND) == FOUND
        simulator.control("busy")
        assert await said(link, FIND, within=0.9) == b""
        assert await said(link) == UNKNOWN
        assert await said(link, SELECT) == SELECT_FAILED  # what was found before is lost
        assert await said(link, STATUS) == OK
        simulator.control("busy")
        assert len(await cycle(link)) == 1295


async def test_a_slow_reading_takes_seconds_and_what_is_asked_meanwhile_waits() -> None:
    async with reader(ZHANG) as (simulator, link):
        simulator.control("slow")
        assert await cycle(link, READ, within=3.9) == b""
        assert simulator.state()["lamp"] == "working"
        assert "正在读卡" in simulator.picture()
        answer = await said(link, STATUS)
        assert (len(answer), answer[-11:]) == (1295 + 11, OK)


async def test_noise_before_the_preamble_holds_half_a_preamble() -> None:
    async with reader() as (simulator, link):
        simulator.control("noise")
        answer = await said(link, STATUS)
        assert answer.endswith(OK)
        assert answer.count(b"\xaa\xaa\x96") == 2
        assert answer[-len(OK) - 1] == 0xAA


async def test_without_power_it_is_silent_and_forgets_the_cycle_but_not_the_card() -> None:
    async with reader(ZHANG) as (simulator, link):
        await said(link, FIND, SELECT, STATUS[:6])
        simulator.control("off")
        assert await said(link, STATUS[6:], STATUS) == b""
        assert simulator.state()["lamp"] == "off"
        simulator.control("off")
        assert await said(link, READ) == READ_FAILED
        assert len(await cycle(link)) == 1295


async def test_an_answer_under_way_does_not_survive_the_power() -> None:
    async with reader(ZHANG) as (simulator, link):
        await said(link, FIND, SELECT)
        await link.write(READ)
        await asyncio.sleep(0.1)
        simulator.control("off")
        simulator.control("off")
        assert await said(link) == b""


async def test_a_failed_self_test_and_a_missing_authorisation_are_told() -> None:
    async with reader(ZHANG) as (simulator, link):
        simulator.control("unauthorised")
        assert await said(link, FIND) == UNAUTHORISED
        assert await said(link, STATUS) == OK
        simulator.control("self_test_failed")
        assert "自检失败" in simulator.picture()
        for request in (STATUS, FIND, SELECT, READ, RESET):
            assert await said(link, request) == SELF_TEST_FAILED


async def test_an_answer_may_come_byte_by_byte_and_all_of_it_comes() -> None:
    simulator = Reader("reader", {"must_leave": False})
    simulator.lay(ZHANG)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(FaultyWire(wire, Faults(trickle=True, pace_s=0.001))))
    await link.write(FIND)
    assert await link.read() == b"\xaa"
    assert await said(link) == FOUND[1:]
    assert await said(link, SELECT) == SELECTED
    assert len(await said(link, READ)) == 1295
    await link.close()
    await talk


# ---- the page


async def test_the_picture_shows_what_the_reader_does_and_never_a_whole_name() -> None:
    async with reader() as (simulator, link):
        assert "请放身份证" in simulator.picture()
        for card in CARDS.values():
            simulator.control(f"lay:{card.key}")
            picture = simulator.picture()
            ElementTree.fromstring(picture)
            assert f"{card.name[0]}*" in picture
            assert card.name not in picture
        simulator.lay(ZHANG)
        await cycle(link)
        assert "请取走证件" in simulator.picture()
        simulator.control("take")
        assert simulator.state()["card"] is None
        assert "请放身份证" in simulator.picture()


async def test_the_page_has_a_key_for_every_card_and_a_switch_for_every_trouble() -> None:
    simulator = SIMULATOR("reader", {"addresses": [1], "poll": 1})
    controls = {each["name"]: each.get("on") for each in simulator.controls()}
    assert {f"lay:{key}" for key in CARDS} < controls.keys()
    assert {name for name, on in controls.items() if on} == {"must_leave"}
    for name in controls:
        simulator.control(name)
    assert {each["name"] for each in simulator.controls() if each.get("on")} == {
        *("busy", "slow", "noise", "self_test_failed", "unauthorised", "off")
    }
    for wrong in ("lay:nobody", "nothing", "lay"):
        with pytest.raises(KeyError):
            simulator.control(wrong)


# ---- properties

REQUESTS = [RESET, STATUS, SAM_ID, FIND, SELECT, READ, READ_FINGERS, READ_ADDRESS, RF_80]


def test_any_split_gives_the_same_requests() -> None:
    for pieces in splits(b"".join(REQUESTS)):
        deframer = Deframer()
        found = [each for piece in pieces for each in deframer.feed(piece)]
        assert found == [request[5:] for request in REQUESTS]


@given(st.binary(max_size=60))
def test_no_bytes_break_it_and_a_request_after_a_silence_is_found(noise: bytes) -> None:
    deframer = Deframer()
    deframer.feed(noise)
    deframer.flush()
    assert deframer.feed(FIND) == [FIND[5:]]


LIKELY = st.integers(1, 4).map(lambda count: ["lay", FIND, SELECT, READ][:count])
ANYTHING = st.sampled_from(["lay", "take", FIND, SELECT, READ, READ_FINGERS, STATUS, RESET]).map(lambda each: [each])


@given(st.lists(LIKELY | ANYTHING, max_size=12))
async def test_a_reading_succeeds_only_right_after_find_and_select_of_a_card_not_yet_read(
    moves: list[list[Any]],
) -> None:
    simulator = Reader("reader", {})
    lying = was_read = False
    before: list[bytes] = []  # the successes since the last failure, change of cards or reset
    for each in [each for some in moves for each in some]:
        if isinstance(each, str):
            simulator.control("take" if each == "take" else "lay:zhang_wei")
            lying, was_read, before = each == "lay", False, []
            continue
        answer = simulator.receive(each[5:])
        if each == RESET:
            was_read, before = False, []
        elif each == FIND:
            good = lying and not was_read
            assert answer == (FOUND if good else NO_CARD)
            before = [FIND] if good else []
        elif each == SELECT:
            assert answer == (SELECTED if before == [FIND] else SELECT_FAILED)
            before = [FIND, SELECT] if before == [FIND] else []
        elif each != STATUS:
            good = before == [FIND, SELECT]
            assert (len(answer) > 1290) is good
            assert good or answer == READ_FAILED
            was_read, before = was_read or good, []
