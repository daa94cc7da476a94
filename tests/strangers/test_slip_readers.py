"""Our driver's slips, read by others: the code off the paper by zbar, and the text out of the raw bytes."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from drivers.base import Link, Qr, Rule, Slip, Text
from drivers.escpos import Escpos as Driver
from simulators.escpos import Escpos
from simulators.escpos_tokens import Tokenizer
from tests.wire import pair

SLIPS = Path(__file__).parents[2] / "config" / "slips"
FORMS = sorted(file.stem for file in SLIPS.glob("*.toml"))
COLUMNS = 48


class Tap:
    """A link that keeps what went out."""

    def __init__(self, link: Link) -> None:
        self._link, self.sent = link, bytearray()

    async def read(self) -> bytes:
        return await self._link.read()

    async def write(self, data: bytes) -> None:
        self.sent += data
        await self._link.write(data)

    async def close(self) -> None:
        await self._link.close()


@pytest.fixture
async def printed() -> AsyncIterator[tuple[Driver, Tap, Escpos]]:
    link, wire = pair()
    tap, printer = Tap(link), Escpos("printer-1", {"paper_mm": 80})

    async def opener() -> Link:
        return tap

    talk = asyncio.create_task(printer.talk(wire))
    async with Driver(opener, {"paper_mm": 80}) as driver:
        yield driver, tap, printer
    await talk


def filled(name: str, **words: str) -> list[dict[str, Any]]:
    """The parts of a form, with its own examples or `words` filled in."""
    form = tomllib.loads((SLIPS / f"{name}.toml").read_text("utf-8"))
    said = form["words"] | words
    return [
        {key: value.format(**said) if key in ("text", "qr") else value for key, value in part.items()}
        for part in form["part"]
    ]


def slip(parts: list[dict[str, Any]]) -> Slip:
    made: list[Text | Qr | Rule] = []
    for part in parts:
        if "rule" in part:
            made.append(Rule())
        elif "qr" in part:
            made.append(Qr(part["qr"]))
        else:
            made.append(Text(part["text"], part.get("size", 1), part.get("align", "left"), part.get("bold", False)))
    return Slip(tuple(made))


def read_back(raw: bytes) -> str:
    """The characters between the commands, whose lengths are those of the printer's manual; GBK, as it is set to."""
    tokens = Tokenizer().feed(raw)
    assert not [str(token) for token in tokens if token.kind == "unknown"]
    return b"".join(token.code for token in tokens if token.kind == "character").decode("gbk")


def solid(text: str) -> str:
    """Where lines break is the paper's affair."""
    return "".join(text.split())


@pytest.mark.looptime
@pytest.mark.parametrize("form", FORMS)
async def test_every_character_of_a_form_is_in_the_bytes(printed: tuple[Driver, Tap, Escpos], form: str) -> None:
    driver, tap, printer = printed
    parts = filled(form)
    assert await driver.print(slip(parts)) == "printed"
    wanted = "".join("-" * COLUMNS if "rule" in part else part.get("text", "") for part in parts)
    assert solid(read_back(bytes(tap.sent))) == solid(wanted)
    assert len([char for char in wanted if char > "\u2e80"]) > 40, "Hanzi and full-width marks"
    assert printer.slips[0].errors == []


async def test_a_scanner_reads_the_code_of_the_ticket(printed: tuple[Driver, Tap, Escpos], tmp_path: Path) -> None:
    driver, _, printer = printed
    url = "https://hall.example.gov.cn/t/01a2b3c4-d5e6-7890-abcd-ef0123456789"
    assert await driver.print(slip(filled("ticket", url=url))) == "printed"
    picture = tmp_path / "slip.png"
    picture.write_bytes(printer.png())
    scan = await asyncio.create_subprocess_exec(
        "zbarimg", "--quiet", "--raw", str(picture), stdout=asyncio.subprocess.PIPE
    )
    found, _ = await scan.communicate()
    assert found.decode().strip() == url
