"""Row F26 of the fault matrix: a screen that comes back shows the present, no backlog; a voice says no old calls."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.halls import in_the_hall, one_line, quiet, shown, speaking
from tests.hall import Running, World


async def served(hall: Running, window: int) -> str:
    """One visitor more, called and finished at this window; the number."""
    await hall.issue("pension")
    ticket = (await hall.post(f"/windows/{window}/call-next"))["ticket"]
    await hall.post(f"/windows/{window}/finish", ticket=ticket["id"])
    return str(ticket["number"])


async def called(hall: Running, window: int) -> str:
    await hall.issue("pension")
    return str((await hall.post(f"/windows/{window}/call-next"))["ticket"]["number"])


@in_the_hall(quiet)
async def test_f26_a_screen_that_was_off_line_shows_the_present(world: World, hall: Running) -> None:
    """Only what is so now: none of the calls it missed. Fails when outputs queue up for a device that is away."""
    led = world.simulator("led-3")
    await world.cut("led-3")
    await hall.until(lambda: not hall.parts.hub.able("led-3"))
    missed = [await served(hall, 3) for _ in range(4)]
    now = await called(hall, 3)
    await asyncio.sleep(300)
    seen = len(led.history)
    world.cut_off.clear()
    await hall.until(lambda: now in led.shown[1], within=60)
    await asyncio.sleep(60)
    texts = [each.text for each in list(led.history)[seen:]]
    assert not [text for text in texts if any(number in text for number in missed)]
    assert now in led.shown[1]


@in_the_hall(quiet)
async def test_f26_a_screen_that_lost_its_power_for_a_moment_shows_the_present(world: World, hall: Running) -> None:
    """The line stays, no poll need notice, and card or display come back empty: a minute later they show it again.

    Fails when the hub takes for shown what it once sent.
    """
    led, box = world.simulator("led-3"), world.simulator("counter").boxes[3]
    number = await called(hall, 3)
    await hall.until(lambda: number in led.shown[1] and box.digits == "   001")
    for _ in range(5):
        led.control("power_cycle")
        box.digits = " " * 6
        assert led.shown[1] == ""
        await hall.until(lambda: number in led.shown[1] and box.digits == "   001", within=65)
        await asyncio.sleep(5.7)  # another phase of the poll


@in_the_hall(one_line)
async def test_f26_one_dead_screen_of_a_line(world: World, hall: Running) -> None:
    """The others on the line are served meanwhile, within two seconds; the one that comes back shows the present.

    Fails when a silent screen costs the others their line, or when it is not shown its text again.
    """
    led = world.simulator("led")
    led.control("dead:3")
    missed = await served(hall, 3)  # sent to it before a poll has found it silent
    await hall.until(lambda: "silent_3" in hall.parts.hub.health["led"].conditions)
    number = await called(hall, 1)
    await hall.until(lambda: number in led.shown[1], within=2)
    assert (await shown(hall, "led"))["state"] == "up"
    now = await called(hall, 3)
    await asyncio.sleep(60)
    seen = len(led.history)
    led.control("dead:3")
    await hall.until(lambda: now in led.shown[3], within=30)
    assert not [each for each in list(led.history)[seen:] if missed in each.text]
    await hall.until(lambda: not hall.parts.hub.health["led"].conditions, within=30)
    assert not hall.events("device.down")


@in_the_hall(one_line)
async def test_f26_a_line_of_screens_that_was_unplugged(world: World, hall: Running) -> None:
    """Every window's screen shows its own present, once the line is back."""
    led = world.simulator("led")
    led.control("unplug")
    await hall.until(lambda: not hall.parts.hub.able("led"), within=60)
    await served(hall, 3)
    numbers = {1: await called(hall, 1), 3: await called(hall, 3)}
    await hall.post("/windows/2/pause", sign="suspended")
    await asyncio.sleep(120)
    led.control("unplug")
    await hall.until(lambda: all(number in led.shown[no] for no, number in numbers.items()), within=60)
    await hall.until(lambda: led.shown[2] == "此窗口暂停服务")


def spoken(world: World) -> list[str]:
    return list(world.simulator("led-1").cards[1].spoken)


@pytest.mark.req("QUE-06")
@in_the_hall(speaking)
async def test_f26_a_voice_says_no_old_calls(world: World, hall: Running) -> None:
    """A call that could not be said within its time (45 s) is not said later; a younger one and the next are.

    Fails when announcements have no expiry, or are dropped with the line.
    """
    await world.cut("led-1")
    await hall.until(lambda: not hall.parts.hub.able("led-1"))
    old = await called(hall, 3)
    await asyncio.sleep(50)
    await hall.post("/windows/3/miss", ticket=(await hall.get("/windows/3"))["ticket"]["id"])
    young = await called(hall, 3)
    world.cut_off.clear()
    await hall.until(lambda: spoken(world), within=45)
    await asyncio.sleep(60)
    said = spoken(world)
    assert (len(said), old[-1] != young[-1]) == (1, True)
    assert "零零二" in said[0]
    await hall.post("/windows/3/miss", ticket=(await hall.get("/windows/3"))["ticket"]["id"])
    await called(hall, 3)
    await hall.until(lambda: len(spoken(world)) == 2)
    assert "零零三" in spoken(world)[1]
