"""python-escpos 3.1, a public host library, prints on the simulated printer over real TCP, a real pty and a USB bus."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from escpos.printer import Network, Serial, Usb  # type: ignore[import-untyped]
from PIL import Image

from simulators.escpos import Escpos
from simulators.port import Gone, serve
from tests.drivers.fake_usb import Bus, Printer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


# ---- three ways to the printer


class UsbWire:
    """The simulator's end of the bulk endpoints: what the host's thread sends out, and what waits for it to be read."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self.out: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        data = await self.out.get()
        if not data:
            raise Gone("unplugged")
        return data

    async def write(self, data: bytes) -> None:
        self._printer.say(data)

    async def close(self) -> None:
        pass


@dataclass
class PipedPrinter(Printer):
    """Has no mind of its own: `sent` takes what it was sent."""

    kernel_driver: bool = False
    sent: Callable[[bytes], Any] = print

    def write(self, data: bytes, timeout: int) -> int:
        self.sent(data)
        return len(data)


class ConfiguredBus(Bus):
    """With what this host asks of a device before it prints."""

    def set_configuration(self, dev_handle: Printer, config_value: int) -> None:
        assert config_value == 1

    def reset_device(self, dev_handle: Printer) -> None:
        dev_handle.claimed = False


@contextlib.asynccontextmanager
async def over_tcp(simulator: Escpos, folder: Path) -> AsyncIterator[Network]:
    port = free_port()
    async with serve(f"tcp://127.0.0.1:{port}", simulator):
        yield Network("127.0.0.1", port=port, timeout=5)


@contextlib.asynccontextmanager
async def over_pty(simulator: Escpos, folder: Path) -> AsyncIterator[Serial]:
    path = folder / "printer"
    async with serve(f"serial://{path}", simulator):
        # It always waits the whole time-out, for 16 bytes that no status has.
        yield Serial(str(path), 115200, timeout=0.3)


@contextlib.asynccontextmanager
async def over_usb(simulator: Escpos, folder: Path) -> AsyncIterator[Usb]:
    printer, loop = PipedPrinter(), asyncio.get_running_loop()
    wire = UsbWire(printer)
    printer.sent = lambda data: loop.call_soon_threadsafe(wire.out.put_nowait, data)
    talk = asyncio.create_task(simulator.talk(wire))
    try:
        yield Usb(0x0416, 0x5011, {"backend": ConfiguredBus(printer)}, timeout=1000)
    finally:
        wire.out.put_nowait(b"")
        await talk


WAYS = {"tcp": over_tcp, "pty": over_pty, "usb": over_usb}
Hosted = tuple[Escpos, Any]


@contextlib.asynccontextmanager
async def opened(way: str, folder: Path) -> AsyncIterator[Hosted]:
    """The simulator, and a stranger that is connected to it. The stranger blocks: call it in a thread."""
    simulator = Escpos("printer-1", {"paper_mm": 58})
    async with WAYS[way](simulator, folder) as host:
        await asyncio.to_thread(host.open)
        try:
            yield simulator, host
        finally:
            await asyncio.to_thread(host.close)


@pytest.fixture(params=list(WAYS))
async def hosted(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hosted]:
    async with opened(request.param, tmp_path) as pair:
        yield pair


@pytest.fixture
async def networked(tmp_path: Path) -> AsyncIterator[Hosted]:
    async with opened("tcp", tmp_path) as pair:
        yield pair


# ---- what comes out of the slot


async def test_what_it_prints_comes_out_of_the_slot(hosted: Hosted) -> None:
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


async def test_a_scanner_reads_its_codes_off_the_paper(hosted: Hosted, tmp_path: Path) -> None:
    simulator, host = hosted

    def job() -> None:
        host.hw("INIT")
        host.qr("https://example.cn/t/A001", native=True, size=5)
        host.barcode("{BA001-58mm", "CODE128", height=80, width=2, function_type="B")
        host.cut()
        assert host.is_online()

    await asyncio.to_thread(job)
    assert await scanned(simulator, tmp_path) == {"https://example.cn/t/A001", "A001-58mm"}


SYMBOLS = [  # the data of GS k 73 as Epson describes it, and what a scanner reads
    ("7B 42 41 30 30 31", "A001"),
    ("7B 42 7B 7B 78 7D 7E", "{x}~"),
    ("7B 43 0C 22 38 63 00", "1234569900"),
    ("7B 41 41 09 42", "A\tB"),
    ("7B 42 61 7B 43 0C 22 7B 42 7A", "a1234z"),
    ("7B 42 61 7B 53 09 62", "a\tb"),
    ("7B 41 41 7B 53 62 43 7B 42 64", "AbCd"),
]


@pytest.mark.parametrize(("data", "text"), SYMBOLS)
async def test_a_scanner_reads_every_code_set(networked: Hosted, tmp_path: Path, data: str, text: str) -> None:
    simulator, host = networked

    def job() -> None:
        host.hw("INIT")
        host._raw(bytes((0x1D, 0x6B, 73, len(bytes.fromhex(data)))) + bytes.fromhex(data))
        host.cut()
        assert host.is_online()

    await asyncio.to_thread(job)
    assert await scanned(simulator, tmp_path) == {text}
    drawn = simulator.slips[0]
    characters = (len(drawn.barcodes[0].bars) - 13) // 11
    assert drawn.svg().count("<rect") == 3 * characters + 4, "three bars a character, and four to stop"


NO_SYMBOLS = ["41 30 30 31", "7B 44 41", "7B 43 64", "7B 43 7B 53", "7B 41 61", "7B 42 80", "7B 42 7B"]


@pytest.mark.parametrize("data", [*NO_SYMBOLS, "7B 42" + " 41" * 20])
async def test_what_is_no_symbol_or_too_wide_is_reported(networked: Hosted, data: str) -> None:
    simulator, host = networked

    def job() -> None:
        host._raw(bytes((0x1D, 0x6B, 73, len(bytes.fromhex(data)))) + bytes.fromhex(data))
        host.cut()
        assert host.is_online()

    await asyncio.to_thread(job)
    assert simulator.slips[0].barcodes == []
    assert len(simulator.slips[0].errors) == 1


async def scanned(simulator: Escpos, folder: Path) -> set[str]:
    """What zbar, an independent decoder, finds on the picture of the slips."""
    picture = folder / "slips.png"
    picture.write_bytes(simulator.png())
    scan = await asyncio.create_subprocess_exec(
        "zbarimg", "--quiet", "--raw", str(picture), stdout=asyncio.subprocess.PIPE
    )
    found, _ = await scan.communicate()
    return set(found.decode().splitlines())


@pytest.mark.parametrize("way", ["bitImageRaster", "graphics"])
async def test_its_images_come_out_dot_by_dot(hosted: Hosted, way: str) -> None:
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
    hosted: Hosted, name: str, fault: Callable[[Escpos], None], online: bool, paper: int
) -> None:
    simulator, host = hosted
    fault(simulator)
    assert await asyncio.to_thread(host.is_online) is online
    assert await asyncio.to_thread(host.paper_status) == paper


async def test_a_second_host_hears_nothing(networked: Hosted) -> None:
    _, host = networked
    assert await asyncio.to_thread(host.is_online)
    second = Network("127.0.0.1", port=host.port, timeout=5)

    def ask() -> bytes:
        with contextlib.closing(second), contextlib.suppress(ConnectionError):
            second.open()
            return bytes(second.query_status(b"\x10\x04\x01"))
        return b""

    assert await asyncio.to_thread(ask) == b""
    assert await asyncio.to_thread(host.is_online)


async def test_power_loss_ends_the_connection(networked: Hosted) -> None:
    simulator, host = networked
    assert await asyncio.to_thread(host.is_online)
    simulator.power_cycle()
    assert await asyncio.to_thread(host._read) == b""
