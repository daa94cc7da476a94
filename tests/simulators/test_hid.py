"""The simulated keypad against the usage tables of USB HID, never against our driver."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base import Unreachable
from simulators.hall import read
from simulators.hid import SIMULATOR, USAGES, Keypad
from simulators.port import Gone
from simulators.web import make_app
from tests.wire import End, pair

pytestmark = pytest.mark.looptime

UP = bytes(8)
# source: the usage tables of USB HID
TABLE = {"1": 0x1E, "2": 0x1F, "3": 0x20, "4": 0x21, "5": 0x22, "0": 0x27, "Enter": 0x28, "*": 0x55, "+": 0x57}
TABLE |= {"KPEnter": 0x58, "KP1": 0x59, "KP2": 0x5A, "KP3": 0x5B, "KP4": 0x5C, "KP5": 0x5D, "KP9": 0x61, "KP0": 0x62}


def down(*usages: int, modifiers: int = 0) -> bytes:
    return bytes([modifiers, 0, *usages]).ljust(8, b"\0")


@contextlib.asynccontextmanager
async def keypad(**options: Any) -> AsyncIterator[tuple[Keypad, End]]:
    simulator = Keypad("pad", options)
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    try:
        yield simulator, link
    finally:
        await link.close()
        await talk


async def reports(link: End, within: float = 1.0) -> list[tuple[float, bytes]]:
    """What it says in `within` seconds: loop time and bytes."""
    loop, said = asyncio.get_running_loop(), []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within):
            while True:
                data = await link.read()
                said.append((loop.time(), data))
    return said


async def bytes_of(link: End, within: float = 1.0) -> list[bytes]:
    return [data for _, data in await reports(link, within)]


async def control(simulator: Keypad, name: str) -> None:
    doing = simulator.control(name)
    if doing is not None:
        await doing


@pytest.mark.parametrize(("key", "usage"), TABLE.items())
async def test_a_key_goes_down_and_up(key: str, usage: int) -> None:
    async with keypad(keys=[key]) as (simulator, link):
        await control(simulator, f"key:{key}")
        assert await bytes_of(link) == [down(usage), UP]
        assert [what for _, what in simulator.history] == [key]


async def test_by_default_it_has_five_faces_the_last_one_the_happiest() -> None:
    async with keypad() as (simulator, link):
        labels = {each["name"]: each["label"] for each in simulator.controls()}
        assert [labels[f"key:{key}"] for key in "12345"] == ["非常不满意", "不满意", "基本满意", "满意", "非常满意"]
        assert await simulator.press("5")
        assert await bytes_of(link) == [down(0x22), UP]


async def test_two_keys_at_once_are_in_one_report() -> None:
    async with keypad() as (simulator, link):
        await control(simulator, "two")
        assert await bytes_of(link) == [down(0x1E, 0x22), UP]
        await control(simulator, "palm")
        assert await bytes_of(link) == [down(0x1E, 0x1F, 0x20, 0x21, 0x22), UP]


async def test_a_key_pressed_while_another_is_down_is_added_and_the_first_leaves_first() -> None:
    async with keypad() as (simulator, link):
        first = asyncio.create_task(simulator.press("4"))
        await asyncio.sleep(0.03)
        await simulator.press("2")
        await first
        assert await bytes_of(link) == [down(0x21), down(0x21, 0x1F), down(0x1F), UP]


async def test_more_than_six_keys_are_one_too_many() -> None:
    async with keypad(keys="keypad") as (simulator, link):
        await control(simulator, "palm")
        assert await bytes_of(link) == [down(1, 1, 1, 1, 1, 1), UP]
        await simulator.press("KP1", "KP2", "KP3", "KP4", "KP5", "KP0")
        assert await bytes_of(link) == [down(0x59, 0x5A, 0x5B, 0x5C, 0x5D, 0x62), UP]


async def test_a_modifier_is_told_and_goes_with_every_key() -> None:
    async with keypad() as (simulator, link):
        await control(simulator, "shift")
        await control(simulator, "key:1")
        await control(simulator, "shift")
        assert await bytes_of(link) == [down(modifiers=2), down(0x1E, modifiers=2), down(modifiers=2), UP]


async def test_a_key_that_is_held_repeats_its_report() -> None:
    async with keypad() as (simulator, link):
        began = asyncio.get_running_loop().time()
        pressing = asyncio.create_task(simulator.press("3", seconds=0.35))
        said = await reports(link)
        assert await pressing
        assert [data for _, data in said] == [down(0x20)] * 4 + [UP]
        assert [round(at - began, 2) for at, _ in said] == [0, 0.1, 0.2, 0.3, 0.35]


async def test_a_stuck_key_stays_down_and_others_join_it_until_it_comes_up() -> None:
    async with keypad() as (simulator, link):
        await simulator.press("2")
        await bytes_of(link)
        await control(simulator, "stuck")
        assert await bytes_of(link, 3.05) == [down(0x1F)] * 31
        await control(simulator, "key:2")
        await control(simulator, "key:5")
        said = await bytes_of(link, 0.05)
        assert [each for each in said if each != down(0x1F)] == [down(0x1F, 0x22)]
        assert said[-1] == down(0x1F)
        await control(simulator, "stuck")
        assert await bytes_of(link) == [UP]


async def test_what_is_stuck_is_told_again_to_whoever_comes_later() -> None:
    simulator = Keypad("pad", {})
    await control(simulator, "stuck")
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    assert await link.read() == down(0x1E)
    await link.close()
    await talk


async def test_a_bouncing_key_makes_and_breaks_within_20_ms() -> None:
    async with keypad() as (simulator, link):
        await control(simulator, "bounce")
        pressing = asyncio.create_task(simulator.press("4"))
        said = await reports(link)
        assert await pressing
        assert [data for _, data in said] == [down(0x21), UP] * 3
        assert said[4][0] - said[0][0] < 0.02
        assert said[5][0] - said[4][0] > 0.05
        assert simulator.presses == 1


async def test_unplugged_the_wire_is_closed_and_so_is_every_new_one() -> None:
    async with keypad() as (simulator, link):
        await control(simulator, "unplug")
        with pytest.raises(Unreachable):
            await link.read()
        assert not await simulator.press("1")
        other, wire = pair()
        await simulator.talk(wire)
        with pytest.raises(Unreachable):
            await other.read()
    await control(simulator, "unplug")
    link, wire = pair()
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    assert await simulator.press("1")
    assert await bytes_of(link) == [down(0x1E), UP]
    await link.close()
    await talk


async def test_what_the_host_says_is_ignored_and_a_press_for_nobody_is_told_so() -> None:
    async with keypad() as (simulator, link):
        await link.write(b"\x01" * 9)
        assert await bytes_of(link) == []
        assert await simulator.press("1")
    assert not await simulator.press("1")


async def test_a_wire_that_breaks_while_a_key_is_stuck_ends_quietly() -> None:
    class Breaking(End):
        async def write(self, data: bytes) -> None:
            raise Gone("broken")

    simulator, wire = Keypad("pad", {}), Breaking(Gone)
    wire.other = wire
    talk = asyncio.create_task(simulator.talk(wire))
    await asyncio.sleep(0)
    await control(simulator, "stuck")
    await asyncio.wait_for(talk, 1)
    assert not simulator.state()["connected"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("123", ["1", "2", "3"]),
        (["KP1", "KPEnter", "F1"], ["KP1", "KPEnter"]),
        ("xyz", list("12345")),
        ({"1": "good", "2": "bad"}, ["1", "2"]),
        ([1, 2], ["1", "2"]),
    ],
)
def test_the_option_says_which_keys_there_are(keys: Any, expected: list[str]) -> None:
    assert SIMULATOR("pad", {"keys": keys, "addresses": [3], "debounce": 1}).keys == expected


async def test_it_has_only_its_own_keys() -> None:
    async with keypad(keys="12") as (simulator, link):
        with pytest.raises(KeyError):
            simulator.control("key:3")
        with pytest.raises(KeyError):
            await simulator.press("1", "3")
        assert await bytes_of(link) == []


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("12345", ["非常不满意", "非常满意"]),
        (["KP1", "KP2", "KP3", "KP4", "KP5"], ["非常不满意", "非常满意"]),
        ("keypad", ["Enter", ">0<", ">9<", ">*<", ">+<"]),
        ([*"0123456789", "Enter"], ["Enter", ">0<", ">9<"]),
        ("12", [">1<", ">2<"]),
    ],
)
async def test_the_picture_looks_like_the_keys_and_shows_a_press_for_a_second(keys: Any, words: list[str]) -> None:
    simulator = Keypad("pad", {"keys": keys})
    before = simulator.picture()
    ElementTree.fromstring(before)
    assert all(word in before for word in words)
    await simulator.press(simulator.keys[-1])
    assert simulator.picture() != before
    await asyncio.sleep(1)
    assert simulator.picture() == before


@given(st.lists(st.sampled_from(["down", "up"]).flatmap(lambda way: st.tuples(st.just(way), st.sampled_from("12345")))))
async def test_every_report_holds_exactly_the_keys_that_are_down(moves: list[tuple[str, str]]) -> None:
    async with keypad() as (simulator, link):
        held: list[str] = []
        expected = []
        for way, key in moves:
            if (way == "down") is (key in held):
                continue  # a finger cannot press what it holds
            held = [*held, key] if way == "down" else [each for each in held if each != key]
            await simulator.move(**{way: [key]})
            expected.append(down(*(USAGES[each] for each in held)))
        assert await bytes_of(link, 0.01) == expected


# ---- among the others of a hall

HALL = """
[hall]
code = "test"
[[device]]
id = "pad"
driver = "hid"
link = "tcp://127.0.0.1:{port+1}"
[[device]]
id = "reader"
driver = "idcard"
link = "serial://{data}/reader?baud=115200"
"""


async def test_the_page_of_the_hall_has_both_and_all_their_keys_work(tmp_path: Any) -> None:
    (tmp_path / "hall.toml").write_text(HALL, "utf-8")
    hall = read(tmp_path / "hall.toml", port=9000, data=tmp_path)
    assert hall.notices == []
    transport = httpx.ASGITransport(make_app(hall, None))
    async with httpx.AsyncClient(transport=transport, base_url="http://hall") as page:
        for device in (await page.get("/devices")).json()["devices"]:
            for each in device["controls"]:
                answer = await page.post(f"/devices/{device['id']}/control/{each['name']}")
                assert answer.status_code == 200, each
            ElementTree.fromstring((await page.get(f"/devices/{device['id']}/picture.svg")).content)
