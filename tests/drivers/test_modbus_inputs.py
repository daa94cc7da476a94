"""Call buttons on Modbus inputs: the contacts by themselves, and the device against a module in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import (
    Condition,
    DeviceEvent,
    KeyPressed,
    Misconfigured,
    NumberDisplay,
    Rejected,
    Unreachable,
)
from drivers.modbus import LOOK_S, MISSES, Modbus
from drivers.modbus_inputs import OPEN_S, STUCK_S, Contacts
from simulators.port import Gone
from tests import frames_toml as golden
from tests.wire import End, pair

GOLDEN = {frame.name: frame for frame in golden.load("modbus")}
LOOK = GOLDEN["look at 4 inputs, unit 11"].raw
KEYS = ["call", "recall", "finish", ""]
INPUTS: dict[str, Any] = {"inputs": {"11": KEYS}}

# ---- contacts


def presses(*looks: tuple[float, str]) -> list[int]:
    """What is pressed when the inputs stand so at these times; `#` is closed."""
    contacts = Contacts(len(looks[0][1]))
    return [nth for at, levels in looks for nth in contacts.look([level == "#" for level in levels], at)]


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        ([(0, "."), (0.05, "#"), (0.1, "#"), (0.15, "."), (0.2, ".")], 1),
        ([(0, "."), (0.05, "#"), (0.1, "."), (0.15, "#"), (0.2, "."), (0.25, ".")], 1),
        ([(0, "."), (0.05, "#"), (0.1, "."), (0.15, "."), (0.2, "#")], 2),
        ([(0, "."), (0.05, "#"), (0.1, "."), (0.12, "."), (0.15, "#")], 1),
        ([(0, "#"), (1, "#"), (2, "#")], 0),
        ([(0, "#"), (1, "."), (1.05, "#"), (1.1, "."), (1.15, "."), (1.2, "#")], 1),
    ],
    ids=["a press", "open for one look", "open for two looks", "two quick looks", "held at the start", "then let go"],
)
def test_presses(looks: list[tuple[float, str]], told: int) -> None:
    assert len(presses(*looks)) == told


def test_inputs_are_told_apart_and_in_their_order() -> None:
    assert presses((0, "..."), (0.05, "#.#"), (0.1, "###"), (0.15, "...")) == [0, 2, 1]


def test_a_unit_that_was_away_is_known_anew() -> None:
    contacts = Contacts(1)
    assert contacts.look([False], 0) == []
    contacts.forget()
    assert contacts.look([True], 5) == []
    assert not contacts.stuck(5 + STUCK_S - 0.1)
    assert contacts.stuck(5 + STUCK_S)


def test_a_contact_that_sticks_is_free_when_it_has_been_open_for_a_while() -> None:
    contacts = Contacts(2)
    contacts.look([False, False], 0)
    contacts.look([True, False], 1)
    contacts.look([True, True], 8)
    assert contacts.stuck(11)
    contacts.look([False, True], 12)
    assert contacts.stuck(12)
    contacts.look([False, True], 12.05)
    assert not contacts.stuck(12.05)
    assert contacts.stuck(18)


BOUNCE_MS, LONGEST_LOOK_MS = 20, 80
EDGES = st.lists(st.integers(0, BOUNCE_MS), max_size=8).map(sorted)


@given(st.data(), st.lists(st.tuples(st.integers(100, 500), EDGES, st.integers(210, 500), EDGES), max_size=4))
def test_contacts_that_bounce_for_20_ms_tell_each_press_once(
    data: st.DataObject, story: list[tuple[int, list[int], int, list[int]]]
) -> None:
    """Each press is (held, edges while it closes, let go, edges while it opens), all in milliseconds."""
    flips, now = list[int](), 500
    for held, closing, gone, opening in story:
        for edges, lasts in ((closing, held), (opening, gone)):
            settled = edges if len(edges) % 2 else [*edges, BOUNCE_MS]  # an odd number of flips ends on the other level
            flips += [now + at for at in settled]
            now += lasts
    contacts, told, at = Contacts(1), 0, data.draw(st.integers(0, 100))
    while at < now + 300:
        told += len(contacts.look([sum(flip <= at for flip in flips) % 2 == 1], at / 1000))
        at += data.draw(st.integers(50, LONGEST_LOOK_MS))
    assert told == len(story)


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60))
def test_whatever_a_contact_does_presses_are_apart(looks: list[tuple[float, bool]]) -> None:
    contacts, now, open_since, told = Contacts(1), 0.0, None, False
    for pause, level in looks:
        now += pause
        pressed = contacts.look([level], now) == [0]
        assert not (pressed and told), "two presses and nobody let go"
        told |= pressed
        if level:
            open_since = None
        else:
            open_since = now if open_since is None else open_since
            told &= now - open_since < OPEN_S


# ---- the device


class Module:
    """Units with inputs, coils and a number, on one wire. Answers each request of this line as the protocol says."""

    def __init__(self, wire: End, *units: int) -> None:
        self.wire = wire
        self.closed = {unit: set[int]() for unit in units}
        self.asked: list[tuple[float, bytes]] = []
        self.away: set[int] = set()
        self.wrong: Callable[[bytes], bytes | None] = lambda _: None
        """What it answers instead, without the checksum."""

    async def run(self) -> None:
        with contextlib.suppress(Gone):
            while True:
                request = await self.wire.read()
                self.asked.append((asyncio.get_running_loop().time(), request))
                if request[0] in self.closed and request[0] not in self.away:
                    await asyncio.sleep(0.01)
                    await self.wire.write(with_checksum(self.wrong(request[:-2]) or self.answer(request[:-2])))

    def answer(self, request: bytes) -> bytes:
        if request[1] != 2:
            return request[:6]
        count = int.from_bytes(request[4:6])
        levels = sum(1 << nth for nth in self.closed[request[0]] if nth < count)
        size = (count + 7) // 8
        return request[:2] + bytes([size]) + levels.to_bytes(size, "little")

    def times(self, unit: int, function: int) -> list[float]:
        return [at for at, request in self.asked if request[:2] == bytes([unit, function])]

    def sent(self, function: int) -> list[str]:
        return [request[:-2].hex(" ").upper() for _, request in self.asked if request[1] == function]


def with_checksum(frame: bytes) -> bytes:
    """Modbus over serial line V1.02, 6.2.2: the table-free algorithm, bit by bit from the lowest."""
    crc = 0xFFFF
    for bit in (byte >> nth & 1 for byte in frame for nth in range(8)):
        crc = (crc >> 1) ^ (0xA001 if (crc ^ bit) & 1 else 0)
    return frame + crc.to_bytes(2, "little")


@contextlib.asynccontextmanager
async def hall(*units: int, **options: Any) -> AsyncIterator[tuple[Modbus, Module, list[DeviceEvent]]]:
    """A line with buttons on these units, the module, and what is told meanwhile."""
    link, wire = pair()

    async def opener() -> End:
        return link

    module, told = Module(wire, *units, *options.get("units", [])), list[DeviceEvent]()
    inputs = {str(unit): KEYS for unit in units}
    async with Modbus(opener, {"inputs": inputs} | options) as line:

        async def listen() -> None:
            async with contextlib.aclosing(line.events()) as events:
                async for event in events:
                    told.append(event)

        tasks = [asyncio.create_task(module.run()), asyncio.create_task(listen())]
        try:
            yield line, module, told
            failed = tasks[1].done() and tasks[1].exception()
            if failed:
                raise failed
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.looptime
async def test_golden_looks_go_out_every_50_ms() -> None:
    async with hall(11) as (line, module, told):
        await asyncio.sleep(1.04)
        assert {request for _, request in module.asked} == {LOOK}
        times = module.times(11, 2)
        gaps = [after - before for before, after in pairwise(times)]
        assert gaps == [pytest.approx(LOOK_S)] * 20
        assert told == []
        assert (line.ignored, line.counters.garbage, line.counters.bad_frames) == (0, 0, 0)


@pytest.mark.looptime
async def test_a_golden_level_is_a_press_of_its_unit() -> None:
    async with hall(11) as (_, module, told):
        await asyncio.sleep(0.2)
        module.closed[11] = {2}
        await asyncio.sleep(0.2)
        assert told == [KeyPressed(11, "finish")]
        module.closed[11] = {0, 1, 2, 3}
        await asyncio.sleep(0.2)
        assert told[1:] == [KeyPressed(11, "call"), KeyPressed(11, "recall")], "the fourth has no button"


@pytest.mark.looptime
async def test_over_tcp_the_golden_frames_are_the_same_pdus() -> None:
    link, wire = pair()

    async def opener() -> End:
        return link

    async with (
        Modbus(opener, {"framing": "tcp", "inputs": {"11": KEYS}}) as line,
        contextlib.aclosing(line.events()) as events,
    ):
        asking = asyncio.ensure_future(anext(events))
        assert await wire.read() == GOLDEN["look at 4 inputs, unit 11, TCP"].raw
        await wire.write(GOLDEN["input 2 of 4 is closed, unit 11, TCP"].raw)  # found at the start: no press
        for nth, levels in enumerate(("00", "00", "01"), 2):
            assert (await wire.read())[:2] == bytes([0, nth])
            await wire.write(bytes.fromhex(f"00 0{nth} 00 00 00 04 0B 02 01 {levels}"))
        assert await asking == KeyPressed(11, "call")


@pytest.mark.looptime
async def test_what_is_held_at_the_start_is_no_press_until_it_was_let_go() -> None:
    async with hall(11) as (_, module, told):
        module.closed[11] = {0}
        await asyncio.sleep(1)
        assert told == []
        module.closed[11] = set()
        await asyncio.sleep(0.2)
        module.closed[11] = {0}
        await asyncio.sleep(0.2)
        assert told == [KeyPressed(11, "call")]


@pytest.mark.looptime
@pytest.mark.parametrize(("units", "name"), [([12], "stuck_key"), ([11, 12], "stuck_key_12")])
async def test_a_contact_that_sticks_is_a_condition_and_one_press(units: list[int], name: str) -> None:
    async with hall(*units) as (_, module, told):
        await asyncio.sleep(0.2)
        module.closed[12] = {1}
        await asyncio.sleep(9.9)
        assert told == [KeyPressed(12, "recall")]
        await asyncio.sleep(3)
        assert told[1:] == [Condition(name, True)]
        module.closed[12] = set()
        await asyncio.sleep(0.2)
        assert told[2:] == [Condition(name, False)]


@pytest.mark.looptime
async def test_many_units_share_the_line_fairly() -> None:
    units = range(1, 11)
    async with hall(*units) as (_, module, _told):
        await asyncio.sleep(5)
        counts = [len(module.times(unit, 2)) for unit in units]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) == pytest.approx(5 / 0.015, rel=0.05), (
            "a look takes 5 ms of silence and 10 ms for the answer"
        )


@pytest.mark.looptime
async def test_numbers_go_between_the_looks() -> None:
    async with hall(*range(11, 31), units=[1, 2], show_waiting=True) as (line, module, _told):
        await asyncio.sleep(1)
        before = asyncio.get_running_loop().time()
        await asyncio.gather(line.show_number(1, 7, 0), line.show_number(2, None, 9))
        assert asyncio.get_running_loop().time() - before < 0.1
        assert module.sent(6) == ["01 06 00 00 00 07", "02 06 00 00 00 09"]
        await asyncio.sleep(5.1)
        assert module.sent(6)[2:] == ["01 06 00 00 00 07", "02 06 00 00 00 09"], "boards are still written again"


@pytest.mark.looptime
async def test_one_unit_can_have_both() -> None:
    async with hall(11, units=[11]) as (line, module, told):
        await line.show_number(0, 42, 0)
        await asyncio.sleep(0.1)
        module.closed[11] = {0}
        await asyncio.sleep(0.1)
        assert module.sent(6)[0] == "0B 06 00 00 00 2A"
        assert told == [KeyPressed(11, "call")]


# ---- units that do not answer


@pytest.mark.looptime
async def test_a_unit_that_is_away_is_silent_and_costs_the_others_little() -> None:
    async with hall(11, 12) as (_, module, told):
        await asyncio.sleep(0.5)
        module.away = {12}
        await asyncio.sleep(2)
        assert told == [Condition("silent_12", True)]
        del module.asked[:]
        await asyncio.sleep(10)
        assert len(module.times(12, 2)) == 2
        assert len(module.times(11, 2)) > 180, "of 200: two waits of a quarter second are lost"
        module.closed[12] = {0}
        module.away = set()
        await asyncio.sleep(6)
        assert told[1:] == [Condition("silent_12", False)], "it was held while nobody looked"
        module.closed[12] = set()
        await asyncio.sleep(0.2)
        module.closed[12] = {0}
        await asyncio.sleep(0.2)
        assert told[2:] == [KeyPressed(12, "call")]


@pytest.mark.looptime
@pytest.mark.parametrize("lost", [1, MISSES - 1])
async def test_a_look_that_is_lost_to_noise_is_no_silence_and_presses_nothing_twice(lost: int) -> None:
    async with hall(11) as (line, module, told):
        await asyncio.sleep(0.2)
        module.closed[11] = {0}
        await asyncio.sleep(0.1)
        missing = iter([b"\xff\xff\xff"] * lost)
        module.wrong = lambda _: next(missing, None)
        await asyncio.sleep(3)
        assert told == [KeyPressed(11, "call")]
        assert line.counters.garbage + line.counters.bad_frames > 0


async def lives(spoil: Callable[[Module], object], **options: Any) -> None:
    """A line with unit 11 that is well for a while, is spoilt, and is left alone; raises what ends it."""
    async with hall(11, **options) as (_, module, _told):
        await asyncio.sleep(0.2)
        spoil(module)
        await asyncio.sleep(3)


def refuse(function: int, code: int) -> Callable[[Module], object]:
    answer = bytes([11, function | 0x80, code])
    return lambda module: setattr(module, "wrong", lambda request: answer if request[1] == function else None)


@pytest.mark.looptime
async def test_a_line_where_nobody_answers_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="nobody on the line"):
        await lives(lambda module: module.away.add(11))


@pytest.mark.looptime
async def test_a_line_that_is_cut_is_unreachable() -> None:
    with pytest.raises(Unreachable):
        await lives(lambda module: asyncio.ensure_future(module.wire.close()))


@pytest.mark.looptime
@pytest.mark.parametrize("code", [1, 2, 3])
async def test_a_module_without_these_inputs_is_misconfigured(code: int) -> None:
    with pytest.raises(Misconfigured, match=r"unit 11.*has it 4 inputs"):
        await lives(refuse(2, code))


@pytest.mark.looptime
@pytest.mark.parametrize("code", [4, 6])
async def test_a_module_that_is_busy_is_looked_at_again(code: int) -> None:
    async with hall(11) as (_, module, told):
        busy = iter([code] * 5)
        module.wrong = lambda _: next((bytes([11, 0x82, one]) for one in busy), None)
        await asyncio.sleep(1)
        module.closed[11] = {0}
        await asyncio.sleep(0.2)
        assert told == [KeyPressed(11, "call")]


@pytest.mark.looptime
async def test_a_late_answer_of_another_unit_is_no_level_of_this_one() -> None:
    async with hall(11, 12) as (line, module, told):
        await asyncio.sleep(0.2)
        late = iter([bytes([12, 2, 1, 1]), bytes([11, 2, 2, 1, 0])])
        module.wrong = lambda _: next(late, None)
        await asyncio.sleep(2)
        assert told == []
        assert line.ignored == 2


# ---- buzzers


@pytest.mark.looptime
async def test_a_beep_is_a_coil_that_is_on_for_a_moment() -> None:
    async with hall(11, 12, buzzer=3) as (line, module, _told):
        await asyncio.sleep(0.2)
        assert sorted(module.sent(5)) == ["0B 05 00 03 00 00", "0C 05 00 03 00 00"], "it may have been left on"
        await line.beep(11)
        on = asyncio.get_running_loop().time()
        await asyncio.sleep(1)
        assert module.sent(5)[2:] == ["0B 05 00 03 FF 00", "0B 05 00 03 00 00"]
        assert GOLDEN["coil 3 on, unit 11"].raw in [request for _, request in module.asked]
        assert module.times(11, 5)[-1] - on == pytest.approx(0.3, abs=0.05)


@pytest.mark.looptime
async def test_a_buzzer_that_was_not_heard_to_fall_silent_is_told_again() -> None:
    async with hall(11, 12, buzzer=0) as (line, module, _told):
        await asyncio.sleep(0.2)
        await line.beep(11)
        lost = iter([b"\xff"])
        module.wrong = lambda request: next(lost, None) if request[1] == 5 else None
        await asyncio.sleep(2)
        assert module.sent(5)[2:] == ["0B 05 00 00 FF 00", "0B 05 00 00 00 00", "0B 05 00 00 00 00"]


@pytest.mark.looptime
async def test_beeps_that_cannot_be_heard_are_rejected() -> None:
    async with hall(11, 12, units=[1], buzzer=0) as (line, module, _told):
        with pytest.raises(Rejected, match="no_beeper"):
            await line.beep(1)
        module.away = {11}
        await asyncio.sleep(2)
        before = len(module.asked)
        with pytest.raises(Rejected, match="silent"):
            await line.beep(11)
        assert len(module.asked) == before
    async with hall(11) as (line, _, _told):
        with pytest.raises(Rejected, match="no_beeper"):
            await line.beep(11)


@pytest.mark.looptime
async def test_a_coil_that_is_not_there_is_misconfigured() -> None:
    link, wire = pair()

    async def opener() -> End:
        return link

    module = Module(wire, 11)
    refuse(5, 2)(module)
    answering = asyncio.create_task(module.run())
    async with Modbus(opener, INPUTS | {"buzzer": 9}) as line:
        with pytest.raises(Misconfigured, match="has it coil 9"):
            await anext(line.events())
    await answering


# ---- options


@pytest.mark.looptime
async def test_a_unit_with_buttons_only_shows_nothing() -> None:
    async with hall(11) as (line, module, _told):
        await line.show_number(11, 1, 0)
        await asyncio.sleep(6)
        assert module.sent(6) == []
        with pytest.raises(Misconfigured):
            await line.show_number(1, 1, 0)


@pytest.mark.parametrize(
    ("options", "capability", "address", "why"),
    [
        (INPUTS, KeyPressed, 11, None),
        (INPUTS, KeyPressed, 0, "unit 0 is not among its options.units [] or options.inputs [11]"),
        (INPUTS, NumberDisplay, 11, "unit 11 is not among its options.units [] or options.inputs [11]"),
        (INPUTS | {"units": [1]}, KeyPressed, 11, None),
        (INPUTS | {"units": [1]}, KeyPressed, 1, None),
        (INPUTS | {"units": [1]}, KeyPressed, 2, "unit 2 is not among its options.units [1] or options.inputs [11]"),
        ({}, NumberDisplay, 1, None),
        ({}, KeyPressed, 0, None),
    ],
)
def test_what_it_lacks_is_told_before_anything_runs(
    options: dict[str, Any], capability: type, address: int, why: str | None
) -> None:
    assert KeyPressed in Modbus.TELLS
    assert Modbus.lacks(options, capability, address) == why


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"inputs": ["call"]}, "inputs is a table"),
        ({"inputs": {"0": ["call"]}}, "'0' is no unit id"),
        ({"inputs": {"248": ["call"]}}, "no unit id"),
        ({"inputs": {"011": ["call"]}}, "no unit id"),
        ({"inputs": {"one": ["call"]}}, "no unit id"),
        ({"inputs": {"11": []}}, "list of 1 to 16"),
        ({"inputs": {"11": "call"}}, "list of 1 to 16"),
        ({"inputs": {"11": ["call"] * 17}}, "list of 1 to 16"),
        ({"inputs": {"11": ["dance"]}}, "has dance; known are call"),
        ({"inputs": {"11": [7]}}, "has 7"),
        (INPUTS | {"buzzer": -1}, "buzzer is a coil"),
        (INPUTS | {"buzzer": 65536}, "buzzer is a coil"),
        ({"buzzer": 0}, "buzzer is a coil"),
        ({"units": []}, "units and inputs are empty"),
    ],
)
def test_wrong_options_are_misconfigured(options: dict[str, Any], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        Modbus(lambda: asyncio.sleep(0, pair()[0]), options)
