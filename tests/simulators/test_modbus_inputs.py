"""The simulated input modules against the Modbus specification's examples and pymodbus, never against our driver."""

from __future__ import annotations

import asyncio
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.pdu.bit_message import ReadDiscreteInputsRequest, WriteMultipleCoilsRequest

from simulators.modbus import ModbusLine
from simulators.modbus_inputs import Contact, Module
from tests.simulators.test_modbus import line, rtu, said
from tests.wire import End

pytestmark = pytest.mark.looptime

INPUTS = {"3": ["call", "recall"]}
LOOK = rtu("03 02 00 00 00 08")


async def bits(link: End, look: bytes = LOOK) -> int:
    """The first eight inputs of unit 3 (or coils, as asked), the first one lowest."""
    answer = await said(link, look)
    assert answer is not None
    assert answer == rtu(answer[:-2].hex())
    assert answer[:3] == bytes([3, look[1], 1])
    return answer[3]


# ---- reading and writing

SPECIFIED = [  # source: Modbus Application Protocol 1.1b3, the examples of clauses 6.5 and 6.11, with unit 3
    ("03 05 00 AC FF 00", "03 05 00 AC FF 00"),
    ("03 0F 00 13 00 0A 02 CD 01", "03 0F 00 13 00 0A"),
]


@pytest.mark.parametrize(("asked", "answered"), SPECIFIED)
async def test_the_specified_writes_on_a_module_that_is_large_enough(asked: str, answered: str) -> None:
    async with line(inputs={"3": ["call"] * 200}) as (simulator, link):
        assert await said(link, rtu(asked)) == rtu(answered)
        coils = simulator.modules[0].coils
        if asked.startswith("03 05"):
            assert [nth for nth, on in enumerate(coils) if on] == [0xAC]
        else:
            assert coils[0x13 : 0x13 + 10] == [on == "1" for on in "1011001110"]
            assert sum(coils) == 6


async def test_inputs_are_packed_from_the_lowest_bit_and_the_rest_is_0() -> None:
    """Clause 6.2: input 197 to 218 read as AC DB 35."""
    wanted = [bool(byte >> nth & 1) for byte in b"\xac\xdb\x35" for nth in range(8)][:22]
    async with line(inputs={"3": [str(nth) for nth in range(220)]}) as (simulator, link):
        for nth, closed in enumerate(wanted, 196):
            simulator.modules[0].contact(str(nth)).stuck = closed
        assert await said(link, rtu("03 02 00 C4 00 16")) == rtu("03 02 03 AC DB 35")


async def test_a_module_without_boards_has_eight_inputs_and_eight_coils() -> None:
    async with line(inputs=INPUTS) as (simulator, link):
        assert simulator.boards == []
        assert await bits(link) == 0
        assert await said(link, rtu("03 05 00 00 FF 00")) == rtu("03 05 00 00 FF 00")
        assert await said(link, rtu("03 0F 00 04 00 04 01 0A")) == rtu("03 0F 00 04 00 04")
        assert await bits(link, rtu("03 01 00 00 00 08")) == 0b10100001
        assert [(shown.unit, shown.text) for shown in simulator.history] == [(3, "10000000"), (3, "10000101")]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("02 00 00 00 09", 2),
        ("02 00 08 00 01", 2),
        ("02 00 00 00 00", 3),
        ("02 00 00 07 D1", 3),
        ("02 00 00 00", 3),
        ("01 00 08 00 01", 2),
        ("05 00 08 FF 00", 2),
        ("05 00 00 00 01", 3),
        ("05 00 00 FF", 3),
        ("0F 00 07 00 02 01 03", 2),
        ("0F 00 00 00 08 02 03 00", 3),
        ("0F 00 00 00 08 01", 3),
        ("0F 00 00 00 00 00", 3),
        ("03 00 00 00 01", 1),
        ("06 00 00 00 1B", 1),
    ],
)
async def test_what_a_module_does_not_have_is_refused(asked: str, code: int) -> None:
    async with line(inputs=INPUTS) as (simulator, link):
        assert await said(link, rtu(f"03 {asked}")) == rtu(f"03 {int(asked[:2], 16) | 0x80:02X} {code:02X}")
        assert not any(simulator.modules[0].coils)


async def test_boards_and_modules_share_a_line() -> None:
    async with line(inputs=INPUTS, addresses=[1, 3]) as (simulator, link):
        assert await said(link, rtu("01 06 00 00 00 1B")) == rtu("01 06 00 00 00 1B")
        assert await bits(link) == 0
        assert await said(link, rtu("01 02 00 00 00 08")) == rtu("01 82 01")
        assert simulator.shown == {1: "  27"}
    async with line(inputs=INPUTS, units=[7], addresses=[3, 7]) as (simulator, _):
        assert [board.unit for board in simulator.boards] == [7]


async def test_unit_0_switches_the_coils_of_all_in_silence() -> None:
    async with line(inputs={"3": ["call"], "4": ["call"]}) as (simulator, link):
        assert await said(link, rtu("00 05 00 00 FF 00")) is None
        assert [module.text for module in simulator.modules] == ["10000000"] * 2


# ---- fingers


@pytest.mark.parametrize(("kind", "seconds"), [("press", 0.2), ("long", 3.0), ("tap", 0.01)])
async def test_a_button_is_closed_as_long_as_a_finger_stays(kind: str, seconds: float) -> None:
    async with line(inputs=INPUTS) as (simulator, _):
        simulator.control(f"{kind}:3:recall")
        inputs = simulator.modules[0].inputs
        assert inputs() == [False, True] + [False] * 6
        await asyncio.sleep(seconds - 0.001)
        assert inputs()[1] is True
        await asyncio.sleep(0.002)
        assert inputs()[1] is False


async def test_a_press_is_seen_by_who_polls_and_a_touch_between_two_polls_is_not() -> None:
    async with line(inputs=INPUTS) as (simulator, link):
        simulator.press(3, "call")
        assert await bits(link) == 0b01
        await asyncio.sleep(1)
        assert await bits(link) == 0
        simulator.press(3, "recall", "tap")
        await asyncio.sleep(0.05)
        assert await bits(link) == 0


@given(st.floats(0.05, 5), st.floats(0, 100))
def test_a_bouncing_contact_changes_several_times_within_20_ms_and_then_stays(seconds: float, now: float) -> None:
    contact = Contact("call")
    contact.press(now, seconds, bounce=True)
    times = [at for at, _ in contact.edges]
    assert times == sorted(times)
    assert len([at for at in times if at < now + 0.02]) == len([at for at in times if at >= now + seconds]) == 5
    assert all(at < now + 0.02 or now + seconds <= at < now + seconds + 0.02 for at in times)
    assert [closed for _, closed in contact.edges] == [True, False, True, False, True, False, True, False, True, False]
    assert contact.closed(now + 0.0201)
    assert contact.closed(now + seconds - 0.001)
    assert not contact.closed(now + seconds + 0.0201)


async def test_the_bounce_is_a_switch_of_the_line() -> None:
    async with line(inputs=INPUTS) as (simulator, _):
        simulator.control("bounce")
        simulator.control("press:3:call")
        assert len(simulator.modules[0].contact("call").edges) == 10
        simulator.control("bounce")
        simulator.control("press:3:call")
        assert len(simulator.modules[0].contact("call").edges) == 2


async def test_a_contact_that_sticks_is_closed_until_it_is_freed() -> None:
    async with line(inputs=INPUTS) as (simulator, link):
        simulator.control("stuck:3:call")
        await asyncio.sleep(600)
        assert await bits(link) == 0b01
        simulator.control("stuck:3:call")
        assert await bits(link) == 0


@pytest.mark.parametrize("name", ["press:3:dance", "press:4:call", "shove:3:call", "press:3"])
async def test_names_that_are_no_control(name: str) -> None:
    async with line(inputs=INPUTS) as (simulator, _):
        with pytest.raises(KeyError):
            simulator.control(name)


# ---- the line goes


async def test_a_power_cycle_puts_the_coils_out_and_leaves_the_fingers() -> None:
    async with line(inputs=INPUTS) as (simulator, link):
        await said(link, rtu("03 05 00 01 FF 00"))
        simulator.control("stuck:3:call")
        cycling = simulator.control("power_cycle")
        assert cycling is not None
        await cycling
        assert await bits(link, rtu("03 01 00 00 00 08")) == 0
        assert await bits(link) == 0b01


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_a_dropped_connection_is_hung_up_on_and_the_coils_stay(framing: str) -> None:
    async with line(framing=framing, inputs=INPUTS) as (simulator, link):
        simulator.modules[0].coils[0] = True
        dropping = simulator.control("drop")
        assert dropping is not None
        await dropping
        with pytest.raises(Exception, match="closed"):
            await link.read()
        assert simulator.modules[0].text == "10000000"


# ---- what is seen


async def test_the_picture_shows_fingers_lamps_and_the_buzzer() -> None:
    async with line(inputs=INPUTS, addresses=[1], buzzer=7) as (simulator, link):
        seen = [simulator.picture()]
        await said(link, rtu("03 05 00 00 FF 00"))
        seen.append(simulator.picture())
        await said(link, rtu("03 05 00 07 FF 00"))
        assert simulator.modules[0].beeps == 1
        seen.append(simulator.picture())
        simulator.control("stuck:3:recall")
        seen.append(simulator.picture())
        assert len(set(seen)) == 4
        words = "".join(ElementTree.fromstring(seen[-1]).itertext())
        assert re.search("1 号牌.*站号 3.*呼叫.*重呼", words)


async def test_a_buzzer_is_counted_when_it_begins() -> None:
    module = Module(3, ["call"], 9600, buzzer=1)
    for request in ("05 00 01 FF 00", "05 00 01 FF 00", "05 00 01 00 00", "0F 00 00 00 02 01 03", "05 00 00 00 00"):
        module.obey(bytes.fromhex(request))
    assert module.beeps == 2


# ---- any request


@given(st.binary(min_size=1, max_size=12))
def test_every_request_is_answered_or_refused(pdu: bytes) -> None:
    async def run() -> bytes | None:
        return ModbusLine("io", {"inputs": INPUTS}).receive_rtu(rtu((b"\x03" + pdu).hex()))

    answer = asyncio.run(run())
    assert answer is not None
    assert answer[1] in (pdu[0], pdu[0] | 0x80)


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_what_a_stranger_writes_it_reads(values: list[bool]) -> None:
    module = Module(3, ["call"], 9600, None)
    write = WriteMultipleCoilsRequest(address=0, bits=values)
    module.obey(b"\x0f" + write.encode())
    read = ReadDiscreteInputsRequest(address=0, count=len(values))
    answer = module.obey(b"\x01" + read.encode())
    assert answer[2] == sum(on << nth for nth, on in enumerate(values))
