"""The demo hall in the shapes that the fault tests need, opened with all its devices up, in virtual time."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hall import Running, World, running

Change = Callable[[str], str]
Visit = Callable[[World, Running], Awaitable[None]]


def quiet(text: str) -> str:
    """No loudspeaker: a program that speaks takes real time."""
    return text.replace('voice = { device = "voice-1" }\n', "")


def with_fallback(text: str) -> str:
    """The kiosk has a second printer beside the first, with the same paper."""
    text = quiet(text).replace('printer = "printer-1"\n', 'printer = "printer-1"\nfallback = "printer-3"\n')
    return text + _device("printer-3", "escpos", "tcp://127.0.0.1:{port+13}", "{ paper_mm = 80 }")


def blind(text: str) -> str:
    """The kiosk's printer has no status channel, and the hall file says so."""
    return quiet(text).replace("{ paper_mm = 80 }", '{ profile = "blind80" }', 1)


def trusted(text: str) -> str:
    """The same, after an operator has decided to trust it."""
    return blind(text).replace('"blind80"', '"blind80", trust_blind = true')


def one_line(text: str) -> str:
    """The screens of all three windows hang on one serial line."""
    text = re.sub(r'(?s)\[\[device\]\]\nid = "led-\d".*?\n(?=\n|\Z)', "", quiet(text))
    text = re.sub(r'sign = \{ device = "led-(\d)", address = 1 \}', r'sign = { device = "led", address = \1 }', text)
    options = '{ generation = "6K", width = 256, height = 16, screens = [1, 2, 3] }'
    return text + _device("led", "onbon", "serial://{data}/wire/led?baud=57600", options)


def speaking(text: str) -> str:
    """The card over window 1 speaks for the whole zone."""
    text = text.replace('voice = { device = "voice-1" }', 'voice = { device = "led-1", address = 1 }')
    return text.replace("height = 16 }", "height = 16, voice = true }", 1)


def _device(id_: str, driver: str, link: str, options: str) -> str:
    return f'\n[[device]]\nid = "{id_}"\nname = "{id_}"\ndriver = "{driver}"\nlink = "{link}"\noptions = {options}\n'


def in_the_hall(change: Change = quiet) -> Callable[[Visit], Callable[[Path], Awaitable[None]]]:
    """Not a fixture, which would be set up in real time."""

    def decorate(visit: Visit) -> Callable[[Path], Awaitable[None]]:
        @pytest.mark.looptime
        async def test(tmp_path: Path) -> None:
            world = World(tmp_path, change)
            async with running(world) as hall:
                await hall.up()
                await visit(world, hall)

        test.__doc__ = visit.__doc__
        return test

    return decorate


def papers(world: World, printer: str = "printer-1") -> list[str]:
    """The text of each whole slip that came out; a torn piece is none."""
    return [slip.text for slip in world.simulator(printer).slips if slip.cut not in (None, "torn")]


def unmarked(world: World, number: str, *printers: str) -> int:
    """How many whole slips with this number say nothing of being a copy."""
    slips = [text for printer in printers or ("printer-1",) for text in papers(world, printer)]
    return sum(number in text and "补打" not in text for text in slips)


async def shown(hall: Running, device: str) -> Any:
    """What ops sees of it."""
    return next(each for each in (await hall.get("/devices"))["devices"] if each["id"] == device)
