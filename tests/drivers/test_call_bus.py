"""The FF 68 bus: the device against scripted boxes in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.base import DeviceEvent, Graded, KeyPressed, Unreachable
from drivers.call_bus import MAX_REPEATS, CallBus
from simulators.port import Gone
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame for frame in golden.load("call_bus")}
CALL = GOLDEN["call key, box 3"].raw
GIVE_UP = GOLDEN["give up (6 and confirm), box 3"].raw
GRADE, ACK = GOLDEN["grade 3, evaluator 3"].raw, GOLDEN["acknowledgement of grade 3, evaluator 3"].raw
HIGH_GRADE = GOLDEN["grade 3, evaluator 80 + 3"].raw
HIGH_ACK = GOLDEN["acknowledgement of grade 3, evaluator 80 + 3"].raw
TICKET, BEEP = GOLDEN["ticket 001, box 3"].raw, GOLDEN["beep, box 3"].raw
INVITE = GOLDEN["start evaluation, box 3"].raw
CALL_PRESSED = KeyPressed(3, "call")


async def opened(**options: Any) -> tuple[CallBus, End]:
    link, wire = pair()

    async def opener() -> End:
        return link

    bus = CallBus(opener, options)
    await bus.__aenter__()
    return bus, wire


async def heard(wire: End, seconds: float = 0.1) -> bytes:
    """Everything the host says within that time."""
    data = b""
    try:
        async with asyncio.timeout(seconds):
            while True:
                data += await wire.read()
    except TimeoutError:
        return data


async def told(bus: CallBus, seconds: float = 0.1) -> list[DeviceEvent]:
    """The events until the line has been quiet for that time; the last one is acknowledged."""
    events, found = bus.events(), []
    try:
        while True:
            async with asyncio.timeout(seconds):
                found.append(await anext(events))
    except TimeoutError:
        return found


@pytest.mark.looptime
async def test_a_key_is_echoed_before_it_is_told() -> None:
    bus, wire = await opened()
    await wire.write(GIVE_UP)
    before = asyncio.get_running_loop().time()
    assert await anext(bus.events()) == KeyPressed(3, "miss")
    assert asyncio.get_running_loop().time() - before < 0.03
    assert await wire.read() == GIVE_UP


@pytest.mark.looptime
async def test_keys_of_the_other_profile() -> None:
    bus, wire = await opened(keys="slz")
    await wire.write(GOLDEN["transfer to 12, box 3"].raw)
    assert await anext(bus.events()) == KeyPressed(3, "transfer", (1, 2))


@pytest.mark.looptime
async def test_a_grade_is_acknowledged_only_when_the_next_event_is_asked_for() -> None:
    bus, wire = await opened()
    events = bus.events()
    await wire.write(GRADE)
    assert await anext(events) == Graded(3, 3)
    assert await heard(wire, 5) == b""
    asking = asyncio.create_task(anext(events))
    assert await heard(wire) == ACK
    await wire.write(CALL)
    assert await asking == CALL_PRESSED


@pytest.mark.looptime
async def test_a_grade_is_not_acknowledged_when_the_consumer_fails_and_is_told_again() -> None:
    bus, wire = await opened()
    events = bus.events()
    await wire.write(GRADE)
    await anext(events)
    with pytest.raises(RuntimeError):
        await events.athrow(RuntimeError("no commit"))
    assert await heard(wire) == b""
    await wire.write(GRADE)
    assert await told(bus) == [Graded(3, 3)]
    assert await heard(wire) == ACK


@pytest.mark.looptime
async def test_a_grade_is_not_acknowledged_when_the_consumer_closes() -> None:
    bus, wire = await opened()
    events = bus.events()
    await wire.write(GRADE)
    await anext(events)
    await events.aclose()
    assert await heard(wire) == b""


@pytest.mark.looptime
async def test_a_repeated_key_is_echoed_again_and_told_once() -> None:
    bus, wire = await opened()
    telling = asyncio.create_task(told(bus, 1))
    for _ in range(3):
        await wire.write(CALL)
        await asyncio.sleep(0.25)
    assert await telling == [CALL_PRESSED]
    assert await heard(wire) == CALL * 3
    assert bus.repeated == 2


@pytest.mark.looptime
async def test_a_key_that_was_told_is_not_told_again_when_the_consumer_failed() -> None:
    bus, wire = await opened()
    events = bus.events()
    await wire.write(CALL)
    await anext(events)
    await events.aclose()
    await wire.write(CALL)
    assert await told(bus) == []
    assert await heard(wire) == CALL * 2


@pytest.mark.looptime
async def test_the_same_key_later_is_a_new_press() -> None:
    bus, wire = await opened()
    telling = asyncio.create_task(told(bus, 0.5))
    for _ in range(2):
        await wire.write(CALL)
        await asyncio.sleep(0.35)
    assert await telling == [CALL_PRESSED] * 2


@pytest.mark.looptime
async def test_another_key_and_another_box_are_no_repeats() -> None:
    bus, wire = await opened()
    of_box_4 = bytes.fromhex("FF 68 03 03 68 04 00 0C 10 16")
    await wire.write(CALL + of_box_4 + GIVE_UP + CALL)
    assert await told(bus) == [CALL_PRESSED, KeyPressed(4, "call"), KeyPressed(3, "miss"), CALL_PRESSED]
    assert await heard(wire) == CALL + of_box_4 + GIVE_UP + CALL


@pytest.mark.looptime
async def test_what_a_box_repeats_while_the_hall_is_busy_is_one_press() -> None:
    bus, wire = await opened()
    events = bus.events()
    await wire.write(CALL)
    await anext(events)
    await wire.write(CALL)
    await asyncio.sleep(2)
    asking = asyncio.create_task(anext(events))
    await asyncio.sleep(0.4)
    await wire.write(GIVE_UP)
    assert await asking == KeyPressed(3, "miss")


@pytest.mark.looptime
async def test_a_repeated_grade_is_acknowledged_again_and_told_once() -> None:
    bus, wire = await opened()
    await wire.write(GRADE)
    assert await told(bus) == [Graded(3, 3)]
    await wire.write(GRADE)
    assert await told(bus) == []
    assert await heard(wire) == ACK + ACK


@pytest.mark.looptime
async def test_a_key_between_does_not_make_a_repeated_grade_new() -> None:
    bus, wire = await opened()
    await wire.write(GRADE + CALL + GRADE)
    assert await told(bus) == [Graded(3, 3), CALL_PRESSED]
    assert await heard(wire) == ACK + CALL + ACK


@pytest.mark.looptime
async def test_a_box_that_never_stops_repeating_gets_no_more_answers() -> None:
    bus, wire = await opened()
    await wire.write(CALL * 50)
    assert await told(bus, 1) == [CALL_PRESSED]
    assert await heard(wire) == CALL * (1 + MAX_REPEATS)


@pytest.mark.looptime
async def test_evaluators_at_80_and_more_are_told_by_their_box() -> None:
    bus, wire = await opened(evaluator_offset=0x80)
    await wire.write(GRADE + HIGH_GRADE)
    assert await told(bus) == [Graded(3, 3)]
    await bus.invite(3)
    assert await heard(wire) == HIGH_ACK + GOLDEN["start evaluation, evaluator 80 + 3"].raw
    assert bus.ignored == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("ticket", "waiting", "name"),
    [
        (1, 0, "ticket 001, box 3"),
        (12001, 7, "ticket 001, box 3"),
        (None, 12, "waiting 012, box 3"),
        (None, 999, "waiting 999, box 3"),
        (None, 4321, "waiting 999, box 3"),
    ],
)
async def test_numbers(ticket: int | None, waiting: int, name: str) -> None:
    bus, wire = await opened()
    await bus.show_number(3, ticket, waiting)
    assert await heard(wire) == GOLDEN[name].raw


@pytest.mark.looptime
async def test_beep_and_invite() -> None:
    bus, wire = await opened()
    await bus.beep(3)
    await bus.invite(3)
    assert await heard(wire) == BEEP + INVITE


@pytest.mark.looptime
async def test_frames_keep_their_gap_on_the_air() -> None:
    bus, wire = await opened()
    writing = [asyncio.create_task(bus.show_number(3, 1, 0)), asyncio.create_task(bus.beep(3))]
    assert await wire.read() == TICKET
    first = asyncio.get_running_loop().time()
    assert await wire.read() == BEEP
    passed = asyncio.get_running_loop().time() - first
    assert 15 * 10 / 9600 + 0.005 - 0.001 <= passed < 0.03
    await asyncio.gather(*writing)


@pytest.mark.looptime
async def test_an_echo_goes_ahead_of_waiting_displays() -> None:
    bus, wire = await opened()
    now = asyncio.get_running_loop().time
    async with asyncio.TaskGroup() as group:
        for ticket in range(20):
            group.create_task(bus.show_number(3, ticket, 0))
        first = await wire.read()
        await wire.write(CALL)
        assert await anext(bus.events()) == CALL_PRESSED
        assert await wire.read() == CALL
        echoed = now()
        second = await wire.read()
        assert now() - echoed >= 10 * 10 / 9600 + 0.004
    shown = first + second + await heard(wire)
    assert [shown[at + 12] + 10 * shown[at + 11] for at in range(0, len(shown), 15)] == list(range(20))


@pytest.mark.looptime
async def test_a_line_that_is_never_silent_is_written_to_at_last() -> None:
    bus, wire = await opened()

    async def babble() -> None:
        while True:
            await wire.write(b"\x00")
            await asyncio.sleep(0.002)

    tasks = [asyncio.create_task(babble()), asyncio.create_task(told(bus, 5))]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1):
        await bus.beep(3)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.looptime
async def test_own_bytes_that_come_back_are_dropped() -> None:
    bus, wire = await opened(echo=True)

    async def mirror() -> None:
        while True:
            data = await wire.read()
            sent.append(data)
            await wire.write(data)

    sent: list[bytes] = []
    mirroring = asyncio.create_task(mirror())
    await wire.write(CALL)
    telling = asyncio.create_task(told(bus, 2))
    await asyncio.sleep(0.5)
    await bus.show_number(3, 1, 0)
    await bus.invite(3)
    await bus.beep(3)
    await wire.write(GRADE)
    await asyncio.sleep(0.5)
    await wire.write(CALL)
    assert await telling == [CALL_PRESSED, Graded(3, 3), CALL_PRESSED]
    assert sent == [CALL, TICKET, INVITE, BEEP, ACK, CALL]
    assert (bus.ignored, bus.repeated) == (6, 0)
    assert (bus.counters.garbage, bus.counters.bad_frames) == (0, 0)
    mirroring.cancel()
    await asyncio.gather(mirroring, return_exceptions=True)


@pytest.mark.looptime
async def test_an_invitation_that_comes_back_is_no_press_of_finish() -> None:
    bus, wire = await opened()
    await bus.invite(3)
    await wire.write(await wire.read())
    assert await told(bus) == []
    # One came back; the next with the same bytes is a box whose key frames look like that.
    await wire.write(INVITE)
    assert await told(bus) == [KeyPressed(3, "finish")]


@pytest.mark.looptime
async def test_own_bytes_that_never_came_back_do_not_hide_a_later_press() -> None:
    bus, wire = await opened(echo=True)
    for _ in range(2):
        await wire.write(CALL)
        assert await told(bus, 0.4) == [CALL_PRESSED]


@pytest.mark.looptime
async def test_an_echo_not_named_in_the_options_does_not_ring_for_ever() -> None:
    bus, wire = await opened()
    await wire.write(CALL)
    telling = asyncio.create_task(told(bus, 1))
    for _ in range(1 + MAX_REPEATS):
        await wire.write(await wire.read())
    assert await telling == [CALL_PRESSED]
    assert await heard(wire) == b""


@pytest.mark.looptime
async def test_frames_without_a_meaning_are_ignored_and_counted() -> None:
    bus, wire = await opened()
    await wire.write(BEEP + bytes.fromhex("FF 68 04 04 68 03 11 03 03 1A 16") + b"noise")
    assert await told(bus) == []
    assert await heard(wire) == b""
    assert (bus.ignored, bus.counters.frames_in, bus.counters.garbage) == (2, 2, 5)


class Stuffed:
    """A link that takes no bytes."""

    closed = False

    async def open(self) -> Stuffed:
        return self

    async def read(self) -> bytes:
        raise AssertionError("nobody reads")

    async def write(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True


@pytest.mark.looptime
async def test_a_line_that_takes_no_bytes_is_hung_up() -> None:
    link = Stuffed()
    async with CallBus(link.open) as bus:
        with pytest.raises(Unreachable):
            await bus.beep(3)
        assert link.closed


@pytest.mark.looptime
async def test_cancelling_in_the_middle_of_a_frame_hangs_up() -> None:
    link = Stuffed()
    async with CallBus(link.open) as bus:
        beeping = asyncio.create_task(bus.beep(3))
        await asyncio.sleep(0.1)
        beeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beeping
        assert link.closed


@pytest.mark.looptime
async def test_leaving_closes_the_link() -> None:
    bus, wire = await opened()
    await bus.__aexit__(None, None, None)
    with pytest.raises(Gone):
        await wire.read()
    with pytest.raises(Unreachable):
        await bus.beep(3)
