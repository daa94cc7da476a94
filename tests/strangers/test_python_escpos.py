"""python-escpos 3.1, a public host library, prints on the simulated printer over real TCP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from escpos.printer import Network  # type: ignore[import-untyped]
from PIL import Image

from simulators.escpos import Escpos
from simulators.port import serve


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
async def hosted() -> AsyncIterator[tuple[Escpos, Network]]:
    """The simulator, and a stranger that is connected to it. The stranger blocks: call it in a thread."""
    simulator, port = Escpos("printer-1", {"paper_mm": 58}), free_port()
    async with serve(f"tcp://127.0.0.1:{port}", simulator):
        host = Network("127.0.0.1", port=port, timeout=5)
        await asyncio.to_thread(host.open)
        try:
            yield simulator, host
        finally:
            await asyncio.to_thread(host.close)


async def test_what_it_prints_comes_out_of_the_slot(hosted: tuple[Escpos, Network]) -> None:
    simulator, host = hosted

    def job() -> None:
        host.hw("INIT")
        host.set(align="center", bold=True, custom_size=True, width=2, height=2)
        host.text("取号 A001\n")
        host.set(align="left", bold=False, normal_textsize=True)
        host.text("前面等候 3 人\n")
        host.text("Bitte 5 € zahlen\n")
        host.qr("https://example.cn/t/A001", native=True, size=6)
        host.barcode("{BA001", "CODE128", function_type="B")
        host.cut()
        assert host.is_online()  # an answer: all before it has been taken in

    await asyncio.to_thread(job)
    [slip] = simulator.slips
    assert [(line.text, line.size, line.align, line.bold) for line in slip.lines[:2]] == [
        ("取号 A001", 2, "center", True),
        ("前面等候 3 人", 1, "left", False),
    ]
    assert [(code.data, code.module) for code in slip.qrs] == [(b"https://example.cn/t/A001", 6)]
    assert [code.data for code in slip.barcodes] == [b"{BA001"]
    assert slip.cut == "full"
    # It never sends FS . before code-page text: with Hanzi mode on, the euro sign is half a character.
    assert slip.errors == ["lone lead byte A4"]


@pytest.mark.parametrize("way", ["bitImageRaster", "graphics"])
async def test_its_images_come_out_dot_by_dot(hosted: tuple[Escpos, Network], way: str) -> None:
    simulator, host = hosted
    picture = Image.new("1", (16, 3), 1)
    for x in range(0, 16, 3):
        picture.putpixel((x, 1), 0)

    def job() -> None:
        host.image(picture, impl=way)
        host.cut()
        assert host.is_online()

    await asyncio.to_thread(job)
    assert simulator.slips[0].rasters[0].rows == (b"\x00\x00", bytes([0b10010010, 0b01001001]), b"\x00\x00")


STATES: list[tuple[str, Callable[[Escpos], None], bool, int]] = [
    ("ok", lambda printer: printer.set_paper("ok"), True, 2),
    ("low", lambda printer: printer.set_paper("low"), True, 1),
    ("out", lambda printer: printer.set_paper("out"), False, 0),
    ("cover", lambda printer: printer.set_cover(True), False, 2),
]


@pytest.mark.parametrize(("name", "fault", "online", "paper"), STATES, ids=[row[0] for row in STATES])
async def test_it_understands_every_state(
    hosted: tuple[Escpos, Network], name: str, fault: Callable[[Escpos], None], online: bool, paper: int
) -> None:
    simulator, host = hosted
    fault(simulator)
    assert await asyncio.to_thread(host.is_online) is online
    assert await asyncio.to_thread(host.paper_status) == paper


async def test_a_second_host_hears_nothing(hosted: tuple[Escpos, Network]) -> None:
    _, host = hosted
    assert await asyncio.to_thread(host.is_online)
    second = Network("127.0.0.1", port=host.port, timeout=5)

    def ask() -> bytes:
        with contextlib.closing(second), contextlib.suppress(ConnectionError):
            second.open()
            return bytes(second.query_status(b"\x10\x04\x01"))
        return b""

    assert await asyncio.to_thread(ask) == b""
    assert await asyncio.to_thread(host.is_online)


async def test_power_loss_ends_the_connection(hosted: tuple[Escpos, Network]) -> None:
    simulator, host = hosted
    assert await asyncio.to_thread(host.is_online)
    simulator.power_cycle()
    assert await asyncio.to_thread(host._read) == b""
