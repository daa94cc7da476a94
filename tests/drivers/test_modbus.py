"""LED-485 digit boards: the device against a scripted line in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.base import Condition, Misconfigured, NumberDisplay, Rejected, Unreachable
from drivers.modbus import DEVICE, Modbus
from drivers.modbus_frames import rtu
from tests import frames_toml as golden
from tests.wire import End, Scripted, closed, pair

GOLDEN = {frame.name: frame for frame in golden.load("modbus")}
ONE, ONE_DONE = GOLDEN["number 1, unit 1"].raw, GOLDEN["number 1 written, unit 1"].raw
TWELVE_3, TWELVE_3_DONE = GOLDEN["number 12, unit 3"].raw, GOLDEN["number 12 written, unit 3"].raw
BLANKS, TEXT_DONE = GOLDEN["three blanks, unit 1"].raw, GOLDEN["text written, unit 1"].raw
WRONG_REGISTER, FAILED_2 = GOLDEN["06 to a wrong register, unit 1"].raw, GOLDEN["06 failed, unit 2"].raw
TEXT_REFUSED = GOLDEN["10 to a wrong register, unit 1"].raw
ONE_TCP, ONE_TCP_DONE = GOLDEN["number 1, unit 1, TCP"].raw, GOLDEN["number 1 written, unit 1, TCP"].raw
NO_ANSWER_TCP = bytes.fromhex("00 01 00 00 00 03 01 86 0B")


async def opened(*answers: bytes, **options: Any) -> tuple[Modbus, Scripted, asyncio.Task[None]]:
    link, wire = pair()

    async def opener() -> End:
        return link

    board = Scripted(wire, *answers)
    line = Modbus(opener, options)
    await line.__aenter__()
    return line, board, asyncio.create_task(board.run())


def now() -> float:
    return asyncio.get_running_loop().time()


def test_it_is_a_number_display() -> None:
    assert DEVICE is Modbus
    assert issubclass(Modbus, NumberDisplay)


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("ticket", "waiting", "options", "sent", "answer"),
    [
        (1, 7, {}, ONE, ONE_DONE),
        (None, 1, {}, ONE, ONE_DONE),
        (None, 7, {"show_waiting": False}, BLANKS, TEXT_DONE),
        (1, 7, {"framing": "tcp"}, ONE_TCP, ONE_TCP_DONE),
    ],
)
async def test_golden_bytes_go_out(
    ticket: int | None, waiting: int, options: dict[str, Any], sent: bytes, answer: bytes
) -> None:
    line, board, task = await opened(answer, **options)
    await line.show_number(1, ticket, waiting)
    assert board.heard == [sent]
    assert not await closed(board.wire)
    await task


@pytest.mark.looptime
async def test_the_older_register_and_address_0() -> None:
    older = GOLDEN["number 1111 at 0088, unit 5"].raw
    line, board, task = await opened(older, register=0x88, units=[5], digits=4)
    await line.show_number(0, 1111, 0)
    assert board.heard == [older]
    await task


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("digits", "ticket", "waiting", "value"),
    [
        (3, 1000, 0, "03 E7"),
        (3, 999, 0, "03 E7"),
        (1, None, 10, "00 09"),
        (4, 1000, 0, "03 E8"),
        (6, 40000, 0, "7F FF"),
        (3, None, -1, "00 00"),
    ],
)
async def test_a_number_is_clamped_to_the_board(digits: int, ticket: int | None, waiting: int, value: str) -> None:
    line, board, task = await opened(b"", digits=digits)
    with pytest.raises(Unreachable):
        await line.show_number(1, ticket, waiting)
    assert board.heard[0][:6] == bytes.fromhex("01 06 00 00" + value)
    await task


@pytest.mark.looptime
async def test_there_is_no_beeper() -> None:
    line, board, task = await opened()
    with pytest.raises(Rejected) as caught:
        await line.beep(1)
    assert caught.value.reason == "no_beeper"
    assert not await closed(board.wire)
    await task


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (WRONG_REGISTER, "illegal_address"),
        (bytes.fromhex("01 86 06 C2 62"), "busy"),
        (bytes.fromhex("01 86 77 02 46"), "refused"),
    ],
)
async def test_an_exception_is_rejected_with_its_reason_and_keeps_the_link(answer: bytes, reason: str) -> None:
    line, board, task = await opened(answer, ONE_DONE)
    with pytest.raises(Rejected) as caught:
        await line.show_number(1, 1, 0)
    assert caught.value.reason == reason
    await line.show_number(1, 1, 0)
    await task
    assert board.heard == [ONE, ONE]


@pytest.mark.looptime
async def test_silence_hangs_up() -> None:
    line, board, task = await opened(b"", timeout_s=1.5)
    before = now()
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    assert 1.5 <= now() - before < 1.6
    assert await closed(board.wire)
    await task


@pytest.mark.looptime
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(bytes.fromhex("01 06 00 00 00 02 08 0B"), id="another number"),
        pytest.param(GOLDEN["number 1111 at 0088, unit 5"].raw, id="another board"),
        pytest.param(TEXT_DONE, id="another function"),
        pytest.param(TEXT_REFUSED, id="another function refused"),
        pytest.param(FAILED_2, id="another board refuses"),
        pytest.param(ONE_DONE[:-1] + b"\x0b", id="a wrong checksum"),
    ],
)
async def test_only_the_echo_is_an_answer(answer: bytes) -> None:
    line, board, task = await opened(answer)
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    assert await closed(board.wire)
    await task


@pytest.mark.looptime
async def test_other_replies_before_the_answer_are_ignored() -> None:
    line, board, task = await opened(FAILED_2 + TWELVE_3_DONE + b"noise" + ONE_DONE)
    await line.show_number(1, 1, 0)
    assert (line.ignored, line.counters.frames_in, line.counters.garbage) == (2, 3, 5)
    assert line.counters.bytes_out == len(ONE)
    assert not await closed(board.wire)
    await task


@pytest.mark.looptime
async def test_what_came_before_the_question_is_no_answer() -> None:
    line, board, task = await opened(b"")
    await board.wire.write(ONE_DONE)
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    assert line.ignored == 1
    await task


@pytest.mark.looptime
async def test_the_rest_of_a_late_answer_is_no_answer() -> None:
    line, board, task = await opened(ONE_DONE[3:])
    await board.wire.write(ONE_DONE[:3])
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    await task


@pytest.mark.looptime
async def test_a_late_answer_over_tcp_is_known_by_its_transaction() -> None:
    line, board, task = await opened(ONE_TCP_DONE, ONE_TCP_DONE, framing="tcp")
    await line.show_number(1, 1, 0)
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    assert board.heard == [ONE_TCP, b"\x00\x02" + ONE_TCP[2:]]
    await task


@pytest.mark.looptime
async def test_transactions_begin_anew_after_the_last() -> None:
    line, board, task = await opened(ONE_TCP_DONE, framing="tcp")
    line._transaction = 0xFFFF
    await line.show_number(1, 1, 0)
    assert board.heard == [ONE_TCP]
    await task


@pytest.mark.looptime
async def test_a_gateway_that_finds_nobody_is_silence() -> None:
    line, board, task = await opened(NO_ANSWER_TCP, framing="tcp")
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    assert now() < 0.5
    assert await closed(board.wire)
    await task


@pytest.mark.looptime
async def test_cancelling_hangs_up() -> None:
    line, board, task = await opened(b"")
    showing = asyncio.create_task(line.show_number(1, 1, 0))
    await task
    showing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await showing
    assert await closed(board.wire)


@pytest.mark.looptime
async def test_cancelling_one_that_still_waits_its_turn_disturbs_nobody() -> None:
    line, board, task = await opened(b"")
    first = asyncio.create_task(line.show_number(1, 1, 0))
    await task
    second = asyncio.create_task(line.show_number(1, 2, 0))
    await asyncio.sleep(0.1)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await board.wire.write(ONE_DONE)
    await first


@pytest.mark.looptime
async def test_frames_keep_their_gap() -> None:
    line, board, task = await opened(ONE_DONE, gap_ms=20)
    await line.show_number(1, 1, 0)
    answered = now()
    second = asyncio.create_task(line.show_number(1, 1, 0))
    await task
    await asyncio.sleep(0.015)
    await board.wire.write(b"\xff")  # the line is not silent yet: the gap begins anew
    assert await board.wire.read() == ONE
    assert now() - answered >= 0.035
    await board.wire.write(ONE_DONE)
    await second


@pytest.mark.looptime
async def test_a_line_that_is_never_silent_is_not_written_to() -> None:
    line, board, task = await opened()

    async def babble() -> None:
        while True:
            await board.wire.write(b"\x00")
            await asyncio.sleep(0.002)

    babbling = asyncio.create_task(babble())
    with pytest.raises(Unreachable):
        await line.show_number(1, 1, 0)
    assert line.counters.bytes_out == 0
    await asyncio.gather(babbling, task, return_exceptions=True)


# ---- the poll


@pytest.mark.looptime
async def test_the_poll_writes_again_what_is_shown() -> None:
    line, board, task = await opened(ONE_DONE, ONE_DONE, WRONG_REGISTER, b"", poll_s=5.0)
    asking = asyncio.create_task(anext(line.events()))
    await asyncio.sleep(1)
    assert board.heard == []  # nobody has said yet what is to be shown
    await line.show_number(1, 1, 0)
    with pytest.raises(Unreachable):
        await asking
    assert board.heard == [ONE] * 4
    assert 16 <= now() < 17
    assert await closed(board.wire)
    await task


@pytest.mark.looptime
async def test_the_poll_never_brings_an_older_number_back() -> None:
    line, board, task = await opened(ONE_DONE, b"")
    await line.show_number(1, 1, 0)
    asking = asyncio.create_task(anext(line.events()))
    await task  # the poll is under way, and two more wait behind it
    newer = [asyncio.create_task(line.show_number(1, ticket, 0)) for ticket in (2, 3)]
    await asyncio.sleep(0)
    await board.wire.write(ONE_DONE)
    three = rtu(1, bytes.fromhex("06 00 00 00 03"))
    for _ in newer:
        assert await board.wire.read() == three
        await board.wire.write(three)
    await asyncio.gather(*newer)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.looptime
async def test_a_silent_board_leaves_the_line_to_the_others() -> None:
    line, board, task = await opened(ONE_DONE, b"", ONE_DONE, b"", ONE_DONE, TWELVE_3_DONE, units=[1, 3])
    await line.show_number(1, 1, 0)
    with pytest.raises(Rejected) as caught:
        await line.show_number(3, 12, 0)
    assert caught.value.reason == "silent"
    events = line.events()
    assert await anext(events) == Condition("silent_3", True)
    before = now()
    with pytest.raises(Rejected):
        await line.show_number(3, 12, 0)
    assert now() == before
    assert await anext(events) == Condition("silent_3", False)
    await task
    assert board.heard == [ONE, TWELVE_3] * 3
    assert not await closed(board.wire)
    await events.aclose()


@pytest.mark.looptime
async def test_a_line_where_nobody_answers_is_unreachable() -> None:
    line, board, task = await opened(b"", b"", b"", units=[1, 3, 9])
    for unit, ticket in ((1, 1), (3, 12)):
        with pytest.raises(Rejected):
            await line.show_number(unit, ticket, 0)
    with pytest.raises(Unreachable):
        await anext(line.events())
    assert await closed(board.wire)
    await task


@pytest.mark.looptime
async def test_a_shared_line_that_is_gone_is_unreachable() -> None:
    line, board, task = await opened(units=[1, 3])
    await board.wire.close()
    with pytest.raises(Unreachable):
        await line.show_number(3, 12, 0)
    await task


@pytest.mark.looptime
async def test_unit_id_and_baud_are_never_written() -> None:
    answers = [b""] * 20
    line, board, task = await opened(*answers, units=[1, 3], show_waiting=False, digits=6)
    for number in (0, 2, 3, None, 0x0003, 0x23, 40000, -1, 999999, None):
        for unit in (1, 3):
            line._missed.clear()
            with pytest.raises(Rejected):
                await line.show_number(unit, number, 0)
    assert {raw[2:4] for raw in board.heard} == {b"\x00\x00", b"\x00\x70"}
    await task


# ---- options


@pytest.mark.parametrize(
    "options",
    [
        {"framing": "ascii"},
        {"units": []},
        {"units": [0]},
        {"units": [248]},
        {"units": ["1"]},
        {"digits": 0},
        {"digits": 7},
        {"register": 2},
        {"register": 3},
    ],
)
def test_wrong_options_are_misconfigured(options: dict[str, Any]) -> None:
    async def opener() -> End:
        return pair()[0]

    with pytest.raises(Misconfigured):
        Modbus(opener, options)


@pytest.mark.looptime
@pytest.mark.parametrize(("units", "address"), [([1, 2], 0), ([1], 2), ([1], -1)])
async def test_a_wrong_address_is_misconfigured(units: list[int], address: int) -> None:
    line, board, task = await opened(units=units)
    with pytest.raises(Misconfigured):
        await line.show_number(address, 1, 0)
    assert not await closed(board.wire)
    await task
