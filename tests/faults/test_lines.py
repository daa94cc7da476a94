"""Rows F11 to F17 of the fault matrix: lines that are unplugged, noisy, slow or flooded, and keys that stick.

What needs a kernel is tried on a real pty, in real time; all else in virtual time.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers import call_bus, escpos, onbon
from drivers.base import Link, Unreachable
from drivers.link import open_link
from edge.devices.hub import PRESSES
from edge.devices.presses import Presses
from simulators.call_bus import KEY, CallBus, build
from simulators.port import Faults, Gone, Wire, serve_pty
from tests.faults.halls import in_the_hall, papers, quiet, shown
from tests.hall import Running, World, running

CALL, RECALL, FINISH = 0x0C, 0x0D, 0x0B


class Plugged(World):
    """The counter's line is a real pty: `plug` and `unplug` it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, quiet)
        self.path = folder / "wire" / "counter"
        self.attempts = 0
        self._cable = contextlib.AsyncExitStack()

    async def open_link(self, url: str) -> Link:
        if not url.startswith("serial:"):
            return await super().open_link(url)
        self.attempts += 1
        return await open_link(url)

    async def plug(self) -> str:
        """The kernel's name of the line."""
        await self._cable.enter_async_context(serve_pty(self.path, self.simulator("counter"), Faults()))
        return str(self.path.readlink())

    async def unplug(self) -> None:
        await self._cable.aclose()


@contextlib.asynccontextmanager
async def plugged(folder: Path) -> AsyncIterator[tuple[Plugged, Running]]:
    """A hall in real time whose counter has just been heard."""
    world = Plugged(folder)
    await world.plug()
    try:
        async with running(world) as hall:
            await hall.until(lambda: world.attempts)
            assert await world.simulator("counter").press(3, RECALL)
            await hall.until(lambda: hall.parts.hub.able("counter"), within=5)
            yield world, hall
    finally:
        await world.unplug()


# ---- F11


async def test_f11_a_line_unplugged_in_mid_frame(tmp_path: Path) -> None:
    """Shown offline within 3 s; opened again with growing pauses, no busy loop; what was wanted goes out at last.

    Fails when the link takes EIO for silence, when the hub does not pause, or when it forgets the display.
    """
    async with plugged(tmp_path) as (world, hall):
        box, loop = world.simulator("counter"), asyncio.get_running_loop()
        await hall.until(lambda: box.boxes[3].digits == "000   ")
        await box._wire.write(build(3, KEY, [CALL])[:5])
        gone_at, busy, attempts = loop.time(), time.process_time(), world.attempts
        await world.unplug()
        await hall.until(lambda: not hall.parts.hub.able("counter"), within=3)
        await hall.issue()
        await hall.post("/windows/3/call-next")
        await hall.until(lambda: world.attempts > attempts)
        assert (await shown(hall, "counter"))["why"] == "联系不上"
        assert world.attempts - attempts <= 1 + (loop.time() - gone_at) / 0.5
        assert time.process_time() - busy < 0.5 * (loop.time() - gone_at)
        await world.plug()
        await hall.until(lambda: box.boxes[3].digits == "   001")
        downs = [event for event in hall.events("device.down") if event.data["device"] == "counter"]
        assert len(downs) == 1


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO])
async def test_f11_the_errors_of_a_line_that_is_gone(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Whatever the kernel calls it, read and write say `Unreachable`, which the hub answers with another attempt."""

    def gone(*_args: object) -> bytes:
        raise OSError(number, os.strerror(number))

    master, slave = os.openpty()
    link = await open_link(f"serial://{os.ttyname(slave)}")
    with monkeypatch.context() as patch:
        patch.setattr("drivers.link.os.read", gone)
        patch.setattr("drivers.link.os.write", gone)
        with pytest.raises(Unreachable):
            await link.read()
        with pytest.raises(Unreachable):
            await link.write(b"x")
    await link.close()
    os.close(master)
    os.close(slave)


@in_the_hall()
async def test_f11_a_line_that_stays_away_is_tried_at_a_calm_pace(world: World, hall: Running) -> None:
    """Ten minutes without it: two to four attempts a minute, one word in the journal, and the hall goes on.

    Fails when the pause does not grow, or when each attempt is told.
    """
    attempts = 0
    opening = world.open_link

    async def count(url: str) -> Link:
        nonlocal attempts
        attempts += "counter" in url
        return await opening(url)

    await world.cut("counter")
    with mock.patch.object(hall.parts.hub, "_open_link", count):
        await asyncio.sleep(600)
    assert 20 <= attempts <= 45
    assert len([event for event in hall.events("device.") if event.data["device"] == "counter"]) == 2
    assert (await hall.issue(kiosk="1"))["number"] == "A001"


# ---- F12


async def test_f12_a_line_plugged_in_again_under_another_name(tmp_path: Path) -> None:
    """The hall file's stable name leads to the new line; it is the same device, with the same windows.

    Fails when the opened path, not the link's name, is what is opened again.
    """
    async with plugged(tmp_path) as (world, hall):
        before = str(world.path.readlink())
        held = os.open(before, os.O_RDWR | os.O_NOCTTY)  # so the old number is not free again
        await world.unplug()
        await hall.until(lambda: not hall.parts.hub.able("counter"), within=3)
        assert await world.plug() != before
        box = world.simulator("counter")
        ticket = await hall.issue()
        await hall.until(lambda: box.boxes[3].digits == "001   ")
        assert await box.press(3, CALL)
        (called,) = await hall.until(lambda: hall.events("ticket.called"))
        assert (called.data["ticket"], called.data["window"]) == (ticket["id"], 3)
        os.close(held)


# ---- F13


def at_half_speed(data: bytes) -> bytes:
    """What a receiver set to half the sender's baud rate makes of it: it sees every second bit."""
    bits = [bit for byte in data for bit in (0, *((byte >> n) & 1 for n in range(8)), 1)][::2]
    heard, at = bytearray(), 0
    while at + 9 <= len(bits):
        if bits[at]:
            at += 1  # the line is idle
            continue
        heard.append(sum(bit << n for n, bit in enumerate(bits[at + 1 : at + 9])))
        at += 10
    return bytes(heard)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=4))
@pytest.mark.looptime
async def test_f13_after_noise_the_next_true_frame_is_understood(noises: list[bytes]) -> None:
    """Garbage costs at most the frame it ran into: the box repeats, and its key acts once. It is counted."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), quiet)
        async with running(world) as hall:
            await hall.up()
            box = world.simulator("counter")
            for nth, noise in enumerate(noises, 1):
                await world.wires["counter"].write(noise)
                assert await box.press(3, RECALL)
                await hall.until(lambda nth=nth: box.boxes[3].beeps == nth)  # type: ignore[misc]
                await asyncio.sleep(1)
            assert box.boxes[3].beeps == len(noises)
            counted = (await shown(hall, "counter"))["counters"]
            assert counted["garbage"] >= sum(map(len, noises)) - 12


@in_the_hall()
async def test_f13_a_wrong_baud_rate_is_nonsense_until_it_is_right(world: World, hall: Running) -> None:
    """Nothing is made of it, every byte is counted, and with the right rate the next press acts."""
    frame, box = build(3, KEY, [CALL]), world.simulator("counter")
    heard = at_half_speed(frame * 20)
    assert len(heard) > 50
    await hall.issue()
    await world.wires["counter"].write(heard)
    await asyncio.sleep(2)
    assert not hall.events("ticket.called")
    assert (await shown(hall, "counter"))["counters"]["garbage"] >= len(heard) - 12
    assert await box.press(3, CALL)
    assert len(hall.events("ticket.called")) == 1


DECODERS: list[tuple[Callable[[], Any], bytes]] = [
    (call_bus.Decoder, b"\xff\x68\x05\x05\x68"),
    (onbon.Decoder, b"\xa5"),
    (escpos.Decoder, b"\x5f"),
]


@pytest.mark.parametrize(("decoder", "start"), DECODERS, ids=["call_bus", "onbon", "escpos"])
def test_f13_no_noise_fills_a_buffer(decoder: Callable[[], Any], start: bytes) -> None:
    """What waits for the rest of a frame is bounded: a frame that begins and never ends is given up."""
    made = decoder()
    for piece in (start + b"\x20" * 100_000, start * 20_000, bytes(range(256)) * 400):
        made.feed(piece)
        names = [*getattr(made, "__slots__", ()), *getattr(made, "__dict__", ())]
        waiting = [each for name in names if isinstance(each := getattr(made, name), bytearray)]
        assert sum(map(len, waiting)) <= 4096


# ---- F14


@in_the_hall()
async def test_f14_half_a_frame_and_then_silence(world: World, hall: Running) -> None:
    """Whatever part of a frame came, the silence ends it: the next one is understood at its first sending."""
    box, frame = world.simulator("counter"), build(3, KEY, [RECALL])
    for size in range(1, len(frame)):
        await world.wires["counter"].write(frame[:size])
        await asyncio.sleep(5)
        before = box.boxes[3].sent, box.boxes[3].beeps
        assert await box.press(3, RECALL)
        await asyncio.sleep(1)
        assert (box.boxes[3].sent, box.boxes[3].beeps) == (before[0] + 1, before[1] + 1), f"after {size} bytes"


@in_the_hall()
async def test_f14_two_halves_that_lie_far_apart_are_no_frame(world: World, hall: Running) -> None:
    """Fails when the decoder waits for ever: then the tail of another day completes a press that nobody made."""
    frame = build(3, KEY, [CALL])
    await hall.issue()
    await world.wires["counter"].write(frame[:6])
    await asyncio.sleep(5)
    await world.wires["counter"].write(frame[6:])
    await asyncio.sleep(5)
    assert not hall.events("ticket.called")
    assert await world.simulator("counter").press(3, CALL)
    assert len(hall.events("ticket.called")) == 1


@in_the_hall()
async def test_f14_half_an_answer_of_a_screen_or_printer(world: World, hall: Running) -> None:
    """It costs neither the next exchange nor the device: both stay up, the call is shown, the slip is printed."""
    await world.wires["led-3"].write(bytes.fromhex("A5 A5 A5 A5 00 80 01 00 00"))
    await world.wires["printer-1"].write(bytes.fromhex("18 00"))
    await asyncio.sleep(3)
    ticket = await hall.issue(kiosk="1")
    await hall.post("/windows/3/call-next")
    await hall.until(lambda: ticket["number"] in world.simulator("led-3").shown[1], within=2)
    await hall.until(lambda: hall.events("print.done"), within=10)
    assert not hall.events("device.down")
    assert len(papers(world)) == 1


# ---- F15


@in_the_hall()
async def test_f15_devices_that_send_a_byte_a_second(world: World, hall: Running) -> None:
    """Each exchange has its deadline, so they are shown as away; nobody else waits for them."""
    slow = [world.devices[name].faults for name in ("led-1", "printer-2")]
    for faults in slow:
        faults.trickle, faults.pace_s = True, 1.0
    await hall.until(lambda: not hall.parts.hub.able("led-1"))
    await hall.until(lambda: not hall.parts.hub.able("printer-2"))
    before = asyncio.get_running_loop().time()
    ticket = await hall.issue(kiosk="1")
    assert await world.simulator("counter").press(3, CALL)
    await hall.until(lambda: ticket["number"] in world.simulator("led-3").shown[1])
    assert asyncio.get_running_loop().time() - before < 1
    await hall.until(lambda: papers(world), within=3)
    for faults in slow:
        faults.trickle = False
    await hall.until(lambda: hall.parts.hub.able("led-1") and hall.parts.hub.able("printer-2"), within=60)


@in_the_hall()
async def test_f15_a_key_that_comes_a_byte_a_second_is_no_press(world: World, hall: Running) -> None:
    """A frame has a deadline too: fails when its bytes are put together however long they take."""
    box, faults = world.simulator("counter"), world.devices["counter"].faults
    await hall.issue()
    faults.trickle, faults.pace_s = True, 1.0
    assert not await box.press(3, CALL)
    assert not hall.events("ticket.called")
    faults.trickle = False
    await asyncio.sleep(5)
    assert await box.press(3, CALL)
    assert len(hall.events("ticket.called")) == 1


# ---- F16

CHUNK, SPEED = 4096, 10_000_000  # bytes, bytes a second
NOISE = bytes(n * 167 % 251 for n in range(CHUNK))


class Flood(CallBus):
    """A device that never stops talking."""

    async def talk(self, wire: Wire) -> None:
        with contextlib.suppress(Gone):
            while True:
                await wire.write(NOISE)
                await asyncio.sleep(CHUNK / SPEED)


@in_the_hall()
async def test_f16_devices_that_flood_their_lines(world: World, hall: Running) -> None:
    """Ten million bytes a second, for ten minutes: what is read stays small, because a line full of nonsense is left
    alone for longer and longer; it is counted and shown, and the hall goes on.

    Fails when garbage is read for as long as it comes.
    """
    flooded = ["counter", "led-1", "printer-2"]
    for name in flooded:
        world.devices[name] = replace(world.devices[name], simulator=Flood(name, {}))
        await world.wires[name].close()
    before = {name: (await shown(hall, name))["counters"]["bytes_in"] for name in flooded}
    await asyncio.sleep(600)
    for name in flooded:
        told = await shown(hall, name)
        assert told["counters"]["bytes_in"] - before[name] < 2_000_000
        assert told["severity"] == "bad"
    await hall.issue(kiosk="1")
    await hall.post("/windows/3/call-next")
    await hall.until(lambda: "A001" in world.simulator("led-3").shown[1], within=1)
    await hall.until(lambda: papers(world), within=5)


@in_the_hall()
async def test_f16_presses_that_nobody_could_have_made(world: World, hall: Running) -> None:
    """Only so many wait for their use case; the others are echoed, thrown away and counted."""
    go, told, once = asyncio.Event(), list[int](), Presses.__call__

    async def slow(self: Presses, device: Any, event: Any) -> Any:
        await go.wait()
        told.append(event.address)
        return await once(self, device, event)

    with mock.patch.object(Presses, "__call__", slow):
        await world.wires["counter"].write(b"".join(build(address, KEY, [CALL]) for address in range(100, 200)))
        await asyncio.sleep(30)
        go.set()
        await asyncio.sleep(1)
    assert told == list(range(100, 100 + PRESSES + 1))
    assert (await shown(hall, "counter"))["counters"]["overflow"] == 100 - PRESSES - 1


async def test_f16_a_serial_line_that_always_has_bytes_leaves_the_loop_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fails when a read that finds bytes at once never yields: then nobody else runs until the flood ends."""
    master, slave = os.openpty()
    link = await open_link(f"serial://{os.ttyname(slave)}")
    decoder, turns = call_bus.Decoder(), 0

    async def listen() -> None:
        for _ in range(100):
            decoder.feed(await link.read())

    with monkeypatch.context() as patch:
        patch.setattr("drivers.link.os.read", lambda _fd, size: NOISE[:size])
        listening = asyncio.create_task(listen())
        while not listening.done():
            await asyncio.sleep(0)
            turns += 1
    await link.close()
    os.close(slave)
    os.close(master)
    assert turns >= 100


# ---- F17


@settings(max_examples=6, deadline=None)
@given(st.lists(st.lists(st.floats(0.01, 0.28), max_size=4), min_size=1, max_size=4))
@pytest.mark.looptime
async def test_f17_a_press_that_bounces_counts_once(bounces: list[list[float]]) -> None:
    """However often a key bounces within 0.3 s of its last bounce, one press acts once, and so does the next."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), quiet)
        async with running(world) as hall:
            await hall.up()
            frame, box = build(3, KEY, [RECALL]), world.simulator("counter")
            for gaps in bounces:
                await world.wires["counter"].write(frame)
                for gap in gaps:
                    await asyncio.sleep(gap)
                    await world.wires["counter"].write(frame)
                await asyncio.sleep(2)
            assert box.boxes[3].beeps == len(bounces)


@in_the_hall()
async def test_f17_a_press_whose_bounce_is_another_frame(world: World, hall: Running) -> None:
    """The line sees two frames, as a digit slipped in; the window's key was pressed once."""
    for data in ([RECALL], [1, RECALL]):
        await world.wires["counter"].write(build(3, KEY, data))
        await asyncio.sleep(0.1)
    await asyncio.sleep(1)
    assert world.simulator("counter").boxes[3].beeps == 1
    assert (await hall.get("/devices"))["presses"]["doubles"] == 1


@in_the_hall()
async def test_f17_a_key_that_sticks(world: World, hall: Running) -> None:
    """Half a minute of the same key is one call; let go, the key works again."""
    frame, box = build(3, KEY, [CALL]), world.simulator("counter")
    await hall.issue()
    await hall.issue()
    for _ in range(300):
        await world.wires["counter"].write(frame)
        await asyncio.sleep(0.1)
    assert len(hall.events("ticket.called")) == 1
    assert box.boxes[3].beeps == 0
    assert await box.press(3, FINISH)
    await asyncio.sleep(1)
    assert await box.press(3, CALL)
    await asyncio.sleep(1)
    assert len(hall.events("ticket.called")) == 2
